#include "cli/dev_pool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "cli/connection.h"
#include "common/file.h"
#include "common/identity/certificate.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/identity.pb.h"

namespace handoff {
namespace {

constexpr absl::Duration kReadyWithin = absl::Seconds(60);
constexpr absl::Duration kStopWithin = absl::Seconds(15);

// Whether `fd` got readable before `deadline`.
bool WaitReadable(int fd, absl::Time deadline) {
  while (true) {
    pollfd poll{fd, POLLIN, 0};
    const int64_t left = std::max<int64_t>(0, absl::ToInt64Milliseconds(deadline - absl::Now()));
    const int ready = ::poll(&poll, 1, static_cast<int>(std::min<int64_t>(left, 60'000)));
    if (ready > 0) return true;
    if (ready == 0 && absl::Now() >= deadline) return false;
  }
}

std::string LastLines(const std::string& path) {
  const auto text = ReadFile(path, 1 << 30);
  if (!text.ok()) return "";
  const size_t from = text->size() > 800 ? text->size() - 800 : 0;
  return StripControls(text->substr(from));
}

void EndPolitely(int pidfd, const std::function<void(int)>& signal) {
  signal(SIGTERM);
  if (!WaitReadable(pidfd, absl::Now() + kStopWithin)) signal(SIGKILL);
}

// A daemon of this data directory, by its command line: pids are used again.
bool IsOurs(pid_t pid, const std::string& data_dir) {
  const auto command = ReadFile(absl::StrCat("/proc/", pid, "/cmdline"));
  return command.ok() && absl::StrContains(*command, absl::StrCat(data_dir, "/")) &&
         absl::StrContains(*command, "handoff-");
}

void EndLeftovers(const std::string& data_dir) {
  const auto pids = ReadFile(data_dir + "/pids");
  if (!pids.ok()) return;
  std::vector<std::string> lines = absl::StrSplit(*pids, '\n', absl::SkipEmpty());
  std::reverse(lines.begin(), lines.end());  // the coordinator last
  for (const std::string& line : lines) {
    int pid = 0;
    if (!absl::SimpleAtoi(line, &pid) || pid <= 1) continue;
    const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd.valid() || !IsOurs(pid, data_dir)) continue;
    EndPolitely(pidfd.get(), [&](int signal) {
      ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0);
    });
    WaitReadable(pidfd.get(), absl::Now() + absl::Seconds(5));
  }
}

std::string NameOf(int number) { return absl::StrCat("dev-", number); }

// Ours without what is about another pool.
std::vector<std::string> DaemonEnvironment() {
  std::vector<std::string> environment = CurrentEnvironment();
  const auto of_another = [](const std::string& entry) {
    return absl::StartsWith(entry, "HANDOFF_TOKEN=") ||
           absl::StartsWith(entry, "HANDOFF_CREDENTIALS=") ||
           absl::StartsWith(entry, "HANDOFF_COORDINATOR=");
  };
  environment.erase(std::remove_if(environment.begin(), environment.end(), of_another),
                    environment.end());
  return environment;
}

// Whether a worker has a credential that still gets it in, or the next one.
bool CanRenew(const std::string& directory, absl::Time now) {
  const auto pem = ReadFile(directory + "/identity/renewal.pem");
  if (!pem.ok()) return false;
  const auto certificate = Certificate::FromPem(*pem);
  return certificate.ok() && now < certificate->not_after();
}

}  // namespace

absl::StatusOr<DevPool> DevPool::Start(const DevOptions& options) {
  RETURN_IF_ERROR(MakeDirectories(options.data_dir));
  ASSIGN_OR_RETURN(UniqueFd lock, LockFile(options.data_dir + "/dev.lock"));
  EndLeftovers(options.data_dir);
  DevPool pool(std::move(lock), options);
  const absl::Status status = pool.StartAll();
  if (!status.ok()) {
    pool.Stop();
    return status;
  }
  return pool;
}

absl::Status DevPool::StartAll() {
  RETURN_IF_ERROR(
      Launch("coordinator", {options_.program_dir + "/handoff-coordinator", "--data-dir",
                             options_.data_dir + "/coordinator", "--listen", "127.0.0.1:0"}));
  ASSIGN_OR_RETURN(address_, AwaitReady(daemons_.front(), "ready on "));
  RETURN_IF_ERROR(JoinWorkers());
  for (int i = 1; i <= options_.workers; ++i) {
    RETURN_IF_ERROR(Launch(NameOf(i), {options_.program_dir + "/handoff-worker", "--data-dir",
                                       WorkerDirectory(i), "--coordinator", address_, "--name",
                                       NameOf(i), "--slots", absl::StrCat(options_.slots)}));
  }
  // All of them get ready at the same time.
  for (size_t i = 1; i < daemons_.size(); ++i) {
    RETURN_IF_ERROR(AwaitReady(daemons_[i], "ready as ").status());
  }
  return absl::OkStatus();
}

std::string DevPool::WorkerDirectory(int number) const {
  return absl::StrCat(options_.data_dir, "/", NameOf(number));
}

absl::Status DevPool::JoinWorkers() const {
  std::vector<int> missing;
  for (int i = 1; i <= options_.workers; ++i) {
    if (!CanRenew(WorkerDirectory(i), absl::Now())) missing.push_back(i);
  }
  if (missing.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(StoredCredential credential, ReadCredential(credentials()));
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client,
                   ConnectTo({{address_}, std::move(credential), std::nullopt}));
  v1::CreateTokensRequest request;
  request.set_purpose(v1::Token::WORKER);
  request.set_count(static_cast<int>(missing.size()));
  ASSIGN_OR_RETURN(const v1::CreateTokensResponse made, client->CreateTokens(request));
  if (static_cast<size_t>(made.lines_size()) != missing.size()) {
    return absl::InternalError("the coordinator did not make a line for each worker");
  }
  for (int i = 0; i < made.lines_size(); ++i) {
    RETURN_IF_ERROR(Join(missing[static_cast<size_t>(i)], made.lines(i)));
  }
  return absl::OkStatus();
}

absl::Status DevPool::Join(int number, absl::string_view line) const {
  SpawnOptions spawn;
  spawn.argv = {options_.program_dir + "/handoff-worker",
                "join",
                "--data-dir",
                WorkerDirectory(number),
                "--name",
                NameOf(number)};
  spawn.env = DaemonEnvironment();
  ASSIGN_OR_RETURN(const RunResult result, RunProcess(spawn, line, kReadyWithin));
  if (!result.timed_out && result.status.ok()) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat(NameOf(number), " could not join the pool: ", StripControls(result.err)));
}

absl::Status DevPool::Launch(const std::string& name, std::vector<std::string> argv) {
  const std::string log = absl::StrCat(options_.data_dir, "/", name, ".log");
  ASSIGN_OR_RETURN(auto out, MakePipe());
  ASSIGN_OR_RETURN(const UniqueFd err, OpenFile(log, O_WRONLY | O_CREAT | O_APPEND));
  SpawnOptions spawn;
  spawn.argv = std::move(argv);
  spawn.env = DaemonEnvironment();
  spawn.fds = {{1, out.second.get()}, {2, err.get()}};
  ASSIGN_OR_RETURN(Subprocess process, Subprocess::Spawn(spawn));
  daemons_.push_back({name, log, std::move(process), std::move(out.first)});
  return RecordPids();
}

absl::StatusOr<std::string> DevPool::AwaitReady(const Daemon& daemon, const std::string& words) {
  std::string said;
  const absl::Time deadline = absl::Now() + kReadyWithin;
  char c = 0;
  while (WaitReadable(daemon.out.get(), deadline) && ::read(daemon.out.get(), &c, 1) == 1) {
    if (c != '\n') {
      said.push_back(c);
      continue;
    }
    const size_t at = said.find(words);
    if (at != std::string::npos) return said.substr(at + words.size());
    said.clear();
  }
  return absl::InternalError(absl::StrCat(daemon.name, " did not get ready. Its log is ",
                                          daemon.log, " and ends with:\n", LastLines(daemon.log)));
}

absl::Status DevPool::RecordPids() const {
  std::string text;
  for (const Daemon& daemon : daemons_) absl::StrAppend(&text, daemon.process.pid(), "\n");
  return WriteFileAtomically(options_.data_dir + "/pids", text);
}

absl::Status DevPool::Run(int stop) {
  std::vector<pollfd> polls = {{stop, POLLIN, 0}};
  for (const Daemon& daemon : daemons_) polls.push_back({daemon.process.pidfd(), POLLIN, 0});
  while (true) {
    if (::poll(polls.data(), polls.size(), -1) <= 0) continue;
    if (polls[0].revents != 0) return absl::OkStatus();
    for (size_t i = 1; i < polls.size(); ++i) {
      if (polls[i].revents == 0) continue;
      const Daemon& daemon = daemons_[i - 1];
      return absl::InternalError(absl::StrCat(daemon.name, " ended by itself. Its log is ",
                                              daemon.log, " and ends with:\n",
                                              LastLines(daemon.log)));
    }
  }
}

void DevPool::Stop() {
  for (size_t i = daemons_.size(); i-- > 1;) daemons_[i].process.Signal(SIGTERM);
  for (size_t i = daemons_.size(); i-- > 0;) {
    Subprocess& process = daemons_[i].process;
    EndPolitely(process.pidfd(), [&](int signal) { process.Signal(signal); });
    process.Wait().IgnoreError();
  }
  daemons_.clear();
  ::unlink((options_.data_dir + "/pids").c_str());
}

}  // namespace handoff
