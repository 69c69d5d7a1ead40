#include "coordinator/core/copies.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/text.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/identity_rules.h"
#include "coordinator/core/limits.h"

namespace handoff::core {
namespace {

// `other` was refused before, as now, and the one that counts called in between.
bool BothLive(const Worker& known, absl::Time now) {
  return known.last_seen > known.other.since && now - known.other.since >= kOtherDaemonAfter;
}

std::string From(const std::string& address) {
  return address.empty() ? "" : absl::StrCat(" at ", OneLine(address, 100));
}

void Tell(Draft& draft, const Sync& command, Worker worker) {
  const std::string& name = worker.name;
  worker.other.told = true;
  worker.draining = true;
  worker.drain_reason = absl::StrCat(
      "its data directory was copied: two daemons have its identity, one", From(worker.address),
      " and one", From(command.caller.address), ". Stop one of them, then `handoff worker undrain ",
      name, "`; if you do not know both, `handoff worker revoke ", name, "`");
  const std::string what = absl::StrCat(
      "Start ", command.worker.start, " of ", name, " was refused, while start ", worker.start,
      From(worker.address),
      " goes on with the same identity: its data directory was copied. Neither gets new work.");
  draft.TellOfWorker("worker_copied", worker, what);
  RecordRefused(draft, {command.caller, Method::kSync, name}, what);
  draft.Add(PutWorker{std::move(worker)});
}

}  // namespace

bool IsOtherDaemon(const Worker& known, const Worker& asked) {
  if (asked.start != known.start) return asked.start < known.start;
  return known.nonce != 0 && asked.nonce != known.nonce;
}

Decision<Sync::Reply> RefuseOther(const State& state, const Sync& command, const Worker& known,
                                  absl::Time now, const absl::Status& why) {
  Decision<Sync::Reply> decision;
  decision.refusal = why;
  if (known.other.told) return decision;
  Draft draft(state, now);
  if (now - known.other.since > kOtherDaemonWithin) {
    Worker worker = known;
    worker.other.since = now;
    draft.Add(SetLiveWorker{std::move(worker)});
  } else if (BothLive(known, now)) {
    Tell(draft, command, known);
  }
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
