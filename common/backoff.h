// Pure: how long to wait before try number n. Full jitter below an exponential bound, so that a
// thousand peers do not come back together.
#pragma once

#include "absl/time/time.h"

namespace handoff {

struct Backoff {
  absl::Duration first;
  absl::Duration most;

  // `failures` ≥ 1; `random` in [0, 1). Between bound/2 and bound, where bound = min(most, first ×
  // 2^(failures-1)).
  absl::Duration Delay(int failures, double random) const;
};

}  // namespace handoff
