// What a Sync is answered with: everything that the worker should run, and what it should stop.
#include <algorithm>
#include <map>
#include <string>

#include "coordinator/core/limits.h"
#include "coordinator/core/placement.h"
#include "coordinator/core/scheduler.h"

namespace handoff::core {
namespace {

// A worker must hear of its lease well before it ends.
constexpr int kAnswersPerLease = 3;

Sync::Desired DesireFor(const Handoff& handoff, const Attempt& attempt) {
  Sync::Desired desired;
  desired.handoff_id = handoff.id;
  desired.number = attempt.number;
  desired.epoch = attempt.epoch;
  desired.lease = handoff.lease;
  desired.stop = attempt.state == AttemptState::kStopping;
  if (desired.stop) {
    desired.stop_as = attempt.stop_as;
    desired.stop_reason = attempt.stop_reason;
  }
  return desired;
}

// Without a lease: what was frozen at the end of its own must not run again beside the newer one.
void StopSuperseded(const ReportedAttempt& listed, Sync::Reply& reply) {
  Sync::Desired stop;
  stop.handoff_id = listed.handoff_id;
  stop.number = listed.number;
  stop.epoch = listed.epoch;
  stop.lease = absl::ZeroDuration();
  stop.stop = true;
  stop.stop_as = EndedBy::kSuperseded;
  stop.stop_reason = "The coordinator gave this attempt up; a newer one counts.";
  reply.attempts.push_back(std::move(stop));
  reply.urgent |= !listed.stopping && !listed.reporting;
}

// One of a handoff that was purged: nobody takes its end.
void AnswerPurged(const ReportedAttempt& listed, Sync::Reply& reply) {
  if (!listed.reporting) return StopSuperseded(listed, reply);
  reply.forget.push_back({listed.handoff_id, listed.number});
  reply.hold = std::min(reply.hold, kForgetWithin);
}

// What was purged is listed until the worker has nothing of it.
void TellPurged(const State& state, const Sync& request, Sync::Reply& reply) {
  reply.answers_before = request.answers_given;
  for (const auto& [id, told] : state.purged().Of(request.worker.uuid)) {
    if (reply.purge.size() == kMaxPurgesTold) return;
    reply.purge.push_back(id);
    reply.urgent |= !told.has_value();
  }
}

// An attempt that the request lists and that is not one of the worker's live ones.
void AnswerStray(const State& state, const ReportedAttempt& listed, const std::string& worker_uuid,
                 Sync::Reply& reply) {
  if (state.purged().Has(listed.handoff_id)) return AnswerPurged(listed, reply);
  const Handoff* handoff = state.FindHandoff(listed.handoff_id);
  if (handoff == nullptr || listed.number < 1 ||
      static_cast<size_t>(listed.number) > handoff->attempts.size()) {
    return;  // unknown here: it goes on until its lease ends
  }
  const Attempt& attempt = handoff->attempts[listed.number - 1];
  // Our records know of no lease yet: they were restored from before it.
  if (attempt.state == AttemptState::kQueued) return;
  const bool same = attempt.worker_uuid == worker_uuid && attempt.epoch == listed.epoch;
  // One that still runs here while its end is stored: that came from a copy of this worker's data
  // directory, and this one must not run beside what follows it.
  if (same && attempt.end.has_value() && (listed.reporting || listed.adopting)) {
    reply.forget.push_back({listed.handoff_id, listed.number});
    // Soon, but not in a circle: it may be busy with the last of it and list it once more.
    reply.hold = std::min(reply.hold, kForgetWithin);
  } else {
    StopSuperseded(listed, reply);
  }
}

// What goes to a worker whole. The rest of a record is shortened as far as need be.
size_t BytesToSend(const Handoff& handoff) {
  size_t bytes = handoff.spec.size();
  for (const Message& message : handoff.messages) {
    if (!message.delivered && !message.dropped) bytes += message.text.size();
  }
  std::map<absl::string_view, size_t> sections;
  for (const SectionEdit& edit : handoff.edits) sections[edit.section] = edit.text.size();
  for (const auto& [section, size] : sections) bytes += size;
  return bytes;
}

// A live attempt of the worker that the request does not list: everything is sent.
void Offer(const Handoff& handoff, Sync::Desired desired, size_t& spec_bytes, Sync::Reply& reply) {
  if (desired.stop) {
    reply.urgent = true;  // it has nothing to stop: the next request ends the attempt
    return;
  }
  // Its lease runs out, again and again, until it has had all its attempts; the others go on.
  if (BytesToSend(handoff) > kMaxSentBytes) return;
  const bool first = spec_bytes == 0;
  spec_bytes += BytesAsSent(handoff);
  if (!first && spec_bytes > kMaxAnswerBytes) return;
  if (handoff.Latest()->offered) {
    // The answer was lost, or the worker cannot begin it yet. Soon, but not in a circle.
    reply.hold = std::min(reply.hold, kOfferAgain);
  } else {
    reply.urgent = true;
  }
  desired.with_spec = true;
  reply.attempts.push_back(std::move(desired));
}

// A live attempt of the worker, as the request lists it.
void Confirm(const ReportedAttempt& listed, Sync::Desired desired, Sync::Reply& reply) {
  if (listed.epoch != desired.epoch) {
    StopSuperseded(listed, reply);  // from before a restore; it must end before this one is sent
    return;
  }
  reply.urgent |= desired.stop && !listed.stopping && !listed.reporting;
  reply.attempts.push_back(std::move(desired));
}

// A few at a time: their results must fit into one request, and a worker with hundreds of holds has
// other work, too.
void AskProbes(const State& state, const Worker& worker, absl::Time now, Sync::Reply& reply) {
  size_t in_hand = 0;
  std::vector<const Hold*> due;
  for (auto hold = state.holds().lower_bound({worker.uuid, ""});
       hold != state.holds().end() && hold->first.first == worker.uuid; ++hold) {
    const Hold& h = hold->second;
    if (h.asked_at + kProbeBackoff.first > now) {
      ++in_hand;  // asked a moment ago: the worker is at it
    } else if (h.next_probe <= now) {
      due.push_back(&h);
    }
  }
  // Those that were never answered come last, or they would keep the others waiting.
  std::stable_sort(due.begin(), due.end(),
                   [](const Hold* a, const Hold* b) { return a->asked_at < b->asked_at; });
  for (const Hold* hold : due) {
    if (in_hand++ >= kMaxProbesAsked) return;
    reply.probes.push_back({hold->key, hold->url});
    reply.urgent = true;
  }
}

}  // namespace

Sync::Reply Answer(const State& state, const Sync& request, absl::Time now) {
  Sync::Reply reply;
  reply.worker_uuid = request.worker.uuid;
  const Worker* worker = state.FindWorker(request.worker.uuid);
  if (worker == nullptr) return reply;  // removed meanwhile
  reply.draining = worker->draining;
  // The daemon began just now, or its first request was lost: it waits to learn that it was taken,
  // and by which pool.
  reply.urgent = request.worker.seq == 1 || request.seen_term == 0;

  const auto& held = state.AttemptsOf(worker->uuid);
  std::map<std::pair<std::string, int>, const ReportedAttempt*> listed;
  for (const ReportedAttempt& attempt : request.attempts) {
    const std::pair<std::string, int> key(attempt.handoff_id, attempt.number);
    listed[key] = &attempt;
    if (held.count(key) == 0) AnswerStray(state, attempt, worker->uuid, reply);
  }
  size_t spec_bytes = 0;
  for (const auto& key : held) {
    const Handoff& handoff = *state.FindHandoff(key.first);
    const auto found = listed.find(key);
    if (found == listed.end()) {
      Offer(handoff, DesireFor(handoff, *handoff.Latest()), spec_bytes, reply);
    } else {
      Confirm(*found->second, DesireFor(handoff, *handoff.Latest()), reply);
    }
  }
  for (const Sync::Desired& desired : reply.attempts) {
    if (desired.lease > absl::ZeroDuration())
      reply.hold = std::min(reply.hold, desired.lease / kAnswersPerLease);
  }
  TellPurged(state, request, reply);
  AskProbes(state, *worker, now, reply);
  for (const auto& [key, wish] : state.wishes()) {
    if (wish.worker_uuid != worker->uuid) continue;
    reply.summaries.push_back(wish);
    reply.urgent |= !wish.offered;
  }
  for (const AgentTurn& turn : state.turns().Of(worker->uuid)) {
    if (!IsWished(turn, now)) continue;
    reply.turns.push_back(turn);
    reply.urgent |= !turn.offered;
  }
  return reply;
}

Edit RenewLeases(const State& state, const Sync::Reply& reply, absl::Time now) {
  Edit edit;
  for (const Sync::Desired& desired : reply.attempts) {
    const Handoff* handoff = state.FindHandoff(desired.handoff_id);
    const Attempt* attempt = handoff == nullptr ? nullptr : handoff->Latest();
    if (attempt == nullptr || attempt->epoch != desired.epoch || !IsLive(attempt->state)) continue;
    edit.changes.push_back(SetLease{desired.handoff_id, desired.number, attempt->state,
                                    now + desired.lease + GiveAwayMargin(desired.lease), true});
  }
  for (const auto& [key, url] : reply.probes)
    edit.changes.push_back(SetProbeAsked{reply.worker_uuid, key, now});
  if (!reply.purge.empty())
    edit.changes.push_back(SetPurgeTold{reply.worker_uuid, reply.purge, reply.answers_before});
  for (const SummaryWish& wish : reply.summaries)
    edit.changes.push_back(SetWishOffered{wish.handoff_id, wish.number});
  for (const AgentTurn& turn : reply.turns)
    edit.changes.push_back(SetTurnOffered{turn.worker_uuid, turn.agent});
  return edit;
}

}  // namespace handoff::core
