// `handoff-worker doctor`: what on this host may keep a worker from its pool. Only looks: the
// daemon may run meanwhile.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "worker/core/model.h"

namespace handoff::worker {

// What a coordinator says of itself.
struct PoolAnswer {
  std::string version;
  absl::Time now;
};

struct DoctorTools {
  std::string data_dir;
  std::string coordinator;  // empty: as it joined
  const Clock& clock;
  // With the certificate in that directory, to the pool.
  std::function<absl::StatusOr<PoolAnswer>(const std::string& address, const std::string& pool_id,
                                           const std::string& directory)>
      ask;
  std::function<std::vector<AgentOffer>()> agents;  // what a probe of them finds now
};

struct DoctorReport {
  std::string text;  // a line for each thing that was looked at
  bool good = true;  // nothing is a problem
};
DoctorReport Examine(const DoctorTools& tools);

}  // namespace handoff::worker
