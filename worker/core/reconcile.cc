#include "worker/core/reconcile.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace handoff::worker {
namespace {

using Verdict = Reconciled::Verdict;

Verdict Judge(const Memory& memory, const Outstanding& outstanding, const SyncAnswer& answer) {
  if (!memory.pool_id.empty() && answer.pool_id != memory.pool_id) return Verdict::kOtherPool;
  if (std::pair(answer.term, answer.revision) < std::pair(memory.term, memory.revision)) {
    return Verdict::kOld;
  }
  return outstanding.seq != 0 && answer.in_reply_to == outstanding.seq ? Verdict::kTaken
                                                                       : Verdict::kLate;
}

// Two attempts of one handoff share its workspace, so the next one waits until the last one has
// left it.
bool WorkspaceInUse(const Holding& holding, const std::string& handoff_id) {
  for (auto it = holding.lower_bound({handoff_id, 0});
       it != holding.end() && it->first.handoff_id == handoff_id; ++it) {
    if (it->second.stage != Stage::kReporting || it->second.closing) return true;
  }
  return false;
}

void TakeStop(const DesiredAttempt& desired, Actions& actions) {
  actions.stop.push_back({desired.key, desired.stop_as, desired.stop_reason, desired.stop_grace});
}

// An entry for an attempt that is held, with the epoch that is held.
void TakeHeld(const DesiredAttempt& desired, const Outstanding& outstanding, BootTime now,
              Actions& actions) {
  if (desired.stop) TakeStop(desired, actions);
  const BootTime deadline = outstanding.sent + desired.lease;
  // An answer that took longer than the lease grants nothing: thawing for it would be wrong.
  if (deadline > now) actions.renew.push_back({desired.key, deadline});
}

}  // namespace

int SlotsInUse(const Holding& holding) {
  int used = 0;
  for (const auto& [key, held] : holding) used += held.stage != Stage::kReporting ? 1 : 0;
  return used;
}

Reconciled Reconcile(const Holding& holding, int slots, const Memory& memory,
                     const Outstanding& outstanding, const SyncAnswer& answer, BootTime now) {
  Reconciled result;
  result.memory = memory;
  result.verdict = Judge(memory, outstanding, answer);
  if (result.verdict == Verdict::kOtherPool) {
    result.refusal = absl::StrCat(
        "The coordinator belongs to pool ", answer.pool_id, ", but this worker belongs to pool ",
        memory.pool_id,
        ". Nothing was started or stopped. Give the address of the right coordinator, or use "
        "another --data-dir to join that pool.");
    return result;
  }
  if (result.verdict == Verdict::kOld) return result;
  result.memory = {answer.pool_id, answer.term, answer.revision};

  Actions& actions = result.actions;
  int free = slots - SlotsInUse(holding);
  for (const DesiredAttempt& desired : answer.attempts) {
    const auto held = holding.find(desired.key);
    const bool known = held != holding.end();
    if (known && held->second.epoch != desired.epoch) continue;
    if (result.verdict == Verdict::kLate) {
      if (known && desired.stop) TakeStop(desired, actions);
      continue;
    }
    if (known) {
      TakeHeld(desired, outstanding, now, actions);
    } else if (!desired.stop) {
      // Without its spec it was listed by the request and has ended here since.
      if (desired.spec.empty()) continue;
      if (free <= 0 || WorkspaceInUse(holding, desired.key.handoff_id)) {
        actions.deferred.push_back(desired.key);
      } else {
        --free;
        actions.start.push_back(desired);
        const BootTime deadline = outstanding.sent + desired.lease;
        if (deadline > now) actions.renew.push_back({desired.key, deadline});
      }
    }
  }
  for (const AttemptKey& key : answer.forget) {
    const auto held = holding.find(key);
    if (held != holding.end() && held->second.stage == Stage::kReporting) {
      actions.forget.push_back(key);
    }
  }
  return result;
}

}  // namespace handoff::worker
