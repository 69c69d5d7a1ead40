#include "coordinator/core/state.h"

#include <algorithm>

#include "common/check.h"
#include "coordinator/core/affinity.h"

namespace handoff::core {
namespace {

// The attempt that charges a slot; only the latest one can.
const Attempt* LiveAttempt(const Handoff& handoff) {
  const Attempt* latest = handoff.Latest();
  return latest != nullptr && IsLive(latest->state) ? latest : nullptr;
}

template <typename C, typename Records>
concept IsOf = requires(Records& records, const C& change) {
  records.Install(change);
};

template <typename Map, typename Key>
auto* FindIn(Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

// All attempts of a worker; who hears its word changes between the two.
void Uncount(AccountIndex& accounts, const State& state, const std::string& worker_uuid) {
  for (const auto& attempt : state.AttemptsOf(worker_uuid))
    accounts.Remove(*state.FindHandoff(attempt.first), state.FindWorker(worker_uuid));
}
void Count(AccountIndex& accounts, const State& state, const std::string& worker_uuid) {
  for (const auto& attempt : state.AttemptsOf(worker_uuid))
    accounts.Add(*state.FindHandoff(attempt.first), state.FindWorker(worker_uuid));
}

}  // namespace

void State::Apply(const Edit& edit) {
  for (const Change& change : edit.changes) {
    std::visit(
        [this](const auto& c) {
          if constexpr (IsOf<decltype(c), IdentityRecords>) {
            identity_.Install(c);
          } else if constexpr (IsOf<decltype(c), AgentTurns>) {
            turns_.Install(c);
          } else {
            Install(c);
          }
        },
        change);
  }
}

const Handoff* State::FindHandoff(absl::string_view id) const { return FindIn(handoffs_, id); }

const Handoff* State::FindByIdempotencyKey(const std::string& owner, const std::string& key) const {
  const std::string* id = FindIn(keys_, std::pair(owner, key));
  return id == nullptr ? nullptr : FindHandoff(*id);
}

const Handoff* State::FindByDedupeKey(const std::string& key,
                                      const std::function<bool(const Handoff&)>& counts) const {
  for (auto at = dedupe_keys_.lower_bound({key, ""}); at != dedupe_keys_.end(); ++at) {
    if (at->first != key) break;
    const Handoff* handoff = FindHandoff(at->second);
    if (counts(*handoff)) return handoff;
  }
  return nullptr;
}

const Handoff* State::FindWaitingByDedupeKey(const std::string& key) const {
  for (const std::string& id : at_rest_) {
    const Handoff* handoff = FindHandoff(id);
    if (handoff->dedupe_key == key && handoff->status == HandoffStatus::kWaiting) return handoff;
  }
  return nullptr;
}

const Worker* State::FindWorker(absl::string_view uuid) const { return FindIn(workers_, uuid); }

const Worker* State::FindWorkerByName(absl::string_view name) const {
  const std::string* uuid = FindIn(worker_names_, name);
  return uuid == nullptr ? nullptr : FindWorker(*uuid);
}

const Hold* State::FindHold(const std::string& worker_uuid, const std::string& key) const {
  return FindIn(holds_, std::pair(worker_uuid, key));
}

const std::set<std::pair<std::string, int>>& State::AttemptsOf(
    absl::string_view worker_uuid) const {
  static const std::set<std::pair<std::string, int>> none;
  const auto* attempts = FindIn(attempts_of_, worker_uuid);
  return attempts == nullptr ? none : *attempts;
}

const SummaryWish* State::FindWish(const std::string& handoff_id, int number) const {
  return FindIn(wishes_, std::pair(handoff_id, number));
}

const AttemptView* State::ViewOf(absl::string_view handoff_id) const {
  return FindIn(views_, handoff_id);
}

void State::EvictAtRest() {
  for (const std::string& id : at_rest_) handoffs_.erase(id);
  at_rest_.clear();
  purged_.Evict();
}

void State::PageIn(Handoff handoff) {
  CHECK(handoffs_.find(handoff.id) == handoffs_.end());
  if (!IsAtRest(handoff.status)) owners_.Add(handoff);
  const auto& placed = handoffs_.emplace(handoff.id, std::move(handoff)).first->second;
  next_seq = std::max(next_seq, placed.seq + 1);
  Index(placed);
}

void State::CountStored(const std::string& owner, size_t at_rest, uint64_t bytes) {
  owners_.AddStored(owner, at_rest, bytes);
}

void State::NotePurged(const std::string& id, const std::set<std::string>& workers) {
  purged_.Add(id, workers);
}

void State::Install(const PutHandoff& change) {
  const std::string& id = change.handoff.id;
  const auto known = handoffs_.find(id);
  if (known != handoffs_.end()) {
    owners_.Remove(known->second);
    Unindex(known->second);
  }
  const Handoff& put = handoffs_[id] = change.handoff;
  next_seq = std::max(next_seq, put.seq + 1);
  owners_.Add(put);
  Index(put);
  // The attempt may have been lost and the next one leased in one change.
  const Attempt* live = LiveAttempt(put);
  const AttemptView* view = FindIn(views_, id);
  if (view != nullptr && (live == nullptr || live->epoch != view->epoch)) views_.erase(id);
}

void State::Install(const PurgeHandoff& change) {
  const auto known = handoffs_.find(change.id);
  CHECK(known != handoffs_.end() && IsEnded(known->second.status));
  owners_.Remove(known->second);
  Unindex(known->second);
  handoffs_.erase(known);
  for (auto wish = wishes_.lower_bound({change.id, 0});
       wish != wishes_.end() && wish->first.first == change.id;) {
    wish = wishes_.erase(wish);
  }
  purged_.Add(change.id, change.workers);
}

void State::Install(const SetPurgeTold& change) {
  for (const std::string& id : change.ids) purged_.SetTold(change.worker_uuid, id, change.answers);
}

void State::Install(const PutWorker& change) {
  const auto known = workers_.find(change.worker.uuid);
  const bool heard_as_before =
      known != workers_.end() && HeardBy(known->second) == HeardBy(change.worker);
  if (!heard_as_before) Uncount(accounts_, *this, change.worker.uuid);
  if (known != workers_.end()) Unindex(known->second);
  Index(workers_[change.worker.uuid] = change.worker);
  if (!heard_as_before) Count(accounts_, *this, change.worker.uuid);
}

void State::Install(const DropWorker& change) {
  const auto known = workers_.find(change.uuid);
  CHECK(known != workers_.end());
  Uncount(accounts_, *this, change.uuid);
  Unindex(known->second);
  workers_.erase(known);
  turns_.Forget(change.uuid);
  Count(accounts_, *this, change.uuid);
  UpdateOpen(change.uuid);
}

void State::Install(const PutHold& change) {
  Hold& hold = holds_[{change.hold.worker_uuid, change.hold.key}];
  probes_.erase({hold.next_probe, change.hold.worker_uuid, change.hold.key});
  hold = change.hold;
  probes_.insert({hold.next_probe, hold.worker_uuid, hold.key});
}

void State::Install(const DropHold& change) {
  const auto hold = holds_.find({change.worker_uuid, change.key});
  if (hold == holds_.end()) return;
  probes_.erase({hold->second.next_probe, change.worker_uuid, change.key});
  holds_.erase(hold);
}

void State::Install(const AddEvent& change) {
  CHECK(change.event.revision == revision + 1);
  revision = change.event.revision;
}

void State::Install(const SetEpochCounter& change) {
  CHECK(change.counter >= epoch_counter);
  epoch_counter = change.counter;
}

void State::Install(const SetTerm& change) {
  CHECK(change.term > term && change.incarnation > incarnation);
  term = change.term;
  incarnation = change.incarnation;
}

void State::Install(const SetLiveWorker& change) {
  CHECK(workers_.find(change.worker.uuid) != workers_.end());
  Install(PutWorker{change.worker});
}

void State::Install(const SetAttemptViews& change) {
  for (const auto& attempt : AttemptsOf(change.worker_uuid)) views_.erase(attempt.first);
  for (const AttemptView& view : change.views) views_[view.handoff_id] = view;
}

void State::Install(const SetLease& change) {
  Handoff* handoff = FindIn(handoffs_, change.handoff_id);
  CHECK(handoff != nullptr);
  Attempt* attempt = handoff->Latest();
  CHECK(attempt != nullptr && attempt->number == change.number && IsLive(attempt->state));
  lease_ends_.erase({attempt->lease_until, handoff->id});
  attempt->state = change.state;
  attempt->lease_until = change.until;
  attempt->offered = change.offered;
  lease_ends_.insert({attempt->lease_until, handoff->id});
}

void State::Install(const SetProbeAsked& change) {
  Hold* hold = FindIn(holds_, std::pair(change.worker_uuid, change.key));
  if (hold != nullptr) hold->asked_at = change.at;
}

void State::Install(const NoteWorkspace& change) {
  Worker* worker = FindIn(workers_, change.worker_uuid);
  if (worker != nullptr) worker->workspaces.insert(change.handoff_id);
}

void State::Install(const SetSummaryWish& change) {
  SummaryWish& wish = wishes_[{change.wish.handoff_id, change.wish.number}];
  wish = change.wish;
  // One Edit may hold several of the same moment.
  last_wish_ = wish.wish = std::max(wish.wish, last_wish_ + 1);
}

void State::Install(const SetWishOffered& change) {
  SummaryWish* wish = FindIn(wishes_, std::pair(change.handoff_id, change.number));
  if (wish != nullptr) wish->offered = true;
}

void State::Install(const SetTicked& change) {
  ticked_at_ = std::max(ticked_at_, change.at);
  owners_.ForgetPaidOff(ticked_at_);
  while (!waiting_.empty() && waiting_.begin()->first <= ticked_at_) {
    const Handoff& handoff = *FindHandoff(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    Enqueue(handoff);
  }
}

void State::Index(const Handoff& handoff) {
  if (IsAtRest(handoff.status)) {
    at_rest_.insert(handoff.id);
    return;
  }
  bytes_as_sent_ += BytesAsSent(handoff);
  if (!handoff.idempotency_key.empty())
    keys_[{handoff.owner, handoff.idempotency_key}] = handoff.id;
  if (!handoff.dedupe_key.empty()) dedupe_keys_.insert({handoff.dedupe_key, handoff.id});
  const Attempt* live = LiveAttempt(handoff);
  if (live != nullptr) {
    attempts_of_[live->worker_uuid].insert({handoff.id, live->number});
    lease_ends_.insert({live->lease_until, handoff.id});
    accounts_.Add(handoff, FindWorker(live->worker_uuid));
    UpdateOpen(live->worker_uuid);
  } else if (handoff.not_before > ticked_at_) {
    waiting_.insert({handoff.not_before, handoff.id});
  } else {
    Enqueue(handoff);
  }
  const bool stopping = live != nullptr && live->state == AttemptState::kStopping;
  if (handoff.deadline != absl::InfiniteFuture() && !stopping)
    deadlines_.insert({handoff.deadline, handoff.id});
}

void State::Enqueue(const Handoff& handoff) {
  queues_[handoff.owner][SignatureOf(handoff)].insert(KeyOf(handoff));
  if (!AffinityOf(handoff).empty()) ready_since_.insert({ReadySince(handoff), handoff.id});
}

void State::Unindex(const Handoff& handoff) {
  at_rest_.erase(handoff.id);
  if (IsAtRest(handoff.status)) return;
  bytes_as_sent_ -= BytesAsSent(handoff);
  if (!handoff.idempotency_key.empty()) keys_.erase({handoff.owner, handoff.idempotency_key});
  if (!handoff.dedupe_key.empty()) dedupe_keys_.erase({handoff.dedupe_key, handoff.id});
  deadlines_.erase({handoff.deadline, handoff.id});
  const Attempt* live = LiveAttempt(handoff);
  if (live != nullptr) {
    lease_ends_.erase({live->lease_until, handoff.id});
    accounts_.Remove(handoff, FindWorker(live->worker_uuid));
    const auto attempts = attempts_of_.find(live->worker_uuid);
    attempts->second.erase({handoff.id, live->number});
    if (attempts->second.empty()) attempts_of_.erase(attempts);
    UpdateOpen(live->worker_uuid);
    return;
  }
  if (waiting_.erase({handoff.not_before, handoff.id}) > 0) return;
  const auto of_owner = queues_.find(handoff.owner);
  const auto queue = of_owner->second.find(SignatureOf(handoff));
  queue->second.erase(KeyOf(handoff));
  if (queue->second.empty()) of_owner->second.erase(queue);
  if (of_owner->second.empty()) queues_.erase(of_owner);
  ready_since_.erase({ReadySince(handoff), handoff.id});
}

void State::Index(const Worker& worker) {
  CHECK(worker_names_.emplace(worker.name, worker.uuid).second);
  last_seen_.insert({worker.last_seen, worker.uuid});
  accounts_.Add(worker);
  UpdateOpen(worker.uuid);
}

void State::Unindex(const Worker& worker) {
  worker_names_.erase(worker.name);
  last_seen_.erase({worker.last_seen, worker.uuid});
  accounts_.Remove(worker);
}

void State::UpdateOpen(const std::string& worker_uuid) {
  const Worker* worker = FindWorker(worker_uuid);
  const bool open =
      worker != nullptr && AttemptsOf(worker_uuid).size() < static_cast<size_t>(worker->slots);
  if (open) {
    open_workers_.insert(worker_uuid);
  } else {
    open_workers_.erase(worker_uuid);
  }
}

}  // namespace handoff::core
