#include "tests/e2e/pool.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "gtest/gtest.h"

namespace handoff::e2e {
namespace {

TempDir MakeDirectory() {
  auto dir = TempDir::Make("handoff-e2e-");
  CHECK(dir.ok());
  return *std::move(dir);
}

std::string Tail(const std::string& path) {
  const auto text = ReadFile(path, 256 << 20);
  return text.ok() ? text->substr(text->size() - std::min<size_t>(text->size(), 3000)) : "";
}

}  // namespace

std::string Program(const std::string& name) { return absl::StrCat(HANDOFF_BIN_DIR, "/", name); }

Gate::Gate(std::string path) : path_(std::move(path)) { CHECK(::mkfifo(path_.c_str(), 0600) == 0); }

void Gate::Open() const {
  const auto fd = OpenFile(path_, O_WRONLY);
  CHECK(fd.ok() && WriteAll(fd->get(), "go\n").ok());
}

std::string Gate::Await() const {
  auto text = ReadFile(path_);
  CHECK(text.ok());
  return std::string(absl::StripSuffix(*text, "\n"));
}

Pool::Pool() : dir_(MakeDirectory()) {
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_TRUE(MakeDirectories(path("home")).ok());
}

Pool::~Pool() {
  // Agents outlive their daemons on purpose, so what a failed test left running is cancelled first.
  if (Running("coordinator")) {
    const CommandResult live = Handoff({"list", "--all", "--status", "running", "--json"});
    for (const auto& line : absl::StrSplit(live.out, '\n')) {
      const auto at = line.find("\"id\":\"");
      if (at == absl::string_view::npos) continue;
      const std::string id(line.substr(at + 6, line.find('"', at + 6) - at - 6));
      Handoff({"cancel", id});
      Handoff({"wait", id, "--timeout", "30s"});
    }
  }
  for (auto& [name, daemon] : daemons_) {
    if (::testing::Test::HasFailure()) {
      GTEST_LOG_(INFO) << name << " said:\n" << Tail(path(name + ".log"));
    }
    if (daemon.process) Kill(name, SIGTERM);
  }
  for (auto& [name, holder] : disks_) {
    holder.Signal(SIGKILL);
    EXPECT_TRUE(holder.Wait().ok());
  }
}

std::string Pool::Person() {
  const passwd* entry = ::getpwuid(::geteuid());
  return entry == nullptr ? absl::StrCat("uid-", ::geteuid()) : entry->pw_name;
}

std::vector<std::string> Pool::Environment() const {
  const char* path_variable = std::getenv("PATH");
  const std::string home = path(person.empty() ? "home" : person);
  std::vector<std::string> env = {
      absl::StrCat("PATH=", path_variable == nullptr ? "/usr/bin:/bin" : path_variable),
      absl::StrCat("HOME=", home),
      absl::StrCat("XDG_CONFIG_HOME=", home, "/.config"),
      "LANG=C.UTF-8",
      "USER=tester",
      "GIT_CONFIG_GLOBAL=/dev/null",
      "GIT_CONFIG_NOSYSTEM=1"};
  if (person.empty()) {
    env.push_back(absl::StrCat("HANDOFF_COORDINATOR=", address_));
    env.push_back(absl::StrCat("HANDOFF_CREDENTIALS=", credentials()));
  }
  for (const char* name : {"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
                           "LD_PRELOAD", "HANDOFF_BENCH_COUNTS", "NOTIFY_SOCKET"}) {
    if (const char* value = std::getenv(name)) env.push_back(absl::StrCat(name, "=", value));
  }
  return env;
}

void Pool::Launch(const std::string& name, const std::string& ready) {
  Daemon& daemon = daemons_.at(name);
  auto out = MakePipe();
  auto log = OpenFile(path(name + ".log"), O_WRONLY | O_CREAT | O_APPEND);
  CHECK(out.ok() && log.ok());
  SpawnOptions options;
  options.argv = daemon.argv;
  options.env = Environment();
  options.cwd = dir();
  options.fds = {{1, out->second.get()}, {2, log->get()}};
  auto process = Subprocess::Spawn(options);
  ASSERT_TRUE(process.ok()) << process.status();
  daemon.process.emplace(*std::move(process));
  out->second.Reset();
  std::string said;
  char c;
  while (!ready.empty() && ::read(out->first.get(), &c, 1) == 1 && c != '\n') said.push_back(c);
  const auto at = said.find(ready);
  ASSERT_NE(at, std::string::npos) << name << " did not get ready; it said: " << said << "\n"
                                   << Tail(path(name + ".log"));
  if (name == "coordinator") address_ = said.substr(at + ready.size());
  // The daemon keeps its stdout; nothing more is written there.
  out->first.Release();
}

void Pool::StartCoordinator() {
  daemons_["coordinator"].argv =
      Through("coordinator", {Program("handoff-coordinator"), "--data-dir", path("coordinator"),
                              "--listen", address_.empty() ? listen : address_});
  std::vector<std::string>& argv = daemons_["coordinator"].argv;
  argv.insert(argv.end(), coordinator_flags.begin(), coordinator_flags.end());
  Launch("coordinator", "ready on ");
}

void Pool::Join(const std::string& name, const std::vector<std::string>& invite,
                const std::vector<std::string>& flags) {
  std::vector<std::string> args = {"worker", "invite"};
  args.insert(args.end(), invite.begin(), invite.end());
  const CommandResult invited = Handoff(args);
  ASSERT_EQ(invited.exit_code, 0) << invited.err;
  SpawnOptions options;
  options.argv =
      Through(name, {Program("handoff-worker"), "join", "--data-dir", path(name), "--name", name});
  options.argv.insert(options.argv.end(), flags.begin(), flags.end());
  options.env = Environment();
  options.cwd = dir();
  const auto joined = RunProcess(options, invited.out, absl::Minutes(1));
  ASSERT_TRUE(joined.ok()) << joined.status();
  ASSERT_TRUE(joined->status.ok()) << joined->err;
}

std::vector<std::string> Pool::Through(const std::string& name,
                                       std::vector<std::string> argv) const {
  if (const auto disk = disks_.find(name); disk != disks_.end()) {
    // The root, too: with the namespace alone a test that runs in a chroot would leave it.
    std::vector<std::string> enter = {"nsenter", "--mount", "--root",
                                      absl::StrCat("--target=", disk->second.pid())};
    if (::geteuid() != 0) enter.insert(enter.end(), {"--user", "--preserve-credentials"});
    argv.insert(argv.begin(), enter.begin(), enter.end());
  }
  if (const auto first = through.find(name); first != through.end())
    argv.insert(argv.begin(), first->second.begin(), first->second.end());
  return argv;
}

void Pool::StartWorker(const std::string& name, int slots, const std::vector<std::string>& flags,
                       const std::string& config) {
  const std::string toml = path(name + ".toml");
  const std::string agent =
      absl::StrContains(config, "[agents.cursor]")
          ? ""
          : absl::StrCat("\n[agents.cursor]\nbinary = \"", Program("scripted-agent"), "\"\n");
  ASSERT_TRUE(WriteFileAtomically(toml, config + agent).ok());
  std::vector<std::string> argv = {Program("handoff-worker"), "--data-dir", path(name), "--slots",
                                   absl::StrCat(slots),       "--config",   toml};
  argv.insert(argv.end(), flags.begin(), flags.end());
  // A disk of its own is not seen from here.
  const bool joined =
      disks_.count(name) != 0 ? daemons_.count(name) != 0 : PathExists(path(name) + "/identity");
  if (!joined) Join(name);
  ASSERT_FALSE(::testing::Test::HasFatalFailure());
  daemons_[name].argv = Through(name, std::move(argv));
  Launch(name, "ready as ");
}

bool Pool::MakeSmallDisk(const std::string& name) {
  EXPECT_TRUE(MakeDirectories(path(name)).ok());
  auto said = MakePipe();
  CHECK(said.ok());
  SpawnOptions options;
  options.argv = {"unshare",
                  ::geteuid() == 0 ? "-m" : "-rm",
                  "sh",
                  "-c",
                  "mount -t tmpfs -o size=32m,mode=0700 tmpfs \"$0\" && echo ready && "
                  "exec sleep infinity",
                  path(name)};
  options.env = Environment();
  options.fds = {{1, said->second.get()}};
  auto holder = Subprocess::Spawn(options);
  if (!holder.ok()) return false;
  said->second.Reset();
  char c = 0;
  const bool ready = ::read(said->first.get(), &c, 1) == 1;
  disks_.emplace(name, *std::move(holder));
  return ready;
}

std::string Pool::FillerOf(const std::string& name) const {
  return absl::StrCat("/proc/", disks_.at(name).pid(), "/root", path(name), "/filler");
}

void Pool::FillDisk(const std::string& name) const {
  const auto file = OpenFile(FillerOf(name), O_WRONLY | O_CREAT | O_APPEND);
  CHECK(file.ok());
  // Ever less at once, down to the last byte.
  for (size_t block = 1 << 20; block > 0; block /= 2) {
    const std::string zeros(block, '\0');
    while (WriteAll(file->get(), zeros).ok()) {
    }
  }
}

void Pool::FreeDisk(const std::string& name) const { EXPECT_TRUE(RemoveTree(FillerOf(name)).ok()); }

std::string Pool::MakeAgent(const std::string& conf, const std::string& name) const {
  const std::string agent = path(name);
  CHECK(::symlink(Program("scripted-agent").c_str(), agent.c_str()) == 0);
  EXPECT_TRUE(WriteFileAtomically(agent + ".conf", conf).ok());
  return agent;
}

void Pool::RestartWorker(const std::string& name, bool let_in) {
  Launch(name, let_in ? "ready as " : "");
}

void Pool::Kill(const std::string& name, int signal) {
  Daemon& daemon = daemons_.at(name);
  if (!daemon.process) return;
  daemon.process->Signal(signal);
  if (signal == SIGKILL || signal == SIGTERM) {
    EXPECT_TRUE(daemon.process->Wait().ok());
    daemon.process.reset();
  }
}

bool Pool::Running(const std::string& name) {
  const auto daemon = daemons_.find(name);
  return daemon != daemons_.end() && daemon->second.process.has_value();
}

pid_t Pool::PidOf(const std::string& name) const { return daemons_.at(name).process->pid(); }

bool IsRunning(pid_t pid) {
  // A zombie has ended; who reaps it is not our affair.
  const auto stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  return stat.ok() && stat->substr(stat->rfind(')') + 2, 1) != "Z";
}

uint64_t Pool::MemoryOf(const std::string& name, absl::string_view field) const {
  const auto status = ReadFile(absl::StrCat("/proc/", PidOf(name), "/status"));
  CHECK(status.ok());
  for (absl::string_view line : absl::StrSplit(*status, '\n')) {
    uint64_t kilobytes = 0;
    if (absl::ConsumePrefix(&line, field) && absl::ConsumeSuffix(&line, "kB") &&
        absl::SimpleAtoi(line, &kilobytes)) {
      return kilobytes * 1024;
    }
  }
  return 0;
}

std::vector<std::string> Pool::CommandLine(const std::vector<std::string>& args) const {
  std::vector<std::string> argv = {Program("handoff")};
  argv.insert(argv.end(), args.begin(), args.end());
  const bool agent = std::find(args.begin(), args.end(), "--") == args.end() &&
                     std::find(args.begin(), args.end(), "command") == args.end();
  const bool says = std::find(args.begin(), args.end(), "--summaries") != args.end();
  if (!args.empty() && args[0] == "submit" && agent && !says && !summaries.empty())
    argv.insert(argv.begin() + 2, {"--summaries", summaries});
  return Through("handoff", std::move(argv));
}

CommandResult Pool::Handoff(const std::vector<std::string>& args, const std::string& cwd,
                            const std::string& input, absl::Duration limit) const {
  SpawnOptions options;
  options.argv = CommandLine(args);
  options.env = Environment();
  options.cwd = cwd.empty() ? dir() : cwd;
  const auto result = RunProcess(options, input, limit);
  CHECK(result.ok());
  EXPECT_FALSE(result->timed_out) << "handoff " << absl::StrJoin(args, " ");
  return {result->status.signal != 0 ? 128 + result->status.signal : result->status.code,
          result->out, result->err};
}

Subprocess Pool::HandoffInBackground(const std::vector<std::string>& args, const std::string& cwd,
                                     const std::string& out) const {
  SpawnOptions options;
  options.argv = CommandLine(args);
  options.env = Environment();
  options.cwd = cwd.empty() ? dir() : cwd;
  UniqueFd file;
  if (!out.empty()) {
    auto opened = OpenFile(out, O_WRONLY | O_CREAT | O_TRUNC);
    CHECK(opened.ok());
    file = *std::move(opened);
    options.fds = {{1, file.get()}};
  }
  auto process = Subprocess::Spawn(options);
  CHECK(process.ok());
  return *std::move(process);
}

std::string Pool::Submit(const std::vector<std::string>& args, const std::string& cwd) const {
  std::vector<std::string> all = {"submit"};
  all.insert(all.end(), args.begin(), args.end());
  const CommandResult result = Handoff(all, cwd);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return std::string(absl::StripAsciiWhitespace(result.out));
}

std::string Pool::Script(const std::vector<std::string>& steps) {
  return absl::StrCat("Play this script.\n",
                      absl::StrJoin(steps, "\n", [](std::string* out, const std::string& step) {
                        absl::StrAppend(out, "script: ", step);
                      }));
}

void Pool::Eventually(const std::function<bool()>& condition) const {
  while (!condition()) Handoff({"worker", "list"});
}

void Pool::AwaitWorkers() const {
  Eventually([this] {
    const std::string workers = Handoff({"worker", "list", "--json"}).out;
    const std::vector<absl::string_view> lines = absl::StrSplit(workers, '\n', absl::SkipEmpty());
    return std::all_of(lines.begin(), lines.end(), [](absl::string_view line) {
      return absl::StrContains(line, "\"reachable\":true");
    });
  });
}

std::string Pool::MakeRepository(const std::string& name) const {
  const std::string repository = path(name);
  EXPECT_TRUE(MakeDirectories(repository).ok());
  Git(repository, {"init", "-q", "-b", "main"});
  EXPECT_TRUE(WriteFileAtomically(repository + "/README.md", "# A repository\n", 0644).ok());
  Git(repository, {"add", "."});
  Git(repository, {"commit", "-q", "-m", "Begin"});
  return repository;
}

std::string Pool::Git(const std::string& cwd, const std::vector<std::string>& args) const {
  SpawnOptions options;
  options.argv = {"git",
                  "-c",
                  "user.name=Tester",
                  "-c",
                  "user.email=tester@localhost",
                  "-c",
                  "protocol.file.allow=always"};
  options.argv.insert(options.argv.end(), args.begin(), args.end());
  options.env = Environment();
  options.cwd = cwd;
  const auto result = RunProcess(options, "", absl::Minutes(1));
  CHECK(result.ok());
  EXPECT_TRUE(result->status.ok()) << "git " << absl::StrJoin(args, " ") << ": " << result->err;
  return result->out;
}

}  // namespace handoff::e2e
