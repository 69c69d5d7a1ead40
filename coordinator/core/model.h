// The values that the coordinator decides about, all of them.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "coordinator/core/handoff.h"
#include "coordinator/core/worker.h"

namespace handoff::core {

// For people and followers; written with each durable change that they would want to know.
struct Event {
  uint64_t revision = 0;  // set by the decision: the State's last revision + 1
  absl::Time at;
  std::string handoff_id;
  std::string kind;
  int attempt = 0;
  std::string worker;
  HandoffStatus status = HandoffStatus::kQueued;
  std::string message;
  friend bool operator==(const Event&, const Event&) = default;
};

}  // namespace handoff::core
