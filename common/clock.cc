#include "common/clock.h"

#include <ctime>

namespace handoff {

absl::Time RealClock::Now() const { return absl::Now(); }

BootTime RealClock::Boot() const {
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  return {static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec};
}

}  // namespace handoff
