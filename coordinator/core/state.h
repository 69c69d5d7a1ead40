// Everything that is live: queued and running handoffs, handoffs paged in for one command, workers,
// holds. Handoffs at rest live in the store only, so that memory follows what is live and not what
// ever was. Not thread-safe: the engine's thread owns it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/string_view.h"
#include "coordinator/core/accounts.h"
#include "coordinator/core/edit.h"
#include "coordinator/core/model.h"
#include "coordinator/core/owners.h"
#include "coordinator/core/purged.h"
#include "coordinator/core/queue.h"

namespace handoff::core {

class State {
 public:
  std::string pool_id;
  uint64_t term = 0;           // one more each start of the coordinator
  uint64_t incarnation = 0;    // one more each restore; upper half of every epoch
  uint64_t epoch_counter = 0;  // lower half
  uint64_t next_seq = 1;
  uint64_t revision = 0;  // of the last event
  Quotas quotas;          // of the configuration; not a record

  void Apply(const Edit& edit);
  // CHECKs every index against the records. For tests and debug builds: O(everything).
  void CheckInvariants() const;

  const Handoff* FindHandoff(absl::string_view id) const;
  // The live handoff of this owner with this key.
  const Handoff* FindByIdempotencyKey(const std::string& owner, const std::string& key) const;
  // The first live handoff with this dedupe key of those that count.
  using Counts = std::function<bool(const Handoff&)>;
  const Handoff* FindByDedupeKey(const std::string& key, const Counts& counts) const;
  // The first with this key that waits for a person and has not left memory yet.
  const Handoff* FindWaitingByDedupeKey(const std::string& key) const;
  const Worker* FindWorker(absl::string_view uuid) const;
  const Worker* FindWorkerByName(absl::string_view name) const;
  const Hold* FindHold(const std::string& worker_uuid, const std::string& key) const;
  const std::map<std::string, Handoff, std::less<>>& handoffs() const { return handoffs_; }
  const std::map<std::string, Worker, std::less<>>& workers() const { return workers_; }
  const std::map<std::pair<std::string, std::string>, Hold>& holds() const { return holds_; }
  // Where placement asks the same for an owner, heads are tried, not the whole queue.
  const Queues& queues() const { return queues_; }
  // uuids of workers with a free slot.
  const std::set<std::string>& open_workers() const { return open_workers_; }
  // (handoff id, attempt number) of the live attempts of a worker.
  const std::set<std::pair<std::string, int>>& AttemptsOf(absl::string_view worker_uuid) const;
  const AccountIndex& accounts() const { return accounts_; }
  const OwnerIndex& owners() const { return owners_; }
  const AttemptView* ViewOf(absl::string_view handoff_id) const;
  const Purged& purged() const { return purged_; }  // of which workers have something, or just now
  const IdentityRecords& identity() const { return identity_; }

  // What waits for time, each by its time.
  using ByTime = std::set<std::pair<absl::Time, std::string>>;
  const ByTime& lease_ends() const { return lease_ends_; }    // live attempts: given away then
  const ByTime& waiting() const { return waiting_; }          // queued handoffs that back off
  const ByTime& deadlines() const { return deadlines_; }      // queued and live, not stopping
  const ByTime& ready_since() const { return ready_since_; }  // queued, would like a certain host
  const ByTime& last_seen() const { return last_seen_; }      // uuids of workers
  using Probes = std::set<std::tuple<absl::Time, std::string, std::string>>;
  const Probes& probes() const { return probes_; }  // holds by next probe
  absl::Time ticked_at() const { return ticked_at_; }
  // Since then workers could be heard of: who is silent soon after it may be alive.
  absl::Time listening_since() const { return listening_since_; }

  // Summaries that are wished for, by handoff and attempt.
  const std::map<std::pair<std::string, int>, SummaryWish>& wishes() const { return wishes_; }
  const SummaryWish* FindWish(const std::string& handoff_id, int number) const;
  const AgentTurns& turns() const { return turns_; }

  size_t queued() const { return handoffs_.size() - at_rest_.size() - lease_ends_.size(); }
  size_t live() const { return lease_ends_.size(); }
  size_t bytes_as_sent() const { return bytes_as_sent_; }  // of all that have not ended

  void EvictAtRest();  // leaves memory after the commit, when nothing refers to it
  // Installs a handoff read from the store for one command. At rest, it is counted already.
  void PageIn(Handoff handoff);
  // What of an owner is in the store alone.
  void CountStored(const std::string& owner, size_t at_rest, uint64_t bytes);
  // As the store has one that was purged earlier.
  void NotePurged(const std::string& id, const std::set<std::string>& workers);

 private:
  void Install(const PutHandoff& change);
  void Install(const PurgeHandoff& change);
  void Install(const PurgedFrom& change) { purged_.Drop(change.id, change.worker_uuid); }
  void Install(const SetPurgeTold& change);
  void Install(const PutWorker& change);
  void Install(const DropWorker& change);
  void Install(const PutHold& change);
  void Install(const DropHold& change);
  void Install(const AddEvent& change);
  void Install(const SetEpochCounter& change);
  void Install(const SetTerm& change);
  void Install(const SetLiveWorker& change);
  void Install(const SetAttemptViews& change);
  void Install(const SetLease& change);
  void Install(const SetProbeAsked& change);
  void Install(const NoteWorkspace& change);
  void Install(const SetSummaryWish& change);
  void Install(const DropSummaryWish& change) { wishes_.erase({change.handoff_id, change.number}); }
  void Install(const SetWishOffered& change);
  void Install(const SetTicked& change);
  void Install(const SetPaidOff& change) { owners_.SetPaidOff(change.owner, change.at); }
  void Install(const SetListening& change) { listening_since_ = change.since; }

  void Index(const Handoff& handoff);
  void Unindex(const Handoff& handoff);
  void Enqueue(const Handoff& handoff);
  void Index(const Worker& worker);
  void Unindex(const Worker& worker);
  void UpdateOpen(const std::string& worker_uuid);

  std::map<std::string, Handoff, std::less<>> handoffs_;
  std::map<std::string, Worker, std::less<>> workers_;
  std::map<std::pair<std::string, std::string>, Hold> holds_;
  std::map<std::string, AttemptView, std::less<>> views_;
  Purged purged_;
  IdentityRecords identity_;
  std::map<std::pair<std::string, int>, SummaryWish> wishes_;
  uint64_t last_wish_ = 0;
  AgentTurns turns_;
  absl::Time ticked_at_ = absl::InfinitePast(), listening_since_ = absl::InfinitePast();

  // Indexes: each follows from the records above.
  std::map<std::string, std::string, std::less<>> worker_names_;
  std::map<std::pair<std::string, std::string>, std::string> keys_;
  std::set<std::pair<std::string, std::string>> dedupe_keys_;  // with the handoff's id
  Queues queues_;
  std::map<std::string, std::set<std::pair<std::string, int>>, std::less<>> attempts_of_;
  std::set<std::string> open_workers_, at_rest_;
  AccountIndex accounts_;
  OwnerIndex owners_;
  ByTime lease_ends_, waiting_, deadlines_, ready_since_, last_seen_;
  Probes probes_;
  size_t bytes_as_sent_ = 0;
};

}  // namespace handoff::core
