// What this machine can do at all, measured in the same run as what we do, so that ratios count.
#pragma once

#include <string>
#include <vector>

namespace handoff::bench {

struct Percentiles {
  double p50 = 0;
  double p99 = 0;
};
// `values` need not be sorted.
Percentiles PercentilesOf(std::vector<double> values);

struct MachineLimits {
  Percentiles fdatasync_us;     // 4 KiB append + fdatasync
  double spawn_one_per_s = 0;   // posix_spawn + wait of `program`, one at a time
  double spawn_two_per_s = 0;   // two in flight
  double append_sync_mb_s = 0;  // 1 MiB appends, one fdatasync each
};
MachineLimits MeasureMachine(const std::string& directory, const std::string& program);

// User and system CPU seconds of a process, and of its ended children.
struct CpuSeconds {
  double own = 0;
  double children = 0;
};
CpuSeconds CpuOf(int pid);

}  // namespace handoff::bench
