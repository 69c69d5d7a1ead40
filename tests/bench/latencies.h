// How long calls took, and a line about it.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace handoff {

struct Latencies {
  std::vector<absl::Duration> all;
  void Add(Latencies other) { all.insert(all.end(), other.all.begin(), other.all.end()); }
  // 0 of none.
  absl::Duration Percentile(double p);
};

void Print(const std::string& what, absl::Duration took, Latencies latencies);

}  // namespace handoff
