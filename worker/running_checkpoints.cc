#include "worker/running_checkpoints.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <system_error>
#include <thread>
#include <utility>

#include "handoff/v1/pool.pb.h"
#include "worker/checkpointing.h"

namespace handoff::worker {

// One that is under way.
struct RunningCheckpoints::Run {
  explicit Run(CheckpointKeeper with) : keeper(std::move(with)) {}

  CheckpointKeeper keeper;
  Signal cancel;
  bool changed = false;  // before `over`
  std::atomic<bool> over{false};
  std::jthread thread;  // last: it uses all of the above
};

RunningCheckpoints::RunningCheckpoints(const Surroundings& around, const Attempt& attempt,
                                       AttemptControl& control)
    : around_(around), attempt_(attempt), control_(control) {
  if (!CheckpointKeeper(around, attempt).possible()) return;
  clock_.emplace(around.config.checkpoint_interval, around.clock.Boot());
}

RunningCheckpoints::~RunningCheckpoints() { End(); }

void RunningCheckpoints::End() {
  clock_.reset();
  if (run_) run_->cancel.Raise();
  run_.reset();
}

BootTime RunningCheckpoints::next() const {
  return clock_ ? clock_->next() : CheckpointClock::kNever;
}

void RunningCheckpoints::Step() {
  if (!clock_) return;
  const BootTime now = around_.clock.Boot();
  if (run_ && run_->over) {
    clock_->End(now, run_->changed);
    run_.reset();
  }
  if (const BootTime deadline = control_.deadline(); deadline != deadline_) {
    deadline_ = deadline;
    clock_->Renewed(now, deadline);
  }
  if (!clock_->Due(now)) return;
  clock_->Begin(now);
  run_ = std::make_unique<Run>(CheckpointKeeper(around_, attempt_));
  const auto work = [this, &run = *run_, session = attempt_.end->session(),
                     name = attempt_.key.ToString()] {
    const auto taken = run.keeper.Take(session, /*running=*/true, run.cancel.fd());
    absl::Status status = taken.status();
    if (status.ok() && around_.taken()) {
      status = run.keeper.Store(/*again=*/false, run.cancel.token());
    }
    if (!status.ok() && !run.cancel.raised()) {
      SPDLOG_WARN("{}: a checkpoint while it runs failed, and is tried again: {}", name,
                  std::string(status.message()));
    }
    run.changed = taken.ok() && taken->changed;
    run.over = true;
    control_.Wake();
  };
  try {
    run_->thread = std::jthread(work);
  } catch (const std::system_error& error) {
    // The agents used up what the host allows of threads: no reason to end the daemon with them.
    SPDLOG_WARN("{}: no checkpoint could be begun, and it is tried again: {}",
                attempt_.key.ToString(), error.what());
    run_.reset();
    clock_->End(now, /*changed=*/false);
  }
}

}  // namespace handoff::worker
