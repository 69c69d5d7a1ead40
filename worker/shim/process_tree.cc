#include "worker/shim/process_tree.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/status.h"
#include "worker/shim/spawn_into_cgroup.h"

namespace handoff {
namespace {
// Then the shim looks at its socket, and kills again.
constexpr int kKillRounds = 5;
}  // namespace

ProcessTree::ProcessTree(const std::string& cgroup_name) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  absl::StatusOr<Cgroup> cgroup = Cgroup::BelowOwn(cgroup_name);
  if (cgroup.ok()) cgroup_ = *std::move(cgroup);
}

absl::StatusOr<pid_t> ProcessTree::Spawn(const SpawnOptions& options) {
  if (cgroup_ && !cgroup_->Create().ok()) cgroup_.reset();
  if (cgroup_) {
    const absl::StatusOr<UniqueFd> directory = cgroup_->OpenDirectory();
    absl::StatusOr<pid_t> pid = directory.ok() ? SpawnIntoCgroup(options, directory->get())
                                               : absl::UnimplementedError("the cgroup is gone");
    if (pid.ok()) first_ = *pid;
    if (!absl::IsUnimplemented(pid.status())) return pid;
    RemoveCgroup();
  }
  ASSIGN_OR_RETURN(Subprocess child, Subprocess::Spawn(options));
  first_ = child.Release();
  return first_;
}

bool ProcessTree::StopOutsideCgroup() {
  bool done = true;
  for (const ProcessInfo& p : DescendantsOf(::getpid())) {
    if (p.stopped() || (cgroup_ && cgroup_->Contains(p.pid))) continue;
    // Not done before a later look finds it stopped: until then it may start another one.
    done = false;
    const bool known = std::any_of(stopped_.begin(), stopped_.end(),
                                   [&](const ProcessInfo& s) { return s.Is(p); });
    if (SignalProcess(p, SIGSTOP) && !known) stopped_.push_back(p);
  }
  return done;
}

bool ProcessTree::Freeze() {
  const bool frozen = !cgroup_ || (cgroup_->SetFrozen(true).ok() && cgroup_->IsFrozen());
  // One walk of /proc can miss a process that was started during it; when nothing moved any more,
  // a second one cannot.
  return StopOutsideCgroup() && StopOutsideCgroup() && frozen;
}

void ProcessTree::Thaw() {
  // Children first, so that no parent sees a stopped child.
  std::reverse(stopped_.begin(), stopped_.end());
  for (const ProcessInfo& p : std::exchange(stopped_, {})) SignalProcess(p, SIGCONT);
  if (cgroup_) cgroup_->SetFrozen(false).IgnoreError();
}

void ProcessTree::Terminate() {
  for (const ProcessInfo& p : DescendantsOf(::getpid())) {
    SignalProcess(p, SIGTERM);
    // One that the agent had stopped could not hear it.
    SignalProcess(p, SIGCONT);
  }
}

void ProcessTree::Kill() {
  if (cgroup_) cgroup_->Kill().IgnoreError();
  // Again at once while there are new ones: what multiplies must not win between two calls.
  std::vector<ProcessInfo> known;
  for (int round = 0; round < kKillRounds; ++round) {
    std::vector<ProcessInfo> found = DescendantsOf(::getpid());
    const bool more = std::any_of(found.begin(), found.end(), [&](const ProcessInfo& p) {
      return std::none_of(known.begin(), known.end(),
                          [&](const ProcessInfo& k) { return k.Is(p); });
    });
    if (!more) return;
    for (const ProcessInfo& p : found) SignalProcess(p, SIGKILL);
    known = std::move(found);
  }
}

ProcessTree::Reaped ProcessTree::Reap() {
  Reaped reaped;
  while (true) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    // No child means no descendant: an orphan would be our child.
    if (pid < 0) reaped.none_left = true;
    if (pid <= 0) return reaped;
    if (pid == first_) reaped.first_status = status;
  }
}

void ProcessTree::RemoveCgroup() {
  if (!cgroup_) return;
  cgroup_->Remove().IgnoreError();
  cgroup_.reset();
}

}  // namespace handoff
