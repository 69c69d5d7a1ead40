// Which attempts another agent is to summarise, and where. A wish is no attempt: it has no slot and
// no lease, and lives in memory only, so that a restart of the coordinator forgets it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "coordinator/core/attempt.h"

namespace handoff::core {

class Draft;
class State;
struct Handoff;
struct Sender;
struct Worker;

// What the owner wants of the spec; the numbers are those of handoff.v1.HandoffSpec.Summaries.
struct SummaryPolicy {
  enum class When { kAuto = 0, kAlways, kNever };
  When when = When::kNever;
  std::string model;  // of the agent that summarises; empty: its default
};

struct SummaryWish {
  std::string handoff_id;
  int number = 0;
  uint64_t wish = 0;  // higher than all before it, also those of earlier starts
  std::string agent;
  std::string model;
  bool partial = false;     // the attempt runs
  std::string worker_uuid;  // that is to make it
  absl::Time since = absl::InfinitePast();
  bool offered = false;  // an answer that names it may have reached the worker
  friend bool operator==(const SummaryWish&, const SummaryWish&) = default;
};

// Where it can be made: the worker of the attempt, or any other that the handoff may go to and that
// may use the agent now. nullptr when there is none.
const Worker* SummariserFor(const State& state, const Handoff& handoff, const Attempt& attempt,
                            absl::Time now);

// The latest attempt has just ended: what was wished while it ran is dropped, and the policy says
// whether it is summarised. Nothing is asked after a quota, or of an agent that is not usable.
void WishAfterEnd(Draft& draft, const Handoff& handoff, const SummaryPolicy& policy);
// The latest attempt has just fallen silent.
void WishWhileStalled(Draft& draft, const Handoff& handoff, const SummaryPolicy& policy);
// Nobody made them in time.
void DropOldWishes(Draft& draft);

}  // namespace handoff::core
