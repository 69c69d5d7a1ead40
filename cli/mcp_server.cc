#include "cli/mcp_server.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "cli/text/mcp_answer.h"
#include "common/file.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

using Json = nlohmann::json;

// More at a time are refused.
constexpr size_t kMostCalls = 8;

// A name that two ids never share, although one may be 1 and the other "1".
std::string KeyOf(const Json& id) { return id.dump(); }

Json ProgressTokenOf(const Json& params) {
  const auto meta = params.find("_meta");
  if (meta == params.end() || !meta->is_object()) return nullptr;
  const auto token = meta->find("progressToken");
  return token != meta->end() && IsMcpId(*token) ? *token : Json(nullptr);
}

}  // namespace

McpServer::McpServer(McpServerOptions options) : options_(std::move(options)) {
  auto pipe = MakePipe();
  if (!pipe.ok()) return;  // Serve says so
  stop_read_ = std::move(pipe->first);
  stop_write_ = std::move(pipe->second);
}

McpServer::~McpServer() { EndCalls(); }

void McpServer::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  const ssize_t written = ::write(stop_write_.get(), "", 1);
  static_cast<void>(written);  // one that is full wakes as well
}

absl::Status McpServer::Serve() {
  if (!stop_read_.valid()) return absl::InternalError("no pipe could be made");
  std::vector<char> buffer(64 << 10);
  const auto each = [&](absl::string_view line) {
    for (const McpMessage& message : ParseMcpLine(line)) Take(message);
  };
  const auto too_long = [&] {
    Write(McpErrorLine(nullptr, RpcError::kInvalidRequest,
                       absl::StrCat("a message is longer than ", kMostMcpLine, " bytes")));
  };
  while (true) {
    pollfd polls[] = {{options_.in, POLLIN, 0}, {stop_read_.get(), POLLIN, 0}};
    if (::poll(polls, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return ErrnoToStatus(errno, "poll");
    }
    if (polls[1].revents != 0) break;
    const ssize_t n = ::read(options_.in, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, "reading from the client");
    Reap();
    if (n == 0) break;
    lines_.Feed({buffer.data(), static_cast<size_t>(n)}, each, too_long);
  }
  LetFinish();
  EndCalls();
  return absl::OkStatus();
}

void McpServer::Take(const McpMessage& message) {
  switch (message.kind) {
    case McpMessage::kInvalid:
      Write(absl::StrCat(message.error.dump(), "\n"));
      return;
    case McpMessage::kRequest:
      Answer(message);
      return;
    case McpMessage::kNotification:
      if (message.method == "notifications/cancelled") CancelCall(message.params);
      return;
    case McpMessage::kResponse:
      return;
  }
}

void McpServer::Answer(const McpMessage& request) {
  if (request.method == "initialize") {
    Write(McpResultLine(request.id, McpInitialize(request.params)));
  } else if (request.method == "ping") {
    Write(McpResultLine(request.id, Json::object()));
  } else if (request.method == "tools/list") {
    Write(McpResultLine(request.id, DescribeMcpTools()));
  } else if (request.method == "tools/call") {
    StartCall(request);
  } else {
    Write(McpErrorLine(request.id, RpcError::kNoSuchMethod,
                       absl::StrCat("there is no method '", OneLine(request.method, 80), "'")));
  }
}

void McpServer::StartCall(const McpMessage& message) {
  const auto refuse = [&](absl::string_view why) {
    Write(McpErrorLine(message.id, RpcError::kInvalidParams, why));
  };
  const auto name = message.params.find("name");
  if (name == message.params.end() || !name->is_string()) return refuse("\"name\" is missing");
  Request request{
      message.id, ProgressTokenOf(message.params), FindMcpTool(name->get<std::string>()), {}};
  if (request.tool == nullptr) {
    return refuse(absl::StrCat("there is no tool '", OneLine(name->get<std::string>(), 80), "'"));
  }
  const auto given = message.params.find("arguments");
  auto command = McpCommandFor(
      *request.tool, given == message.params.end() || given->is_null() ? Json::object() : *given);
  if (!command.ok()) return Write(McpResultLine(message.id, McpRefusal(command.status())));
  request.command = *std::move(command);
  Reap();
  const absl::Status begun = Begin(std::move(request));
  if (absl::IsAlreadyExists(begun)) return refuse(begun.message());
  if (!begun.ok()) Write(McpResultLine(message.id, McpRefusal(begun)));
}

absl::Status McpServer::Begin(Request request) {
  ASSIGN_OR_RETURN(auto pipe, MakePipe());
  const std::string key = KeyOf(request.id);
  const MutexLock lock(mutex_);
  if (calls_.count(key) > 0) return absl::AlreadyExistsError("a call of that id is running");
  if (calls_.size() >= kMostCalls) {
    return absl::ResourceExhaustedError(
        absl::StrCat(kMostCalls,
                     " calls are running already. Nothing was done; wait for one of "
                     "them to end"));
  }
  Call& call = calls_[key];
  call.tool = request.tool;
  call.cancel = std::move(pipe.second);
  call.thread = std::thread(
      [this, request = std::move(request), cancelled = std::move(pipe.first)]() mutable {
        RunCall(request, std::move(cancelled));
      });
  return absl::OkStatus();
}

void McpServer::CancelCall(const Json& params) {
  const auto id = params.find("requestId");
  if (id == params.end() || !IsMcpId(*id)) return;
  const MutexLock lock(mutex_);
  const auto call = calls_.find(KeyOf(*id));
  if (call == calls_.end()) return;
  call->second.silent = true;
  call->second.cancel.Reset();
}

absl::StatusOr<McpRun> McpServer::RunFor(const McpTool& tool, const McpCommand& command) const {
  McpRun run;
  run.argv = options_.command;
  run.argv.insert(run.argv.end(), command.arguments.begin(), command.arguments.end());
  run.env = options_.environment;
  run.directory = (std::filesystem::path(options_.directory) / command.repo).string();
  struct stat info;
  if (::stat(run.directory.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return absl::NotFoundError(absl::StrCat("'repo' ", OneLine(run.directory, 200),
                                            " is no directory here. Nothing was done"));
  }
  run.input = command.input;
  run.offset = command.offset;
  run.most = command.most;
  run.limit = tool.limit;
  run.to_leave = tool.to_leave;
  return run;
}

void McpServer::RunCall(const Request& request, UniqueFd cancelled) {
  int lines = 0;
  const auto note = [&](absl::string_view line) {
    if (request.progress.is_null()) return;
    Write(McpNotificationLine("notifications/progress",
                              {{"progressToken", request.progress},
                               {"progress", ++lines},
                               {"message", OneLine(EscapeInvalidUtf8(line), 200)}}));
  };
  const auto run = RunFor(*request.tool, request.command);
  if (!run.ok()) return Finish(request.id, McpRefusal(run.status()));
  const auto ran = RunMcpCommand(*run, cancelled.get(), note);
  Finish(request.id,
         ran.ok() ? McpResult(*request.tool, request.command, *ran) : McpRefusal(ran.status()));
}

void McpServer::Finish(const Json& id, const Json& result) {
  bool silent = false;
  {
    const MutexLock lock(mutex_);
    silent = calls_[KeyOf(id)].silent;
  }
  // Before it counts as done: its id may be used again only behind its answer.
  if (!silent) Write(McpResultLine(id, result));
  const MutexLock lock(mutex_);
  calls_[KeyOf(id)].done = true;
  changed_.NotifyAll();
}

void McpServer::Reap() {
  std::vector<std::thread> done;
  {
    const MutexLock lock(mutex_);
    for (auto call = calls_.begin(); call != calls_.end();) {
      if (call->second.done) done.push_back(std::move(call->second.thread));
      call = call->second.done ? calls_.erase(call) : std::next(call);
    }
  }
  for (std::thread& thread : done) thread.join();
}

void McpServer::LetFinish() {
  const MutexLock lock(mutex_);
  // Nobody is there any more to be told how long it takes.
  for (auto& [key, call] : calls_) {
    if (call.tool->answer == McpTool::kWait) call.cancel.Reset();
  }
  const auto works = [](const auto& entry) { return !entry.second.done; };
  while (!stopping_ && std::any_of(calls_.begin(), calls_.end(), works)) changed_.Wait(mutex_);
}

void McpServer::EndCalls() {
  std::vector<std::thread> threads;
  {
    const MutexLock lock(mutex_);
    for (auto& [key, call] : calls_) {
      call.cancel.Reset();
      threads.push_back(std::move(call.thread));
    }
  }
  for (std::thread& thread : threads) thread.join();
  const MutexLock lock(mutex_);
  calls_.clear();
}

void McpServer::Write(const std::string& line) {
  {
    const MutexLock lock(out_mutex_);
    if (broken_ || WriteAll(options_.out, line).ok()) return;
    broken_ = true;
  }
  Stop();
}

}  // namespace handoff
