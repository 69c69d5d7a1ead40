#include "coordinator/core/affinity.h"

#include "coordinator/core/checkpoints.h"

namespace handoff::core {
namespace {

// The last conversation saw more than the state that the next attempt goes on from: the one that
// belongs to that state has its files with it.
bool SawMore(const Handoff& handoff, const Head& head, const LastSession& last) {
  if (head.asked) return true;
  if (!head.returned || last.attempt == 0 || last.attempt > head.attempt) return false;
  // A person went on from the newest checkpoint, and that attempt may have left none.
  const Checkpoint& seen = handoff.attempts[last.attempt - 1].checkpoint;
  return seen.commit.empty() || seen.session != head.checkpoint->session;
}

// A state may be older than what may go on: then its files are taken, and not its conversation,
// which may be that of another agent.
std::string SessionOf(const Handoff& handoff, const Head& head) {
  return head.attempt < handoff.sessions_from ? "" : head.checkpoint->session;
}

}  // namespace

LastSession LastSessionOf(const Handoff& handoff) {
  for (auto attempt = handoff.attempts.rbegin(); attempt != handoff.attempts.rend(); ++attempt) {
    if (attempt->number < handoff.sessions_from) break;
    if (attempt->worker_uuid.empty()) continue;
    // What arrives after the loss decides nothing: neither does the session in it.
    if (attempt->end.has_value() && !attempt->arrived_after_loss && !attempt->end->session.empty())
      return {attempt->end->session, attempt->worker_uuid, attempt->number};
    // The one that wrote the state which the next attempt goes on from.
    if (IsTerminal(attempt->state) && !attempt->checkpoint.session.empty())
      return {attempt->checkpoint.session, attempt->worker_uuid, attempt->number};
    // Lost before it reported, but it had been given this one to go on with.
    if (IsTerminal(attempt->state) && !attempt->session.empty())
      return {attempt->session, attempt->worker_uuid, attempt->number};
  }
  return {};
}

std::string AffinityOf(const Handoff& handoff) {
  const Attempt* latest = handoff.Latest();
  if (latest == nullptr || latest->number == 1) return "";
  // It is made from a checkpoint, wherever it goes.
  if (handoff.go_on_from > 0) return "";
  std::string uuid;
  if (latest->session_kind == SessionKind::kSame) uuid = LastSessionOf(handoff).worker_uuid;
  for (auto attempt = handoff.attempts.rbegin(); uuid.empty() && attempt != handoff.attempts.rend();
       ++attempt) {
    uuid = attempt->worker_uuid;
  }
  return handoff.avoid.count(uuid) > 0 ? "" : uuid;
}

void PlanSession(Handoff& handoff, bool fresh, Attempt& next) {
  const Head head = HeadCheckpoint(handoff);
  if (fresh) handoff.sessions_from = next.number;
  const LastSession last = LastSessionOf(handoff);
  const bool saw_more = SawMore(handoff, head, last);
  next.session = saw_more ? SessionOf(handoff, head) : last.session;
  if (saw_more && next.session.empty()) handoff.sessions_from = next.number;
  next.session_kind = next.session.empty() ? SessionKind::kFresh : SessionKind::kSame;
}

void SettleStart(const Handoff& handoff, const Worker& worker, Attempt& attempt) {
  const Head head = HeadCheckpoint(handoff);
  attempt.from_attempt = head.attempt;
  attempt.from_commit = head.checkpoint == nullptr ? "" : head.checkpoint->commit;
  if (attempt.session_kind != SessionKind::kSame) return;
  const LastSession last = LastSessionOf(handoff);
  const bool saw_more = SawMore(handoff, head, last);
  const bool here =
      !saw_more && last.worker_uuid == worker.uuid && worker.workspaces.count(handoff.id) > 0;
  if (here) return;
  if (saw_more) attempt.session = SessionOf(handoff, head);  // more may have come since
  const bool saved = head.checkpoint != nullptr && head.checkpoint->session == attempt.session;
  if (saved && !attempt.session.empty()) {
    attempt.session_kind = SessionKind::kRestored;
    return;
  }
  attempt.session.clear();
  attempt.session_kind = SessionKind::kFresh;
}

}  // namespace handoff::core
