// An Edit describes a change as a value. The scheduler returns it; State::Apply installs it; the
// store makes its durable part last. Recovery and normal life share this path.
#pragma once

#include <set>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/core/agent_turns.h"
#include "coordinator/core/identity_records.h"
#include "coordinator/core/model.h"
#include "coordinator/core/summaries.h"

namespace handoff::core {

struct PutHandoff {
  Handoff handoff;
};  // durable, attempts included
struct PurgeHandoff {
  std::string id;
  uint64_t seq = 0;
  absl::Time at;
  std::string actor;
  std::set<std::string> workers;  // uuids of those that may have something of it
};  // durable: all that is kept of it goes, and that it was there stays
struct PurgedFrom {
  std::string id, worker_uuid;
};  // durable: that worker has nothing of it any more
struct PutWorker {
  Worker worker;
};  // durable: identity, drain, start; in memory the whole record
struct DropWorker {
  std::string uuid;
};  // durable
struct PutHold {
  Hold hold;
};  // durable
struct DropHold {
  std::string worker_uuid, key;
};  // durable
struct AddEvent {
  Event event;
};  // durable; its revision is set
struct SetEpochCounter {
  uint64_t counter = 0;
};  // durable, with the lease that uses it
struct SetTerm {
  uint64_t term = 0, incarnation = 0;
};  // durable: our records were restored, and workers remember more than is in them
struct SetLiveWorker {
  Worker worker;
};  // volatile: what a Sync said
struct SetAttemptViews {
  std::string worker_uuid;
  std::vector<AttemptView> views;
};  // volatile: all that this worker runs
struct SetLease {
  std::string handoff_id;
  int number = 0;
  AttemptState state;
  absl::Time until;
  bool offered = true;
};  // volatile
struct SetProbeAsked {
  std::string worker_uuid, key;
  absl::Time at;
};  // volatile
struct NoteWorkspace {
  std::string worker_uuid, handoff_id;
};  // volatile: an end was reported from there, and its next Sync is still to come
struct SetPurgeTold {
  std::string worker_uuid;
  std::vector<std::string> ids;
  uint64_t answers = 0;  // given before the one that told it
};                       // volatile
struct SetSummaryWish {
  SummaryWish wish;
};  // volatile; in place of an earlier one for the same attempt
struct DropSummaryWish {
  std::string handoff_id;
  int number = 0;
};  // volatile
struct SetWishOffered {
  std::string handoff_id;
  int number = 0;
};  // volatile
struct SetTicked {
  absl::Time at;
};  // volatile: all that was due until then was looked at
struct SetPaidOff {
  std::string owner;
  absl::Time at;
};  // volatile: when all submits of this owner so far are within the rate
struct SetListening {
  absl::Time since;
};  // volatile: who was heard of before is not known, or not by this time

using Change =
    std::variant<PutHandoff, PurgeHandoff, PurgedFrom, PutWorker, DropWorker, PutHold, DropHold,
                 AddEvent, SetEpochCounter, SetTerm, SetLiveWorker, SetAttemptViews, SetLease,
                 SetProbeAsked, NoteWorkspace, SetPurgeTold, SetSummaryWish, DropSummaryWish,
                 SetWishOffered, SetAgentTurn, DropAgentTurn, SetTurnOffered, SetTicked, SetPaidOff,
                 SetListening, PutUser, PutToken, DropToken, PutCredential, DropCredential,
                 AddAudit, SetAuditHead, SetRefusals, SetRestored>;

bool IsDurable(const Change& change);

struct Edit {
  std::vector<Change> changes;
  bool durable() const;  // anything that the store must keep
};

}  // namespace handoff::core

// Made once, in edit.cc: the code that copies and destroys one of these is most of what a file that
// holds an Edit would have.
extern template class std::vector<handoff::core::Change>;
