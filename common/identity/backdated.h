// For clocks that are behind, the certificates of a pool say that they are good since before they
// were issued.
#pragma once

#include "absl/time/time.h"

namespace handoff {

inline constexpr absl::Duration kBackdated = absl::Minutes(5);

}  // namespace handoff
