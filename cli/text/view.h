// How text for a person is laid out.
#pragma once

#include "absl/time/time.h"

namespace handoff {

struct View {
  absl::Time now;
  absl::TimeZone zone;
  int width = 0;  // columns; 0: not a terminal, nothing is cut
  bool colour = false;
};

}  // namespace handoff
