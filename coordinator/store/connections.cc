#include "coordinator/store/connections.h"

#include <utility>

#include "common/clock.h"

namespace handoff {

absl::StatusOr<std::unique_ptr<Database>> Connections::Take(Use use) {
  const size_t kept = use == Use::kWalk ? kept_ : 0;
  const RealClock clock;
  const BootTime until = clock.Boot() + patience_;
  MutexLock lock(mutex_);
  while (idle_.size() <= kept) {
    // An early return is of no use when another call was quicker.
    if (!returned_.WaitFor(mutex_, until - clock.Boot()) && idle_.size() <= kept) {
      return absl::ResourceExhaustedError(
          "the coordinator is busy with other lists; nothing was read; try again later");
    }
  }
  std::unique_ptr<Database> connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void Connections::Return(std::unique_ptr<Database> connection) {
  MutexLock lock(mutex_);
  idle_.push_back(std::move(connection));
  returned_.NotifyAll();
}

}  // namespace handoff
