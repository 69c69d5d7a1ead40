#include "worker/shim/shim_client.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/pidfd.h"
#include "common/regular_file.h"
#include "common/status.h"
#include "common/subprocess.h"
#include "worker/shim/shim_wire.h"

namespace handoff {
namespace {

constexpr absl::Duration kReadyTimeout = absl::Seconds(30);
constexpr int kLookMillis = 1000;
constexpr absl::string_view kReady = "ready\n";
// For a shim that is just beginning or just ending; whoever adopts tries again.
constexpr absl::Duration kAdoptTimeout = absl::Seconds(1);
constexpr absl::Duration kAdoptInterval = absl::Milliseconds(2);
constexpr int kReapMillis = 1000;
constexpr int kLockFd = 3;  // in the shim
constexpr int kSocketFd = 4;

absl::StatusOr<ShimExit> ReadExit(const std::string& dir) {
  ASSIGN_OR_RETURN(const std::string text, ReadRegularFile(absl::StrCat(dir, "/exit.json")));
  return DecodeShimExit(text);
}

absl::StatusOr<bool> LockIsHeld(const std::string& dir) {
  const absl::Status status = LockFile(absl::StrCat(dir, "/lock")).status();
  if (absl::IsFailedPrecondition(status)) return true;
  RETURN_IF_ERROR(status);
  return false;
}

// After a reboot exit.json counts only when the log came through as well.
bool ExitHolds(const std::string& dir, bool same_boot) {
  const absl::StatusOr<ShimExit> exit = ReadExit(dir);
  if (!exit.ok() || same_boot) return exit.ok();
  const absl::StatusOr<uint64_t> log = FileSize(absl::StrCat(dir, "/log"));
  return log.ok() && *log >= exit->log_bytes;
}

// What the shim says about its start: everything up to the end of the pipe. An agent may stop its
// shim before that has said a word: then shim.pid, which comes right before the agent, speaks.
absl::StatusOr<std::string> ReadAnswer(int pipe, const std::string& dir) {
  const RealClock clock;
  const BootTime deadline = clock.Boot() + kReadyTimeout;
  std::string answer;
  while (true) {
    pollfd poll_fd{pipe, POLLIN, 0};
    const int64_t left = absl::ToInt64Milliseconds(deadline - clock.Boot());
    const int wait = static_cast<int>(std::clamp<int64_t>(left, 0, kLookMillis));
    const int ready = ::poll(&poll_fd, 1, wait);
    if (ready == 0 && PathExists(absl::StrCat(dir, "/shim.pid"))) return std::string(kReady);
    if (ready == 0 && left > 0) continue;
    if (ready == 0) {
      return absl::DeadlineExceededError(
          absl::StrCat("the shim was not ready within ", absl::FormatDuration(kReadyTimeout)));
    }
    char buffer[4096];
    const ssize_t n = ready < 0 ? -1 : ::read(pipe, buffer, sizeof(buffer));
    if (n < 0 && errno != EINTR) return ErrnoToStatus(errno, "waiting for the shim");
    if (n == 0) return answer;
    if (n > 0) answer.append(buffer, static_cast<size_t>(n));
  }
}

// The shim looks the agent up in the agent's PATH. It carries the attempt's directory because its
// child does before exec: a shim killed just then leaves a process that EndLeftovers must know.
std::vector<std::string> ShimEnvironment(const std::vector<std::string>& env) {
  std::vector<std::string> out;
  for (const std::string& entry : env) {
    if (absl::StartsWith(entry, "PATH=") || absl::StartsWith(entry, "HANDOFF_ATTEMPT_DIR=")) {
      out.push_back(entry);
    }
  }
  return out;
}

// The daemon's end of a connection, and the shim's.
absl::StatusOr<std::pair<UniqueFd, UniqueFd>> MakeConnection() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) {
    return ErrnoToStatus(errno, "socketpair");
  }
  return std::make_pair(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

// Of which the other end is closed already.
absl::StatusOr<UniqueFd> EndedConnection() {
  ASSIGN_OR_RETURN(auto connection, MakeConnection());
  return std::move(connection.first);
}

// A living shim may not listen yet, and one that just ended does not listen any more.
absl::StatusOr<UniqueFd> Connect(const std::string& dir) {
  const RealClock clock;
  const BootTime deadline = clock.Boot() + kAdoptTimeout;
  while (true) {
    absl::StatusOr<UniqueFd> socket = ConnectToShimSocket(dir);
    if (socket.ok()) return socket;
    ASSIGN_OR_RETURN(const bool held, LockIsHeld(dir));
    if (!held && ReadExit(dir).ok()) return EndedConnection();
    if (!held) {
      return absl::AbortedError(absl::StrCat(
          "the shim in ", dir, " ended without a record; classify the directory again"));
    }
    if (clock.Boot() > deadline) return socket.status();
    absl::SleepFor(kAdoptInterval);
  }
}

}  // namespace

absl::StatusOr<bool> IsOfThisBoot(const std::string& dir, const std::string& boot_id) {
  const auto text = ReadRegularFile(absl::StrCat(dir, "/shim.json"));
  if (!text.ok() && !absl::IsNotFound(text.status())) return text.status();
  const auto spec = text.ok() ? DecodeShimSpec(*text) : absl::StatusOr<ShimSpec>(text.status());
  if (spec.ok()) return spec->boot_id == boot_id;
  const auto boot = ReadRegularFile(absl::StrCat(dir, "/boot"));
  if (!boot.ok() && !absl::IsNotFound(boot.status())) return boot.status();
  return boot.ok() && *boot == boot_id;
}

ShimStarted ReadShimStarted(const std::string& dir) {
  const auto text = ReadRegularFile(absl::StrCat(dir, "/shim.pid"));
  auto started = text.ok() ? DecodeShimStarted(*text) : absl::StatusOr<ShimStarted>(text.status());
  return started.ok() ? *std::move(started) : ShimStarted{};
}

absl::StatusOr<ShimFate> ClassifyShim(const std::string& dir, const std::string& boot_id) {
  // The agent may have removed it, or put something else in its place. What runs can still be
  // ended.
  struct stat info {};
  const bool found = ::stat(dir.c_str(), &info) == 0;
  if (found ? !S_ISDIR(info.st_mode) : errno == ENOENT || errno == ENOTDIR || errno == ELOOP) {
    return ShimFate::kLost;
  }
  ASSIGN_OR_RETURN(const bool same_boot, IsOfThisBoot(dir, boot_id));
  ASSIGN_OR_RETURN(const bool held, LockIsHeld(dir));
  if (held) return ShimFate::kAlive;
  if (ExitHolds(dir, same_boot)) return ShimFate::kExited;
  if (!same_boot) return ShimFate::kLost;
  ASSIGN_OR_RETURN(const bool began, IsThere(absl::StrCat(dir, "/shim.pid")));
  return began ? ShimFate::kLost : ShimFate::kNeverStarted;
}

struct ShimClient::Impl {
  UniqueFd socket;
  pid_t child = -1;  // a shim that this process spawned, to be reaped
  bool gone = false;
  std::optional<ShimExit> exit;  // as it told

  absl::Status Send(const ShimRequest& request) const {
    const std::string packet = Encode(request);
    if (::send(socket.get(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
      return absl::OkStatus();
    }
    return absl::UnavailableError(
        absl::StrCat("the shim does not take requests: ", ErrnoToStatus(errno, "send").message()));
  }

  void Reap() {
    if (child < 0) return;
    // It closed its socket by exiting or right before; one that lives on (another connection took
    // over) is left alone.
    const UniqueFd pidfd = OpenPidfd(child);
    pollfd poll_fd{pidfd.get(), POLLIN, 0};
    ::poll(&poll_fd, 1, kReapMillis);
    if (::waitpid(child, nullptr, WNOHANG) == child) child = -1;
  }
};

ShimClient::ShimClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ShimClient::~ShimClient() = default;

absl::StatusOr<std::unique_ptr<ShimClient>> ShimClient::Launch(const std::string& shim_program,
                                                               const std::string& attempt_dir,
                                                               const ShimSpec& spec) {
  ASSIGN_OR_RETURN(UniqueFd lock, LockFile(absl::StrCat(attempt_dir, "/lock")));
  RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(attempt_dir, "/shim.json"), Encode(spec)));
  ASSIGN_OR_RETURN(auto answer_pipe, MakePipe());
  SpawnOptions options;
  ASSIGN_OR_RETURN(auto connection, MakeConnection());
  options.argv = {shim_program, attempt_dir, absl::StrCat(kLockFd), absl::StrCat(kSocketFd)};
  options.env = ShimEnvironment(spec.env);
  options.fds = {
      {1, answer_pipe.second.get()}, {kLockFd, lock.get()}, {kSocketFd, connection.second.get()}};
  ASSIGN_OR_RETURN(Subprocess shim, Subprocess::Spawn(options));
  // From now on the lock is the shim's alone, and its end is seen on pipe and socket.
  lock.Reset();
  answer_pipe.second.Reset();
  connection.second.Reset();
  ASSIGN_OR_RETURN(const std::string answer, ReadAnswer(answer_pipe.first.get(), attempt_dir));
  if (answer != kReady) {
    // It ends after such an answer; until then it holds the lock, and would pass for alive.
    RETURN_IF_ERROR(shim.Wait().status());
    return absl::UnavailableError(absl::StrCat(
        "the shim did not start the agent: ",
        answer.empty() ? "it ended without a word" : absl::StripAsciiWhitespace(answer)));
  }
  auto impl = std::make_unique<Impl>();
  impl->socket = std::move(connection.first);
  impl->child = shim.Release();
  return std::unique_ptr<ShimClient>(new ShimClient(std::move(impl)));
}

absl::StatusOr<std::unique_ptr<ShimClient>> ShimClient::Adopt(const std::string& attempt_dir) {
  auto impl = std::make_unique<Impl>();
  ASSIGN_OR_RETURN(impl->socket, Connect(attempt_dir));
  return std::unique_ptr<ShimClient>(new ShimClient(std::move(impl)));
}

int ShimClient::fd() const { return impl_->socket.get(); }

std::vector<ShimClient::Event> ShimClient::Receive() {
  std::vector<Event> events;
  char packet[kMaxPacket];
  while (!impl_->gone) {
    const ssize_t n = ::recv(impl_->socket.get(), packet, sizeof(packet), MSG_DONTWAIT);
    // The reset comes once, before what a shim said that ended without reading our last request.
    if (n < 0 && (errno == EINTR || errno == ECONNRESET)) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) {
      impl_->gone = true;
      impl_->Reap();
      events.emplace_back(Gone{impl_->exit});
      break;
    }
    const auto event = DecodeShimEvent(std::string(packet, static_cast<size_t>(n)));
    if (!event.ok()) continue;  // of a newer version
    if (event->log_bytes) events.emplace_back(LogGrew{*event->log_bytes});
    if (!event->state.empty()) events.emplace_back(StateChanged{event->state});
    if (event->exit) impl_->exit = event->exit;
  }
  return events;
}

absl::Status ShimClient::Renew(BootTime deadline) {
  ShimRequest request;
  request.op = ShimRequest::Op::kRenew;
  request.deadline = deadline;
  return impl_->Send(request);
}

absl::Status ShimClient::Stop(EndedBy as, const std::string& reason, absl::Duration grace) {
  ShimRequest request;
  request.op = ShimRequest::Op::kStop;
  request.as = as;
  request.reason = reason;
  request.grace_ms = absl::ToInt64Milliseconds(grace);
  return impl_->Send(request);
}

absl::Status ShimClient::Finish(absl::Duration grace) {
  ShimRequest request;
  request.op = ShimRequest::Op::kFinish;
  request.grace_ms = absl::ToInt64Milliseconds(grace);
  return impl_->Send(request);
}

absl::Status ShimClient::AskState() { return impl_->Send(ShimRequest{}); }

void ShimClient::Kill() {
  // Our child, or whoever listens there; not what shim.pid says: the agent can write that.
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (impl_->child < 0 && ::getsockopt(fd(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  const UniqueFd pidfd = OpenPidfd(impl_->child < 0 ? peer.pid : impl_->child);
  // While the connection stands the pid is still the shim's.
  pollfd hung_up{fd(), 0, 0};
  if (pidfd.valid() && ::poll(&hung_up, 1, 0) == 0) SignalPidfd(pidfd, SIGKILL);
}

std::string HostBootId() {
  const absl::StatusOr<std::string> id = ReadFile("/proc/sys/kernel/random/boot_id");
  return id.ok() ? std::string(absl::StripAsciiWhitespace(*id)) : "";
}

}  // namespace handoff
