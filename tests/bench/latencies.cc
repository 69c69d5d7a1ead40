#include "tests/bench/latencies.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>

namespace handoff {

absl::Duration Latencies::Percentile(double p) {
  if (all.empty()) return absl::ZeroDuration();
  const size_t index =
      std::min(all.size() - 1, static_cast<size_t>(p * static_cast<double>(all.size())));
  std::nth_element(all.begin(), all.begin() + static_cast<ptrdiff_t>(index), all.end());
  return all[index];
}

void Print(const std::string& what, absl::Duration took, Latencies latencies) {
  std::printf("%-44s %9.0f /s   p50 %6.0f us   p99 %6.0f us\n", what.c_str(),
              static_cast<double>(latencies.all.size()) / absl::ToDoubleSeconds(took),
              absl::ToDoubleMicroseconds(latencies.Percentile(0.5)),
              absl::ToDoubleMicroseconds(latencies.Percentile(0.99)));
  std::fflush(stdout);
}

}  // namespace handoff
