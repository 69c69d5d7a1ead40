// A client of `handoff mcp`, over its standard input and output. Every line that the server writes
// must be a message of JSON-RPC. What never comes is ended by ctest's limit.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "common/subprocess.h"

namespace handoff {

class McpClient {
 public:
  using Json = nlohmann::json;

  // `options` start the server; its standard input and output are this client's.
  explicit McpClient(SpawnOptions options)
      : McpClient(std::move(options), *MakePipe(), *MakePipe()) {}

  void SendLine(const std::string& line) const {
    CHECK(WriteAll(in_.get(), absl::StrCat(line, "\n")).ok());
  }
  void Notify(const std::string& method, const Json& params) const {
    SendLine(Json{{"jsonrpc", "2.0"}, {"method", method}, {"params", params}}.dump());
  }
  // Sends a request and gives its id; AnswerTo reads what is answered.
  int Send(const std::string& method, const Json& params) {
    SendLine(
        Json{{"jsonrpc", "2.0"}, {"id", ++last_}, {"method", method}, {"params", params}}.dump());
    return last_;
  }
  int SendCall(const std::string& tool, const Json& arguments, const Json& meta = nullptr) {
    Json params = {{"name", tool}, {"arguments", arguments}};
    if (!meta.is_null()) params["_meta"] = meta;
    return Send("tools/call", params);
  }
  // The next message, whatever it is.
  Json Next() {
    size_t end;
    while ((end = text_.find('\n')) == std::string::npos) {
      char bytes[64 << 10];
      const ssize_t n = ::read(out_.get(), bytes, sizeof(bytes));
      CHECK(n > 0);
      text_.append(bytes, static_cast<size_t>(n));
    }
    Json message = Json::parse(text_.substr(0, end));
    CHECK(message.at("jsonrpc") == "2.0");
    text_.erase(0, end + 1);
    return message;
  }
  // Messages that come first are kept in skipped(), for whoever asks for them later.
  Json AnswerTo(int id) {
    for (size_t i = 0;; ++i) {
      if (i == skipped_.size()) skipped_.push_back(Next());
      if (!skipped_[i].contains("id") || skipped_[i].at("id") != id) continue;
      Json message = std::move(skipped_[i]);
      skipped_.erase(skipped_.begin() + static_cast<std::ptrdiff_t>(i));
      return message;
    }
  }
  Json Request(const std::string& method, const Json& params) {
    return AnswerTo(Send(method, params));
  }
  // The result of a tool.
  Json Call(const std::string& tool, const Json& arguments) {
    Json answer = AnswerTo(SendCall(tool, arguments));
    CHECK(answer.contains("result"));
    return answer.at("result");
  }
  static std::string TextOf(const Json& result) {
    return result.at("content").at(0).at("text").get<std::string>();
  }
  const std::vector<Json>& skipped() const { return skipped_; }

  void CloseInput() { in_.Reset(); }
  void Signal(int signal) const { server_.Signal(signal); }
  // What it still wrote goes to skipped().
  ExitStatus AwaitEnd() {
    std::string rest = std::exchange(text_, "");
    char bytes[4096];
    for (ssize_t n; (n = ::read(out_.get(), bytes, sizeof(bytes))) > 0;) {
      rest.append(bytes, static_cast<size_t>(n));
    }
    for (size_t end; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1)) {
      skipped_.push_back(Json::parse(rest.substr(0, end)));
    }
    return *server_.Wait();
  }

 private:
  using Pipe = std::pair<UniqueFd, UniqueFd>;
  McpClient(SpawnOptions options, Pipe in, Pipe out)
      : server_(Start(std::move(options), in, out)),
        in_(std::move(in.second)),
        out_(std::move(out.first)) {
    ::signal(SIGPIPE, SIG_IGN);
  }
  static Subprocess Start(SpawnOptions options, const Pipe& in, const Pipe& out) {
    options.fds = {{0, in.first.get()}, {1, out.second.get()}};
    auto server = Subprocess::Spawn(options);
    CHECK(server.ok());
    return *std::move(server);
  }

  Subprocess server_;
  UniqueFd in_, out_;
  std::string text_;
  std::vector<Json> skipped_;
  int last_ = 0;
};

}  // namespace handoff
