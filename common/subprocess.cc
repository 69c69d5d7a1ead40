#include "common/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/clock.h"
#include "common/pidfd.h"
#include "common/status.h"

extern char** environ;

namespace handoff {
namespace {

// For what an ended process still has in its pipes.
constexpr absl::Duration kEndedFor = absl::Seconds(1);

// posix_spawn's dup2 actions run in order, so a source that is itself a later target would be
// overwritten. Move every source above all targets first.
absl::Status AddDescriptors(const SpawnOptions& options, posix_spawn_file_actions_t* actions,
                            std::vector<UniqueFd>* moved) {
  int highest = 2;
  for (const auto& [target, source] : options.fds) highest = std::max(highest, target);
  for (int fd = 0; fd <= 2; ++fd) {
    const bool given = std::any_of(options.fds.begin(), options.fds.end(),
                                   [fd](const auto& p) { return p.first == fd; });
    if (!given)
      posix_spawn_file_actions_addopen(actions, fd, "/dev/null", fd == 0 ? O_RDONLY : O_WRONLY, 0);
  }
  for (const auto& [target, source] : options.fds) {
    const int copy = ::fcntl(source, F_DUPFD_CLOEXEC, highest + 1);
    if (copy < 0) return ErrnoToStatus(errno, "duplicating a descriptor");
    moved->emplace_back(copy);
    posix_spawn_file_actions_adddup2(actions, copy, target);
  }
  posix_spawn_file_actions_addclosefrom_np(actions, highest + 1);
  return absl::OkStatus();
}

// Reads what is there; keeps `most` bytes of all; closes `fd` at the end.
void Drain(UniqueFd& fd, std::string& to, size_t most) {
  char buffer[16384];
  const ssize_t n = ::read(fd.get(), buffer, sizeof(buffer));
  if (n > 0) to.append(buffer, std::min(static_cast<size_t>(n), most - std::min(most, to.size())));
  if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) fd.Reset();
}

}  // namespace

std::vector<char*> ForExec(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

absl::StatusOr<Subprocess> Subprocess::Spawn(const SpawnOptions& options) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  const absl::Cleanup cleanup = [&] {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  };
  std::vector<UniqueFd> moved;
  RETURN_IF_ERROR(AddDescriptors(options, &actions, &moved));
  if (!options.cwd.empty()) posix_spawn_file_actions_addchdir_np(&actions, options.cwd.c_str());
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (options.new_session) flags |= POSIX_SPAWN_SETSID;
  posix_spawnattr_setflags(&attributes, flags);
  const std::vector<char*> argv = ForExec(options.argv);
  const std::vector<char*> env = ForExec(options.env);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, options.argv.at(0).c_str(), &actions, &attributes,
                                 argv.data(), env.data());
  if (error != 0) return ErrnoToStatus(error, absl::StrCat("starting ", options.argv[0]));
  UniqueFd pidfd = OpenPidfd(pid);
  return Subprocess(pid, std::move(pidfd));
}

Subprocess::Subprocess(Subprocess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

Subprocess& Subprocess::operator=(Subprocess&& other) noexcept {
  if (this != &other) {
    KillAndReap();
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
  }
  return *this;
}

Subprocess::~Subprocess() { KillAndReap(); }

void Subprocess::KillAndReap() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void Subprocess::Signal(int signal) const {
  if (pid_ > 0) ::kill(pid_, signal);
}

void Subprocess::SignalGroup(int signal) const {
  if (pid_ > 0) ::kill(-pid_, signal);
}

absl::StatusOr<ExitStatus> Subprocess::Wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) return ErrnoToStatus(errno, "waitpid");
  }
  pid_ = -1;
  ExitStatus exit;
  if (WIFSIGNALED(status)) {
    exit.signal = WTERMSIG(status);
  } else {
    exit.code = WEXITSTATUS(status);
  }
  return exit;
}

pid_t Subprocess::Release() { return std::exchange(pid_, -1); }

absl::StatusOr<std::pair<UniqueFd, UniqueFd>> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return ErrnoToStatus(errno, "pipe");
  return std::make_pair(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

absl::StatusOr<RunResult> RunProcess(SpawnOptions options, absl::string_view input,
                                     absl::Duration timeout, int cancel) {
  ASSIGN_OR_RETURN(auto in, MakePipe());
  ASSIGN_OR_RETURN(auto out, MakePipe());
  ASSIGN_OR_RETURN(auto err, MakePipe());
  options.fds.insert(options.fds.end(),
                     {{0, in.first.get()}, {1, out.second.get()}, {2, err.second.get()}});
  ASSIGN_OR_RETURN(Subprocess child, Subprocess::Spawn(options));
  in.first.Reset();
  out.second.Reset();
  err.second.Reset();
  ::fcntl(in.second.get(), F_SETFL, O_NONBLOCK);
  if (input.empty()) in.second.Reset();
  RunResult result;
  const RealClock clock;
  BootTime deadline = clock.Boot() + timeout;
  bool ended = false;
  while (!ended || out.first.valid() || err.first.valid()) {
    pollfd polls[] = {{out.first.get(), POLLIN, 0},
                      {err.first.get(), POLLIN, 0},
                      {in.second.get(), POLLOUT, 0},
                      {ended ? -1 : child.pidfd(), POLLIN, 0},
                      {cancel, POLLIN, 0}};
    const int64_t wait =
        std::clamp<int64_t>(absl::ToInt64Milliseconds(deadline - clock.Boot()) + 1, 0, 1 << 30);
    const int ready = ::poll(polls, 5, static_cast<int>(wait));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return ErrnoToStatus(errno, "poll");
    if (polls[4].revents != 0) {
      child.SignalGroup(SIGKILL);
      return absl::CancelledError(absl::StrCat(options.argv[0], " was cancelled"));
    }
    if (polls[0].revents != 0) Drain(out.first, result.out, 1 << 20);
    if (polls[1].revents != 0) Drain(err.first, result.err, 64 << 10);
    if (polls[2].revents != 0) {
      const ssize_t n = ::write(in.second.get(), input.data(), input.size());
      if (n > 0) input.remove_prefix(static_cast<size_t>(n));
      if (input.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) in.second.Reset();
    }
    if (polls[3].revents != 0) {
      ASSIGN_OR_RETURN(result.status, child.Wait());
      ended = true;
      deadline = clock.Boot() + kEndedFor;
    }
    // Not only when nothing is ready: one that always writes would never be ended.
    if (clock.Boot() < deadline) continue;
    if (ended) break;  // a grandchild holds the pipes
    child.SignalGroup(SIGKILL);
    child.Signal(SIGKILL);
    result.timed_out = true;
    deadline = clock.Boot() + kEndedFor;
  }
  return result;
}

std::vector<std::string> CurrentEnvironment() {
  std::vector<std::string> out;
  for (char** e = environ; e != nullptr && *e != nullptr; ++e) out.emplace_back(*e);
  return out;
}

absl::StatusOr<std::string> FindInPath(const std::string& name, const std::string& path) {
  for (const absl::string_view dir : absl::StrSplit(path, ':', absl::SkipEmpty())) {
    std::string candidate = absl::StrCat(dir, "/", name);
    struct stat info;
    if (::stat(candidate.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
        ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return absl::NotFoundError(absl::StrCat(name, " is not in PATH"));
}

}  // namespace handoff
