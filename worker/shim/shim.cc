#include "worker/shim/shim.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"
#include "worker/shim/cgroup.h"
#include "worker/shim/shim_wire.h"

namespace handoff {
namespace {

using Wish = AttemptLife::Wish;

constexpr absl::Duration kFreezePass = absl::Milliseconds(10);
// A frozen tree is looked at again: somebody may have sent SIGCONT.
constexpr absl::Duration kFrozenPass = absl::Seconds(1);
constexpr absl::Duration kKillPass = absl::Milliseconds(20);
constexpr absl::Duration kDiskRetry = absl::Seconds(1);
constexpr int kFaultTries = 10;

absl::StatusOr<ShimSpec> ReadSpec(const std::string& dir) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(absl::StrCat(dir, "/shim.json")));
  ASSIGN_OR_RETURN(ShimSpec spec, DecodeShimSpec(text));
  if (spec.argv.empty()) return absl::InvalidArgumentError("shim.json names no program");
  return spec;
}

// The same for the same directory, so that an attempt prepared twice leaves no second cgroup; and
// another one for another worker's attempt of that name.
std::string CgroupName(const std::string& dir, const ShimSpec& spec) {
  return absl::StrCat("handoff-", spec.handoff_id, "-", spec.attempt, CgroupNameEnd(dir));
}

// A full disk passes, and so may a fault (EIO). A directory that was removed or exchanged does not:
// the record has no place any more, and only a daemon that watches can still be told.
bool IsWorthARetry(const absl::Status& written, int tries) {
  return absl::IsResourceExhausted(written) || (absl::IsUnknown(written) && tries < kFaultTries);
}

absl::StatusOr<UniqueFd> OpenStdin(const std::string& path) {
  return OpenFile(path.empty() ? "/dev/null" : path, O_RDONLY);
}

}  // namespace

Shim::Shim(std::string dir, ShimSpec spec, OutputPump pump, ShimSocket socket)
    : dir_(std::move(dir)),
      spec_(std::move(spec)),
      life_(spec_),
      tree_(CgroupName(dir_, spec_)),
      pump_(std::move(pump)),
      socket_(std::move(socket)) {}

absl::StatusOr<std::unique_ptr<Shim>> Shim::Prepare(const std::string& dir, UniqueFd connection) {
  ASSIGN_OR_RETURN(ShimSpec spec, ReadSpec(dir));
  OutputPump::WriteEnds ends;
  ASSIGN_OR_RETURN(OutputPump pump, OutputPump::Open(dir, spec.disk_reserve_bytes, &ends));
  ASSIGN_OR_RETURN(UniqueFd listening, ListenOnShimSocket(dir));
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &child, nullptr);
  UniqueFd signals(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  // BOOTTIME: a host that wakes up after the end of the lease freezes the agent at once.
  UniqueFd timer(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!signals.valid() || !timer.valid())
    return ErrnoToStatus(errno, "making signalfd and timerfd");
  std::unique_ptr<Shim> shim(new Shim(dir, std::move(spec), std::move(pump),
                                      ShimSocket(std::move(listening), std::move(connection))));
  shim->write_ends_ = std::move(ends);
  shim->signals_ = std::move(signals);
  shim->timer_ = std::move(timer);
  return shim;
}

absl::Status Shim::WriteStarted() {
  return WriteFileAtomically(absl::StrCat(dir_, "/shim.pid"), Encode(started_));
}

absl::Status Shim::Start() {
  const std::optional<ProcessInfo> self = ReadProcess(::getpid());
  started_.pid = ::getpid();
  started_.pid_start = self ? self->start : 0;
  started_.isolation = std::string(tree_.isolation());
  started_.cgroup = tree_.cgroup_path();
  started_.boottime_ns = clock_.Boot().ns;
  started_.wall_ms = absl::ToUnixMillis(clock_.Now());
  // Before the agent and its cgroup: whoever finds no shim.pid starts anew, and nobody would look
  // for what is left.
  RETURN_IF_ERROR(WriteStarted());
  const absl::StatusOr<pid_t> agent = StartAgent();
  write_ends_ = {};
  if (agent.ok()) {
    started_.agent_pid = *agent;
    started_.isolation = std::string(tree_.isolation());
    started_.cgroup = tree_.cgroup_path();
    // What the first one said is enough to find the tree again.
    WriteStarted().IgnoreError();
  } else {
    spawn_error_ = std::string(agent.status().message());
    none_left_ = true;
  }
  return absl::OkStatus();
}

absl::StatusOr<pid_t> Shim::StartAgent() {
  if (clock_.Boot().ns >= spec_.lease_deadline_ns) {
    return absl::FailedPreconditionError("the lease was over before the agent was started");
  }
  ASSIGN_OR_RETURN(const UniqueFd input, OpenStdin(spec_.stdin_path));
  if (!spec_.cwd.empty()) {
    // posix_spawn does not say which of the two was not found.
    RETURN_IF_ERROR(OpenFile(spec_.cwd, O_PATH | O_DIRECTORY));
  }
  SpawnOptions options;
  options.argv = spec_.argv;
  options.env = spec_.env;
  options.cwd = spec_.cwd;
  options.fds = {{0, input.get()}, {1, write_ends_.out.get()}, {2, write_ends_.err.get()}};
  return tree_.Spawn(options);
}

void Shim::Obey(BootTime now) {
  Wish wish = life_.Decide(now);
  if (obeyed_ == Wish::kKill) wish = Wish::kKill;  // there is no way back
  if (wish != obeyed_) {
    if (obeyed_ == Wish::kFrozen && wish != Wish::kKill) tree_.Thaw();
    if (wish == Wish::kTerminate) tree_.Terminate();
    obeyed_ = wish;
    next_pass_ = now;
    frozen_ = false;
  }
  if (now < next_pass_) return;
  if (wish == Wish::kFrozen) {
    const bool done = tree_.Freeze();
    frozen_ = frozen_ || done;
    next_pass_ = now + (done ? kFrozenPass : kFreezePass);
  } else if (wish == Wish::kKill) {
    tree_.Kill();
    next_pass_ = now + kKillPass;
  }
}

absl::string_view Shim::State() const {
  const bool waits = record_waits_ || pump_.disk_low();
  if (life_.stopping()) return waits ? "stopping_disk_low" : "stopping";
  if (frozen_) return "frozen";
  return waits ? "disk_low" : "running";
}

BootTime Shim::NextWake(BootTime now) const {
  BootTime next = std::min(life_.NextChange(now), pump_.NextTick(now));
  if (const std::optional<BootTime> send = socket_.NextSend()) next = std::min(next, *send);
  if (obeyed_ == Wish::kFrozen || obeyed_ == Wish::kKill) next = std::min(next, next_pass_);
  return next;
}

void Shim::Wait(BootTime now, BootTime until) {
  socket_.Tell(State(), pump_.log().size());
  socket_.Send(now);
  if (until != armed_) {
    // Zero would disarm it; a moment ago fires at once.
    const int64_t ns = std::max<int64_t>(until.ns, 1);
    const itimerspec spec{{}, {ns / 1'000'000'000, ns % 1'000'000'000}};
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
    armed_ = until;
  }
  const short connection_events =
      static_cast<short>(socket_.WantsToWrite() ? POLLIN | POLLOUT : POLLIN);
  pollfd fds[] = {
      {signals_.get(), POLLIN, 0},         {timer_.get(), POLLIN, 0},
      {socket_.listening_fd(), POLLIN, 0}, {socket_.connection_fd(), connection_events, 0},
      {pump_.PollFd(1, now), POLLIN, 0},   {pump_.PollFd(2, now), POLLIN, 0}};
  if (::poll(fds, std::size(fds), -1) <= 0) return;
  now = clock_.Boot();
  if (fds[1].revents != 0) {
    uint64_t count = 0;
    static_cast<void>(!::read(timer_.get(), &count, sizeof(count)));
    armed_ = {};
  }
  for (const int stream : {1, 2}) {
    if (fds[3 + stream].revents != 0) pump_.Read(stream, now);
  }
  if (pump_.ended()) life_.OutputEnded();
  if (fds[0].revents != 0) ReadSignals(now);
  if (fds[3].revents & POLLOUT) socket_.Unblock();
  if (fds[2].revents != 0 || fds[3].revents != 0) {
    for (const ShimRequest& request : socket_.Receive()) Apply(request, now);
  }
  if (fds[2].revents != 0) socket_.Accept();
}

void Shim::ReadSignals(BootTime now) {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof(info)) > 0) {
  }
  const ProcessTree::Reaped reaped = tree_.Reap();
  if (reaped.first_status) {
    agent_status_ = reaped.first_status;
    life_.AgentEnded(now);
  }
  none_left_ = reaped.none_left;
}

void Shim::Apply(const ShimRequest& request, BootTime now) {
  switch (request.op) {
    case ShimRequest::Op::kRenew:
      return life_.Renew(request.deadline, now);
    case ShimRequest::Op::kStop:
      return life_.Stop(request.as, request.reason, absl::Milliseconds(request.grace_ms), now);
    case ShimRequest::Op::kFinish:
      return life_.Finish(absl::Milliseconds(request.grace_ms), now);
    case ShimRequest::Op::kState:
      return socket_.TellStateAgain();
  }
}

void Shim::Run() {
  while (!none_left_) {
    const BootTime now = clock_.Boot();
    Obey(now);
    pump_.Tick(now);
    Wait(now, NextWake(now));
  }
  life_.AgentEnded(clock_.Boot());
  while (!pump_.Drain(clock_.Boot())) {
    const BootTime now = clock_.Boot();
    Wait(now, now + kDiskRetry);
  }
  RecordEnd();
}

void Shim::RecordEnd() {
  tree_.RemoveCgroup();
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  ShimExit exit;
  if (agent_status_ && WIFEXITED(*agent_status_)) exit.exit_code = WEXITSTATUS(*agent_status_);
  if (agent_status_ && WIFSIGNALED(*agent_status_)) exit.signal = WTERMSIG(*agent_status_);
  exit.ended_by = life_.ended_by();
  exit.reason = life_.reason();
  exit.log_bytes = pump_.log().size();
  exit.boottime_ns = clock_.Boot().ns;
  exit.wall_ms = absl::ToUnixMillis(clock_.Now());
  exit.cpu_ms = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
  exit.spawn_error = spawn_error_;
  for (int tries = 1;; ++tries) {
    absl::Status status =
        WriteFileAtomically(absl::StrCat(dir_, "/stderr.tail"), pump_.log().StderrTail());
    if (status.ok()) status = WriteFileAtomically(absl::StrCat(dir_, "/exit.json"), Encode(exit));
    if (status.ok() || !IsWorthARetry(status, tries)) break;
    record_waits_ = true;
    const BootTime now = clock_.Boot();
    Wait(now, now + kDiskRetry);
  }
  socket_.TellExit(exit);
  ::unlink(absl::StrCat(dir_, "/sock").c_str());
}

}  // namespace handoff
