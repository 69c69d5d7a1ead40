#include "tests/scripted_agent/player.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/file.h"
#include "common/handoff/summary.h"
#include "common/subprocess.h"
#include "common/text.h"
#include "nlohmann/json.hpp"
#include "tests/scripted_agent/spam.h"

namespace handoff::scripted {
namespace {

using nlohmann::json;

std::string DirectoryOf(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

// A reader that went away must not look like a crash of ours: real CLIs die of SIGPIPE.
void Out(int fd, absl::string_view bytes) {
  if (!WriteAll(fd, bytes).ok()) std::_Exit(141);
}

void Append(const std::string& path, const std::string& line) {
  const auto file = OpenFile(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (!file.ok() || !WriteAll(file->get(), line).ok()) {
    Out(2, absl::StrCat("scripted agent: cannot append to ", path, "\n"));
    std::_Exit(64);
  }
}

// Blocks until `path` exists, then reads it to its end. inotify, so that nothing polls.
void WaitFor(const std::string& path) {
  const UniqueFd watcher(::inotify_init1(IN_CLOEXEC));
  CHECK(watcher.valid());
  CHECK(::inotify_add_watch(watcher.get(), DirectoryOf(path).c_str(), IN_CREATE | IN_MOVED_TO) >=
        0);
  while (!PathExists(path)) {
    alignas(inotify_event) char events[4096];
    CHECK(::read(watcher.get(), events, sizeof(events)) > 0 || errno == EINTR);
  }
  CHECK(ReadFile(path).ok());
}

[[noreturn]] void Forever() {
  while (true) ::pause();
}

uint64_t Number(const std::string& text) {
  uint64_t number = 0;
  CHECK(absl::SimpleAtoi(text, &number));
  return number;
}

}  // namespace

int Player::Play(const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    if (step.verb == "session") run_.session = step.words[0];
  }
  for (const Step& step : steps) {
    if (const auto code = PlayStep(step)) return *code;
  }
  return 0;
}

std::optional<int> Player::PlayStep(const Step& step) {
  if (step.verb == "say") {
    Say(step.text);
  } else if (step.verb == "think") {
    Emit({{"type", "thinking"}, {"subtype", "delta"}, {"text", step.text}});
    Emit({{"type", "thinking"}, {"subtype", "completed"}});
  } else if (step.verb == "tool") {
    Shell(step.text, {"/bin/sh", "-c", step.text});
  } else if (step.verb == "commit") {
    Shell("git add -A", {"git", "add", "-A"});
    Shell("git commit -m " + ShellQuote(step.text), {"git", "commit", "-q", "-m", step.text});
  } else if (step.verb == "write") {
    Write(step.words[0], absl::StrReplaceAll(step.text, {{"\\n", "\n"}}));
  } else if (step.verb == "result") {
    SendResult(step.words[0] == "ok", step.text);
  } else if (step.verb == "sections") {
    std::string summary;
    for (const absl::string_view section : kSummarySections) {
      absl::StrAppend(&summary, "## ", section, "\n", step.text, "\n\n");
    }
    Say(summary);
  } else if (step.verb == "line") {
    Say(std::string(Number(step.words[0]), 'x'));
  } else if (step.verb == "raw" || step.verb == "stderr") {
    Out(step.verb == "raw" ? 1 : 2, step.text + "\n");
  } else if (step.verb == "spam") {
    SpamBoth(step);
  } else {
    PlayFile(step);
    return PlayEnding(step);
  }
  return std::nullopt;
}

void Player::PlayFile(const Step& step) {
  if (step.verb == "wait") {
    WaitFor(step.words[0]);
  } else if (step.verb == "prompt") {
    if (!WriteFileAtomically(step.words[0], run_.prompt).ok()) std::_Exit(64);
  } else if (step.verb == "tell") {
    Append(step.words[0], step.text + "\n");
  } else if (step.verb == "record") {
    const char* attempt = std::getenv("HANDOFF_ATTEMPT");
    Append(step.words[0],
           absl::StrCat(step.words[1], " ", attempt == nullptr ? "none" : attempt, "\n"));
  } else if (step.verb == "grandchild") {
    Grandchild(step.words[0]);
  }
}

std::optional<int> Player::PlayEnding(const Step& step) {
  if (step.verb == "exit") return static_cast<int>(Number(step.words[0]));
  if (step.verb == "silence" || step.verb == "no-exit") Forever();
  if (step.verb == "ignore") {
    ::signal(SignalNumber(step.words[0]), SIG_IGN);
  } else if (step.verb == "crash") {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::signal(SignalNumber(step.words[0]), SIG_DFL);
    ::raise(SignalNumber(step.words[0]));
  } else if (step.verb == "first") {
    const auto made = OpenFile(step.words[0], O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (made.ok()) return PlayStep(*step.then);
  }
  return std::nullopt;
}

void Player::Begin() {
  if (begun_) return;
  begun_ = true;
  Emit({{"type", "system"},
        {"subtype", "init"},
        {"apiKeySource", "login"},
        {"cwd", std::string(std::getenv("PWD") == nullptr ? "" : std::getenv("PWD"))},
        {"model", run_.model.empty() ? "Scripted" : run_.model},
        {"permissionMode", "default"}});
  const json content = json::array({{{"type", "text"}, {"text", run_.prompt}}});
  Emit({{"type", "user"}, {"message", {{"role", "user"}, {"content", content}}}});
}

void Player::Emit(json event) {
  Begin();
  event["session_id"] = run_.session;
  Out(1, event.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
}

void Player::Say(const std::string& text) {
  said_ += text;
  const json content = json::array({{{"type", "text"}, {"text", text}}});
  Emit({{"type", "assistant"}, {"message", {{"role", "assistant"}, {"content", content}}}});
}

void Player::Shell(const std::string& shown, const std::vector<std::string>& argv) {
  const std::string id = absl::StrCat("call-", ++calls_);
  const int64_t started = absl::ToUnixMillis(absl::Now());
  const json args = {{"command", shown}, {"timeout", 30000}};
  Emit({{"type", "tool_call"},
        {"subtype", "started"},
        {"call_id", id},
        {"tool_call",
         {{"shellToolCall", {{"args", args}}}, {"startedAtMs", absl::StrCat(started)}}}});
  SpawnOptions options;
  options.argv = argv;
  options.env = CurrentEnvironment();
  const auto ran = RunProcess(options, "", absl::Hours(24));
  const int code = !ran.ok()                 ? 127
                   : ran->status.signal != 0 ? 128 + ran->status.signal
                                             : ran->status.code;
  const json inner = {{"command", shown},
                      {"exitCode", code},
                      {"stdout", ran.ok() ? ran->out : ""},
                      {"stderr", ran.ok() ? ran->err : std::string(ran.status().message())}};
  const int64_t ended = absl::ToUnixMillis(absl::Now());
  Emit({{"type", "tool_call"},
        {"subtype", "completed"},
        {"call_id", id},
        {"tool_call",
         {{"shellToolCall",
           {{"args", args}, {"result", {{code == 0 ? "success" : "failure", inner}}}}},
          {"startedAtMs", absl::StrCat(started)},
          {"completedAtMs", absl::StrCat(ended)}}}});
}

void Player::Write(const std::string& path, const std::string& text) {
  const std::string id = absl::StrCat("call-", ++calls_);
  const json args = {{"path", path}, {"streamContent", text}};
  Emit({{"type", "tool_call"},
        {"subtype", "started"},
        {"call_id", id},
        {"tool_call", {{"editToolCall", {{"args", args}}}}}});
  absl::Status status = MakeDirectories(DirectoryOf(path));
  if (status.ok()) status = WriteFileAtomically(path, text + "\n", 0644);
  const json result = status.ok()
                          ? json{{"success", {{"path", path}, {"afterFullFileContent", text}}}}
                          : json{{"error", {{"error", std::string(status.message())}}}};
  Emit({{"type", "tool_call"},
        {"subtype", "completed"},
        {"call_id", id},
        {"tool_call", {{"editToolCall", {{"args", args}, {"result", result}}}}}});
}

void Player::SendResult(bool ok, const std::string& text) {
  const json usage = {{"inputTokens", 100 + run_.prompt.size()},
                      {"outputTokens", said_.size()},
                      {"cacheReadTokens", 0},
                      {"cacheWriteTokens", 0}};
  // As Cursor does, only a result after some turn ends a run.
  if (ok && said_.empty() && calls_ == 0) Say(text.empty() ? "Done." : text);
  Emit({{"type", "result"},
        {"subtype", ok ? "success" : "error"},
        {"is_error", !ok},
        {"duration_ms", 1},
        {"result", text.empty() ? said_ : text},
        {"usage", usage}});
}

void Player::SpamBoth(const Step& step) {
  Spam spam(Number(step.words[0]), Number(step.words[1]));
  std::string line;
  int stream = 1;
  while (spam.Next(&line, &stream)) Out(step.text == "out" ? 1 : stream, line);
}

void Player::Grandchild(const std::string& path) {
  auto ready = MakePipe();
  CHECK(ready.ok());
  SpawnOptions options;
  options.argv = {run_.executable, "hold-on", path};
  options.env = CurrentEnvironment();
  options.fds = {{1, 1}, {2, 2}, {3, ready->second.get()}};
  options.new_session = true;
  auto child = Subprocess::Spawn(options);
  CHECK(child.ok());
  child->Release();
  ready->second.Reset();
  char byte;
  while (::read(ready->first.get(), &byte, 1) < 0 && errno == EINTR) {
  }
}

void HoldOn(const std::string& path) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::signal(signal, SIG_IGN);
  Append(path, absl::StrCat(::getpid(), "\n"));
  ::close(3);
  Forever();
}

}  // namespace handoff::scripted
