// Clients that submit as fast as they are answered.
#pragma once

#include <grpcpp/channel.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "handoff/v1/control.grpc.pb.h"
#include "tests/bench/latencies.h"

namespace handoff {

struct SubmitLoad {
  std::vector<std::shared_ptr<grpc::Channel>> channels;  // shared by the clients in turn
  int clients = 1;                                       // calls that are open at a time
  absl::Duration span = absl::InfiniteDuration();
  int64_t most = std::numeric_limits<int64_t>::max();  // calls in all
  bool submits = true;                                 // or asks for the workers
  bool may_be_refused = false;                         // RESOURCE_EXHAUSTED; or the program ends
};
struct SubmitResult {
  Latencies answered;
  Latencies refused;
  std::string refusal;  // the words of one
  absl::Duration took;
};

v1::SubmitRequest SmallSubmit();
SubmitResult Run(const SubmitLoad& load);

}  // namespace handoff
