// Why a handoff waits, failed or is not retried: the true reason, from the same functions that
// place.
#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "coordinator/core/affinity.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/messages.h"
#include "coordinator/core/obstacles.h"
#include "coordinator/core/placement.h"
#include "coordinator/core/refusal.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/core/sentence.h"
#include "coordinator/core/turn_sentence.h"

namespace handoff::core {
namespace {

// What one worker answers to a queued handoff that may run there.
struct Finding {
  const Worker* worker;
  Obstacle obstacle;
  bool avoided;
  std::string sentence;
};

std::vector<Finding> Findings(const State& state, const Handoff& handoff, absl::Time now) {
  const bool may_return = handoff.avoid.empty() || MayReturn(state, handoff, now);
  std::vector<Finding> findings;
  for (const auto& [uuid, worker] : state.workers()) {
    const Seat seat = SeatOf(state, worker);
    const Obstacle obstacle = ObstacleFor(state, handoff, seat, now);
    if (obstacle == Obstacle::kOtherWorker) continue;
    const bool avoided = !may_return && handoff.avoid.count(uuid) > 0;
    std::string sentence = ObstacleSentence(state, handoff, seat, obstacle, now);
    if (avoided) absl::StrAppend(&sentence, " An attempt failed there; another one is preferred.");
    findings.push_back({&worker, obstacle, avoided, std::move(sentence)});
  }
  std::sort(findings.begin(), findings.end(),
            [](const Finding& a, const Finding& b) { return a.worker->name < b.worker->name; });
  return findings;
}

bool AllAlike(const std::vector<Finding>& findings) {
  return std::all_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    return finding.sentence == findings.front().sentence;
  });
}

std::string ByHandText(const Handoff& handoff) {
  if (handoff.by_hand_on.empty()) return "";
  return absl::StrCat(" What was done by hand lies only in its workspace on ", handoff.by_hand_on,
                      ".");
}

// The one sentence when no worker can take it, whatever runs or not.
std::string NobodyCan(const Handoff& handoff, const std::vector<Finding>& findings) {
  if (findings.empty()) {
    return absl::StrCat(handoff.id, " asks for worker ", WorkerWanted(handoff),
                        ", and no worker of this pool has that name.", ByHandText(handoff));
  }
  if (AllAlike(findings)) {
    const std::string all = findings.size() == 1 ? ": "
                            : findings.size() == 2
                                ? "; both for one reason: "
                                : absl::StrCat("; all ", findings.size(), " for one reason: ");
    return absl::StrCat("No worker can take ", handoff.id, " now", all,
                        findings.front().worker->name, " ", findings.front().sentence,
                        ByHandText(handoff));
  }
  std::map<absl::string_view, size_t> counts;
  for (const Finding& finding : findings) ++counts[ObstacleName(finding.obstacle)];
  const std::string list = absl::StrJoin(counts, ", ", [](std::string* out, const auto& count) {
    absl::StrAppend(out, count.second, " ", count.first);
  });
  return absl::StrCat("No worker can take ", handoff.id, " now: ", list, ".");
}

// A line for each answer, with all the workers that give it; none when `summary` says it all.
void AddFindings(const std::vector<Finding>& findings, Why::Reply& reply) {
  if (!findings.empty() && AllAlike(findings) &&
      absl::EndsWith(reply.summary, findings.front().sentence)) {
    return;
  }
  std::vector<std::pair<std::string, std::string>> lines;  // workers, sentence
  std::map<absl::string_view, size_t> line_of;
  for (const Finding& finding : findings) {
    const auto [same, added] = line_of.try_emplace(finding.sentence, lines.size());
    if (added) {
      lines.emplace_back(finding.worker->name, finding.sentence);
    } else {
      absl::StrAppend(&lines[same->second].first, ", ", finding.worker->name);
    }
  }
  for (const auto& [workers, sentence] : lines)
    reply.details.push_back(absl::StrCat(workers, ": ", sentence));
}

std::string QueuedSummary(const State& state, const Handoff& handoff,
                          const std::vector<Finding>& findings, absl::Time now) {
  if (handoff.not_before > now) {
    return absl::StrCat(handoff.id, " is backing off until ", UntilText(handoff.not_before, now),
                        ". ", handoff.reason);
  }
  if (state.workers().empty()) {
    return absl::StrCat("No worker is registered in this pool, so nobody can take ", handoff.id,
                        ".");
  }
  if (const Worker* host = AwaitedHost(state, handoff, nullptr, now); host != nullptr) {
    return absl::StrCat(handoff.id, " waits for ", host->name, ", which is busy and has its ",
                        handoff.Latest()->session.empty() ? "workspace" : "session and workspace",
                        "; another worker may take it at ",
                        UntilText(ReadySince(handoff) + kAffinityWait, now), ".");
  }
  const auto is = [](auto test) {
    return [test](const Finding& f) { return !f.avoided && test(f.obstacle); };
  };
  const auto busy = std::count_if(findings.begin(), findings.end(), is(IsBusy));
  const bool free = std::any_of(findings.begin(), findings.end(),
                                is([](Obstacle o) { return o == Obstacle::kNone; }));
  if (!free && busy == 0) return NobodyCan(handoff, findings);
  const std::string order = TurnSentence(state, handoff);
  if (const size_t cap = CapReached(state, handoff.owner); cap > 0) {
    return absl::StrCat("The running cap of ", handoff.owner, ", ", cap, ", is reached, so ",
                        handoff.id, " waits until one of theirs has ended. ", order);
  }
  if (free) {
    return absl::StrCat("A slot for ", handoff.id,
                        " is free, but kept for a handoff before it that asks to be alone, or it "
                        "is being given out just now. ",
                        order);
  }
  if (std::none_of(findings.begin(), findings.end(),
                   is([](Obstacle o) { return IsBusy(o) && o != Obstacle::kAccount; }))) {
    const auto first =
        std::find_if(findings.begin(), findings.end(), is(IsBusy));  // the others say the same
    return absl::StrCat("No further attempt of ", handoff.agent, " may begin for ", handoff.id,
                        " now: ", first->worker->name, " ", first->sentence, " ", order);
  }
  return absl::StrCat("No slot is free for ", handoff.id, ": ",
                      busy == 1
                          ? "the worker that could take it is busy. "
                          : absl::StrCat("all ", busy, " workers that could take it are busy. "),
                      order);
}

void AddCommands(const State& state, const Handoff& handoff, const std::vector<Finding>& findings,
                 Why::Reply& reply) {
  if (state.workers().empty()) {
    reply.commands.push_back(
        "handoff-worker --data-dir DIR --coordinator ADDRESS --name NAME --slots N");
  }
  for (const Finding& finding : findings) {
    const std::string& name = finding.worker->name;
    if (finding.obstacle == Obstacle::kDraining)
      reply.commands.push_back(absl::StrCat("handoff worker undrain ", name));
    if (finding.obstacle == Obstacle::kAgent || finding.obstacle == Obstacle::kHold)
      reply.commands.push_back(absl::StrCat("handoff worker show ", name));
  }
  constexpr size_t kMost = 5;
  if (reply.commands.size() > kMost) reply.commands.resize(kMost);
  if (!state.workers().empty()) reply.commands.push_back("handoff worker list");
  reply.commands.push_back(absl::StrCat("handoff cancel ", handoff.id));
}

void AddAttempts(const Handoff& handoff, Why::Reply& reply) {
  for (const Attempt& attempt : handoff.attempts) {
    if (!IsTerminal(attempt.state)) continue;
    std::string line =
        absl::StrCat("Attempt ", attempt.number, attempt.worker_name.empty() ? "" : " on ",
                     attempt.worker_name, ": ", AttemptStateName(attempt.state));
    if (attempt.end.has_value() && attempt.end->failure != FailureClass::kNone) {
      absl::StrAppend(&line, " (", FailureName(attempt.end->failure), ")");
      if (!attempt.end->message.empty()) absl::StrAppend(&line, ": ", attempt.end->message);
    } else if (!attempt.stop_reason.empty()) {
      absl::StrAppend(&line, ": ", attempt.stop_reason);
    }
    reply.details.push_back(Sentence(line));
  }
}

// What is still to be said to its agent.
void AddMessages(const Handoff& handoff, Why::Reply& reply) {
  const size_t pending = PendingMessages(handoff);
  if (pending == 0) return;
  const bool queued = handoff.status == HandoffStatus::kQueued;
  reply.details.push_back(absl::StrCat(
      CountText(pending, "message"), pending == 1 ? " goes" : " go", " with ",
      queued ? "this attempt" : "the next attempt",
      IsEnded(handoff.status) ? absl::StrCat(": `handoff resume ", handoff.id, "` begins it.")
                              : "."));
}

Why::Reply ExplainQueued(const State& state, const Handoff& handoff, absl::string_view not_placing,
                         absl::Time now) {
  const std::vector<Finding> findings = Findings(state, handoff, now);
  Why::Reply reply;
  reply.summary = not_placing.empty()
                      ? QueuedSummary(state, handoff, findings, now)
                      : absl::StrCat("Nothing is placed now: ", Sentence(not_placing));
  AddFindings(findings, reply);
  AddMessages(handoff, reply);
  AddAttempts(handoff, reply);
  if (handoff.deadline != absl::InfiniteFuture())
    reply.details.push_back(
        absl::StrCat("It fails at its deadline, ", UntilText(handoff.deadline, now), "."));
  AddCommands(state, handoff, findings, reply);
  return reply;
}

Why::Reply ExplainLive(const State& state, const Handoff& handoff, absl::Time now) {
  const Attempt& attempt = *handoff.Latest();
  const Worker* worker = state.FindWorker(attempt.worker_uuid);
  const AttemptView* view = state.ViewOf(handoff.id);
  const std::string what = absl::StrCat("attempt ", attempt.number);
  Why::Reply reply;
  if (view != nullptr && view->epoch == attempt.epoch) reply.view = view->bytes;
  if (attempt.state == AttemptState::kStopping) {
    reply.summary = handoff.reason;
  } else if (view == nullptr) {
    reply.summary = absl::StrCat(handoff.id, " was given to ", attempt.worker_name, " (", what,
                                 "), which has not taken it up yet.");
  } else if (view->stalled) {
    reply.summary = absl::StrCat(handoff.id, " runs on ", attempt.worker_name, " (", what,
                                 "), but its agent has been silent for longer than the warning "
                                 "time.");
  } else {
    reply.summary =
        absl::StrCat(handoff.id, view->running ? " runs on " : " is being worked on by ",
                     attempt.worker_name, " (", what, ").");
  }
  const bool unreachable = worker == nullptr || !IsReachable(*worker, now);
  if (unreachable) {
    reply.details.push_back(absl::StrCat(attempt.worker_name, " is unreachable; ", what,
                                         " is given away at ", UntilText(attempt.lease_until, now),
                                         " unless it comes back."));
  }
  if (!handoff.taken_by.empty()) {
    reply.details.push_back(absl::StrCat("It goes to ", handoff.taken_by, " when ", what,
                                         " has ended, however that is."));
    if (unreachable) reply.details.push_back("`resume --now` gives it to them at once.");
  }
  AddMessages(handoff, reply);
  AddAttempts(handoff, reply);
  if (handoff.deadline != absl::InfiniteFuture())
    reply.details.push_back(
        absl::StrCat("It is ended at its deadline, ", UntilText(handoff.deadline, now), "."));
  reply.commands = {absl::StrCat("handoff show ", handoff.id),
                    absl::StrCat("handoff logs -f ", handoff.id),
                    absl::StrCat("handoff cancel ", handoff.id)};
  if (unreachable) reply.commands.push_back(absl::StrCat("handoff resume ", handoff.id, " --now"));
  return reply;
}

// Why a failed handoff is not tried again by itself.
std::string NotRetried(const Handoff& handoff) {
  const Attempt& attempt = *handoff.Latest();
  if (attempt.stop_as != EndedBy::kItself) return "It is not retried: it was stopped.";
  const bool host_fault = attempt.end.has_value() && attempt.end->host_fault;
  const absl::string_view name = FailureName(handoff.failure);
  if (attempt.only_checks && handoff.failure == FailureClass::kChecksFailed) {
    return absl::StrCat(
        "It is not retried: it was declared done, so no agent is told what its checks say. "
        "`handoff resume ",
        handoff.id, "` has one go on.");
  }
  if (handoff.failure == FailureClass::kChecksFailed) {
    return handoff.check_retries == 0
               ? "It is not retried: `submit --check-retries N` has the agent mend what its checks "
                 "say."
               : absl::StrCat("The agent was told ", handoff.check_retries_used, " of ",
                              handoff.check_retries,
                              " times what its checks said, and they fail still. See to the cause, "
                              "then resume it.");
  }
  const std::string used_up =
      absl::StrCat("After ", name, " it is retried, but its retries are used up (",
                   handoff.retries_used, " of ", handoff.retries, ").");
  switch (RetryRuleFor(handoff.failure, host_fault)) {
    case RetryRule::kNever:
      return absl::StrCat(
          "It is not retried by itself: another try would most likely end the same "
          "way (",
          name, "). See to the cause, then resume it.");
    case RetryRule::kElsewhere:
    case RetryRule::kFreshSession:
      return used_up;
    case RetryRule::kHostFault:  // one that came again on the same worker spends retries
      if (handoff.failure != FailureClass::kLimitExceeded) return used_up;
      [[fallthrough]];
    case RetryRule::kAtReset:
      return absl::StrCat("It is not retried: it has had ", handoff.attempts.size(), " attempts.");
  }
  return "";
}

Why::Reply ExplainWaiting(const Handoff& handoff) {
  Why::Reply reply;
  reply.summary = absl::StrCat(handoff.id, " waits for a person. ", Sentence(handoff.reason));
  AddAttempts(handoff, reply);
  reply.commands = {absl::StrCat("handoff show ", handoff.id),
                    absl::StrCat("handoff send ", handoff.id, " ANSWER"),
                    absl::StrCat("handoff cancel ", handoff.id)};
  return reply;
}

Why::Reply ExplainInteractive(const Handoff& handoff) {
  Why::Reply reply;
  reply.summary = absl::StrCat(handoff.id, " is in the hands of ", handoff.taken_by, " since ",
                               TimeText(handoff.taken_at), ". ", Sentence(handoff.reason));
  reply.details.push_back("Nothing runs of it until it is given back.");
  AddMessages(handoff, reply);
  AddAttempts(handoff, reply);
  reply.commands = {absl::StrCat("handoff show ", handoff.id),
                    absl::StrCat("handoff return ", handoff.id, " MESSAGE"),
                    absl::StrCat("handoff return ", handoff.id, " --done"),
                    absl::StrCat("handoff cancel ", handoff.id)};
  return reply;
}

Why::Reply ExplainEnded(const Handoff& handoff) {
  Why::Reply reply;
  const std::string& id = handoff.id;
  if (handoff.status == HandoffStatus::kSucceeded) {
    reply.summary = absl::StrCat(id, " succeeded", handoff.verified ? "" : " (unchecked)",
                                 handoff.changed ? "." : ", without any change.");
    AddMessages(handoff, reply);
    reply.commands = {absl::StrCat("handoff show ", id)};
    return reply;
  }
  reply.summary = absl::StrCat(id, " ", StatusName(handoff.status));
  if (handoff.status == HandoffStatus::kFailed) {
    absl::StrAppend(&reply.summary, " (", FailureName(handoff.failure), ")");
    reply.details.push_back(NotRetried(handoff));
  }
  absl::StrAppend(&reply.summary, ": ", Sentence(handoff.reason));
  AddMessages(handoff, reply);
  AddAttempts(handoff, reply);
  const bool by_checks = handoff.failure == FailureClass::kChecksFailed;
  reply.commands = {absl::StrCat("handoff show ", id),
                    absl::StrCat("handoff logs ", by_checks ? "--checks " : "", id),
                    absl::StrCat("handoff resume ", id)};
  return reply;
}

}  // namespace

absl::StatusOr<Decision<Why::Reply>> Decide(const State& state, const Why& command,
                                            absl::Time now) {
  const Handoff* handoff = state.FindHandoff(command.id);
  if (handoff == nullptr) return NoSuchHandoff(command.id);
  if (IsEnded(handoff->status)) return Decision<Why::Reply>{{}, ExplainEnded(*handoff)};
  if (handoff->status == HandoffStatus::kWaiting)
    return Decision<Why::Reply>{{}, ExplainWaiting(*handoff)};
  if (handoff->status == HandoffStatus::kInteractive)
    return Decision<Why::Reply>{{}, ExplainInteractive(*handoff)};
  if (handoff->status == HandoffStatus::kQueued)
    return Decision<Why::Reply>{{}, ExplainQueued(state, *handoff, command.not_placing, now)};
  return Decision<Why::Reply>{{}, ExplainLive(state, *handoff, now)};
}

}  // namespace handoff::core
