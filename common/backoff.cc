#include "common/backoff.h"

#include <algorithm>

namespace handoff {

absl::Duration Backoff::Delay(int failures, double random) const {
  absl::Duration bound = first;
  for (int i = 1; i < failures && bound < most; ++i) bound *= 2;
  bound = std::min(bound, most);
  return bound / 2 + bound / 2 * random;
}

}  // namespace handoff
