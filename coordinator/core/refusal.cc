#include "coordinator/core/refusal.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/handoff/names.h"
#include "common/status.h"
#include "common/text.h"
#include "coordinator/core/limits.h"

namespace handoff::core {

absl::Status NoSuchHandoff(absl::string_view id) {
  return absl::NotFoundError(
      absl::StrCat("there is no handoff '", id, "'. `handoff list --all` shows those that are."));
}

absl::Status OtherPool(absl::string_view theirs, absl::string_view ours) {
  return absl::FailedPreconditionError(absl::StrCat(
      "this worker belongs to pool ", theirs, " and this coordinator serves pool ", ours,
      ". Nothing was stored: point the worker to its own coordinator, or start it with an empty "
      "data directory to join this one."));
}

absl::Status CheckDaemon(DaemonStart sender, DaemonStart known, absl::string_view not_done) {
  const bool told = sender.start != 0 || sender.nonce != 0;
  const bool same =
      sender.start == known.start && (known.nonce == 0 || sender.nonce == known.nonce);
  if (!told || same) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(
      "this comes from start ", sender.start,
      " of the worker's daemon, and the one that counts is ",
      sender.start == known.start ? "another daemon at the same start"
                                  : absl::StrCat("start ", known.start),
      ". ", not_done,
      ": its next Sync makes it the one that counts, unless its data directory was copied; then "
      "stop the daemon that works in the copy."));
}

absl::Status CheckNotRevoked(const State& state, const std::string& worker_uuid,
                             absl::string_view not_done) {
  if (!state.identity().IsRevoked(worker_uuid)) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("this worker was revoked. ", not_done,
                                                  ": to use the host again, join it anew with an "
                                                  "empty data directory and a new token (`handoff "
                                                  "worker invite`)."));
}

absl::Status CheckSender(const State& state, const Sender& sender, absl::string_view not_done) {
  if (!sender.pool_id.empty() && sender.pool_id != state.pool_id)
    return OtherPool(sender.pool_id, state.pool_id);
  RETURN_IF_ERROR(CheckNotRevoked(state, sender.worker_uuid, not_done));
  const Worker* worker = state.FindWorker(sender.worker_uuid);
  if (worker == nullptr) return absl::OkStatus();
  return CheckDaemon({sender.worker_start, sender.worker_nonce}, {worker->start, worker->nonce},
                     not_done);
}

absl::Status CheckHolder(const Handoff& handoff, int number, const std::string& worker_uuid,
                         absl::string_view not_done) {
  if (number >= 1 && static_cast<size_t>(number) <= handoff.attempts.size() &&
      handoff.attempts[number - 1].worker_uuid == worker_uuid) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(absl::StrCat(
      "attempt ", number, " of ", handoff.id, " was never leased to this worker. ", not_done, "."));
}

absl::Status CheckRoom(const State& state, size_t spec_bytes, absl::string_view not_done) {
  if (state.queued() + state.live() >= kMaxLiveHandoffs) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the pool holds ", kMaxLiveHandoffs, " handoffs that have not ended, which is its limit. ",
        not_done, ": cancel some (`handoff list`), or wait."));
  }
  return CheckBytes(state, spec_bytes, not_done);
}

absl::Status CheckBytes(const State& state, size_t more, absl::string_view not_done) {
  if (state.bytes_as_sent() + more <= kMaxLiveSpecBytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "the tasks of the handoffs that have not ended fill ", HumanBytes(state.bytes_as_sent()),
      ", which is near the limit of ", HumanBytes(kMaxLiveSpecBytes), ". ", not_done,
      ": cancel some (`handoff list`), or wait."));
}

absl::Status CheckQuota(const State& state, const std::string& owner, Entry entry, absl::Time now,
                        absl::string_view not_done) {
  const Quota& quota = state.quotas.Of(owner);
  const OwnerUse& use = state.owners().Of(owner);
  const auto refuse = [&](const auto&... what) {
    return absl::ResourceExhaustedError(absl::StrCat(what...));
  };
  if (entry == Entry::kQueued && use.queued >= quota.queued) {
    return refuse(owner, " has ", use.queued, " handoffs in the queue, and their quota is ",
                  quota.queued, ". ", not_done,
                  ": wait until some have begun, or cancel some (`handoff list --status "
                  "queued`).");
  }
  if (use.live() >= quota.live) {
    return refuse(owner, " has ", use.live(), " handoffs that have not ended, ", use.at_rest,
                  " of which wait for a person, and their quota is ", quota.live, ". ", not_done,
                  ": wait until some have ended, or answer or cancel some (`handoff list`).");
  }
  if (use.stored_bytes >= quota.stored_bytes) {
    return refuse("logs and objects of the handoffs of ", owner, " fill ",
                  HumanBytes(use.stored_bytes), ", and their quota is ",
                  HumanBytes(quota.stored_bytes), ". ", not_done,
                  ": `handoff delete --purge ID` of some that have ended makes room.");
  }
  const absl::Duration wait = SubmitWait(quota, state.owners().PaidOff(owner), now);
  if (wait == absl::ZeroDuration()) return absl::OkStatus();
  // Whoever shows it says when: the moment is beside the sentence.
  return WithRetryAfter(
      refuse(owner, " has submitted as many as their quota allows: ", quota.submits_per_minute,
             " a minute, and ", quota.submit_burst, " at once after a pause. ", not_done, "."),
      wait);
}

SetPaidOff PayForSubmit(const State& state, const std::string& owner, absl::Time now) {
  return {owner, PaidOffAfter(state.quotas.Of(owner), state.owners().PaidOff(owner), now)};
}

absl::Status CheckMessage(const Handoff& handoff, size_t bytes, absl::string_view not_done) {
  size_t all = bytes;
  size_t unread = bytes;
  for (const Message& message : handoff.messages) {
    all += message.text.size();
    if (!message.delivered && !message.dropped) unread += message.text.size();
  }
  if (handoff.messages.size() >= kMaxMessages || all > kMaxMessageBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        handoff.id, " has had ", handoff.messages.size(), " messages of ", HumanBytes(all - bytes),
        "; at most ", kMaxMessages, " of ", HumanBytes(kMaxMessageBytes), " in all are kept. ",
        not_done, ": submit a new handoff."));
  }
  if (unread <= kMaxUnreadBytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "the messages that no agent of ", handoff.id, " has read yet fill ",
      HumanBytes(unread - bytes), "; at most ", HumanBytes(kMaxUnreadBytes), " may wait. ",
      not_done, ": wait until its next attempt runs, or take one back with `handoff send ",
      handoff.id, " --drop N`."));
}

absl::Status CheckAgent(const State& state, const std::string& agent, absl::string_view not_done) {
  if (IsKnownAgent(agent)) return absl::OkStatus();
  std::set<std::string> offered;
  for (const auto& [uuid, worker] : state.workers()) {
    for (const AgentOffer& offer : worker.agents) offered.insert(offer.name);
  }
  return offered.count(agent) > 0 ? absl::OkStatus() : NoSuchAgent(agent, offered, not_done);
}

absl::string_view StatusName(HandoffStatus status) {
  switch (status) {
    case HandoffStatus::kQueued:
      return "queued";
    case HandoffStatus::kRunning:
      return "running";
    case HandoffStatus::kStalled:
      return "stalled";
    case HandoffStatus::kWaiting:
      return "waiting";
    case HandoffStatus::kInteractive:
      return "interactive";
    case HandoffStatus::kSucceeded:
      return "succeeded";
    case HandoffStatus::kFailed:
      return "failed";
    case HandoffStatus::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

}  // namespace handoff::core
