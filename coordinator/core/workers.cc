// What people ask of workers.
#include <algorithm>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/holds.h"
#include "coordinator/core/identity_rules.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/placement.h"
#include "coordinator/core/revoke.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/core/sentence.h"

namespace handoff::core {
namespace {

absl::Status NoSuchWorker(absl::string_view name) {
  return absl::NotFoundError(
      absl::StrCat("no worker is named '", name, "'. `handoff worker list` shows those that are."));
}

std::vector<Hold> HoldsOf(const State& state, const Worker& worker) {
  std::vector<Hold> holds;
  for (auto hold = state.holds().lower_bound({worker.uuid, ""});
       hold != state.holds().end() && hold->first.first == worker.uuid; ++hold) {
    holds.push_back(hold->second);
  }
  for (const AgentOffer& offer : worker.agents) {
    const std::string key = HoldKeyOf(offer.name, offer.account);
    for (const std::string& owner : std::set<std::string>{"", HeardBy(worker)}) {
      const Hold* used_up = FindUsedUp(state, key, owner);
      if (used_up != nullptr) holds.push_back(*used_up);
    }
  }
  return holds;
}

// Of its newest certificate, which may not have reached it.
void AddCertificate(const State& state, ListWorkers::Item& item) {
  for (const std::string& serial : state.identity().SerialsOf(item.worker.uuid)) {
    const Credential& credential = *state.identity().FindCredential(serial);
    if (credential.purpose != CredentialPurpose::kWorker) continue;
    if (credential.not_after < item.certificate_until) continue;
    item.certificate_since = credential.issued_at;
    item.certificate_until = credential.not_after;
  }
}

// `worker` may be newer than the one in `state`.
ListWorkers::Item ItemFor(const State& state, const Worker& worker, absl::Time now) {
  ListWorkers::Item item{.worker = worker,
                         .reachable = IsReachable(worker, now),
                         .holds = HoldsOf(state, worker),
                         .attempts = {}};
  AddCertificate(state, item);
  item.turns = state.turns().Of(worker.uuid);
  for (const auto& [id, number] : state.AttemptsOf(worker.uuid)) {
    const Handoff& handoff = *state.FindHandoff(id);
    item.attempts.push_back({id, number, handoff.owner, handoff.exclusive, handoff.agent,
                             handoff.attempts[number - 1].account, handoff.is_private});
  }
  return item;
}

// Its daemon would register again with its next request, and be drained no more.
absl::Status CheckRemovable(const State& state, const Worker& worker, absl::Time now) {
  if (!IsReachable(worker, now)) return absl::OkStatus();
  const size_t attempts = state.AttemptsOf(worker.uuid).size();
  const std::string first = worker.draining && attempts == 0
                                ? ""
                                : absl::StrCat("`handoff worker drain ", worker.name,
                                               "`, wait until its attempts have ended, then ");
  return absl::FailedPreconditionError(
      absl::StrCat("worker '", worker.name, "' is alive",
                   attempts > 0 ? absl::StrCat(" and has ", CountText(attempts, "attempt")) : "",
                   ". It was not removed: ", first, "stop its daemon first, and remove it ",
                   absl::ToInt64Seconds(kUnreachableAfter), " s after that."));
}

// An unknown worker is nobody's.
absl::Status CheckActsOn(const State& state, const Worker* worker, const Act& act) {
  ASSIGN_OR_RETURN(const Grant grant, CheckCaller(state, act.caller, act.method));
  const bool own = worker != nullptr && worker->owner == act.caller.name;
  return worker == nullptr || Covers(grant.access, own) ? absl::OkStatus() : NotOwn(act);
}

// Of which a turn can be asked for. A command says nothing by itself; what is missing is asked for
// only by its name.
absl::StatusOr<std::vector<std::string>> AgentsToAsk(const Worker& worker,
                                                     const std::string& agent) {
  std::vector<std::string> all, present;
  for (const AgentOffer& offer : worker.agents) {
    if (offer.name == "command") continue;
    all.push_back(offer.name);
    if (offer.state != AgentState::kMissing) present.push_back(offer.name);
  }
  if (agent == "command") {
    return absl::InvalidArgumentError(
        "command runs what it is given and has no turns. None was asked for.");
  }
  if (agent.empty() && !present.empty()) return present;
  if (std::find(all.begin(), all.end(), agent) != all.end()) return std::vector{agent};
  return absl::NotFoundError(absl::StrCat(
      "worker '", worker.name, "' has ", agent.empty() ? "no agent" : absl::StrCat("no ", agent),
      " of which a turn could be asked. None was asked for: `handoff worker show ", worker.name,
      "` tells what it has",
      all.empty() ? "." : absl::StrCat(" (it knows ", absl::StrJoin(all, ", "), ").")));
}

absl::Status CheckMakesTurns(const Worker& worker, absl::Time now) {
  if (!IsReachable(worker, now)) {
    return absl::FailedPreconditionError(
        absl::StrCat("worker '", worker.name,
                     "' does not answer. No turn was asked for: look at handoff-worker on that "
                     "host, and ask again."));
  }
  if (worker.makes_turns) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "worker '", worker.name, "' does not answer this: its version",
      worker.version.empty() ? "" : absl::StrCat(", ", worker.version, ","),
      " is older than turns that are asked for. None was asked for: update it, and ask again."));
}

// It is asked for already, or came a moment ago: nobody pays for another one.
bool IsGoodEnough(const AgentTurn* turn, absl::Time now) {
  if (turn == nullptr) return false;
  return turn->made() ? now - turn->at < kTurnFresh : IsWished(*turn, now);
}

}  // namespace

absl::StatusOr<Decision<Drain::Reply>> Decide(const State& state, const Drain& command,
                                              absl::Time now) {
  const Worker* known = state.FindWorkerByName(command.name);
  const Act act{command.caller, Method::kDrainWorker, command.name};
  const absl::Status refused = CheckActsOn(state, known, act);
  if (!refused.ok()) return Refuse<Drain::Reply>(state, now, act, refused);
  if (known == nullptr) return NoSuchWorker(command.name);
  Worker worker = *known;
  worker.draining = !command.undrain;
  worker.drain_reason = command.undrain ? "" : command.reason;
  if (command.undrain) worker.other = {};  // said again if it is still so
  Decision<Drain::Reply> decision{{}, {ItemFor(state, worker, now)}};
  if (worker == *known) return decision;
  Draft draft(state, now);
  draft.Add(PutWorker{worker});
  const std::string by = command.actor.empty() ? "" : absl::StrCat(" by ", command.actor);
  if (command.undrain) {
    draft.TellOfWorker("undrained", worker, absl::StrCat("May take work again", by, "."));
  } else {
    draft.TellOfWorker("drained", worker,
                       absl::StrCat("Takes nothing new, drained", by,
                                    command.reason.empty() ? "." : ": ", Sentence(command.reason)));
  }
  decision.edit = draft.Take();
  return decision;
}

absl::StatusOr<Decision<AskTurns::Reply>> Decide(const State& state, const AskTurns& command,
                                                 absl::Time now) {
  const Worker* worker = state.FindWorkerByName(command.worker);
  const Act act{command.caller, Method::kAskTurns, command.worker};
  const absl::Status refused = CheckActsOn(state, worker, act);
  if (!refused.ok()) return Refuse<AskTurns::Reply>(state, now, act, refused);
  if (worker == nullptr) return NoSuchWorker(command.worker);
  RETURN_IF_ERROR(CheckMakesTurns(*worker, now));
  ASSIGN_OR_RETURN(const std::vector<std::string> agents, AgentsToAsk(*worker, command.agent));
  Draft draft(state, now);
  // Those of agents that it does not have any more, or their number would have no bound.
  for (const AgentTurn& turn : state.turns().Of(worker->uuid)) {
    if (FindOffer(*worker, turn.agent) == nullptr)
      draft.Add(DropAgentTurn{worker->uuid, turn.agent});
  }
  std::vector<std::string> asked;
  for (const std::string& agent : agents) {
    if (IsGoodEnough(state.turns().Find(worker->uuid, agent), now)) continue;
    AgentTurn turn;
    turn.worker_uuid = worker->uuid;
    turn.agent = agent;
    turn.number = static_cast<uint64_t>(absl::ToUnixMicros(now));  // the State makes it the highest
    turn.asked_at = now;
    draft.Add(SetAgentTurn{std::move(turn)});
    asked.push_back(agent);
  }
  if (!asked.empty()) {
    draft.TellOfWorker(
        "turn_asked", *worker,
        absl::StrCat("Asked for one turn of ", absl::StrJoin(asked, ", "),
                     command.actor.empty() ? "" : absl::StrCat(" by ", command.actor), "."));
  }
  Decision<AskTurns::Reply> decision;
  decision.edit = draft.Take();
  decision.reply.worker = ItemFor(state, *worker, now);
  AgentTurns after;
  for (const AgentTurn& turn : decision.reply.worker.turns) after.Install(SetAgentTurn{turn});
  for (const Change& change : decision.edit.changes) {
    if (const auto* set = std::get_if<SetAgentTurn>(&change)) after.Install(*set);
    if (const auto* drop = std::get_if<DropAgentTurn>(&change)) after.Install(*drop);
  }
  decision.reply.worker.turns = after.Of(worker->uuid);
  return decision;
}

absl::StatusOr<Decision<RemoveWorker::Reply>> Decide(const State& state,
                                                     const RemoveWorker& command, absl::Time now) {
  const Worker* worker = state.FindWorkerByName(command.name);
  const Act act{command.caller, Method::kRemoveWorker, command.name};
  const absl::Status refused = CheckActsOn(state, worker, act);
  if (!refused.ok()) return Refuse<RemoveWorker::Reply>(state, now, act, refused);
  if (worker == nullptr) return NoSuchWorker(command.name);
  RETURN_IF_ERROR(CheckRemovable(state, *worker, now));
  Draft draft(state, now);
  RevokeSubject(draft, worker->uuid);
  ForgetWorker(draft, *worker);
  const std::string by = command.actor.empty() ? "" : absl::StrCat(" by ", command.actor);
  draft.TellOfWorker("worker_removed", *worker, absl::StrCat("Removed", by, "."));
  RecordDone(draft, act, worker->uuid);
  return Decision<RemoveWorker::Reply>{draft.Take(), {}};
}

absl::StatusOr<Decision<ListWorkers::Reply>> Decide(const State& state, const ListWorkers& command,
                                                    absl::Time now) {
  Decision<ListWorkers::Reply> decision;
  for (const auto& [uuid, worker] : state.workers()) {
    if (!command.name.empty() && worker.name != command.name) continue;
    decision.reply.workers.push_back(ItemFor(state, worker, now));
  }
  if (!command.name.empty() && decision.reply.workers.empty()) return NoSuchWorker(command.name);
  return decision;
}

absl::StatusOr<Decision<Counts::Reply>> Decide(const State& state, const Counts&, absl::Time now) {
  Decision<Counts::Reply> decision;
  decision.reply.queued = state.queued();
  decision.reply.live = state.live();
  decision.reply.workers = state.workers().size();
  for (const auto& [uuid, worker] : state.workers()) {
    if (IsReachable(worker, now)) ++decision.reply.reachable;
  }
  return decision;
}

}  // namespace handoff::core
