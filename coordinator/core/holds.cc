#include "coordinator/core/holds.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/sentence.h"

namespace handoff::core {
namespace {

// The worker names what failed; where it does not, something must be held all the same, or the
// handoff would be placed there again at once.
std::string KeyFor(const Handoff& handoff, const AttemptEnd& end) {
  if (!end.hold_key.empty()) return end.hold_key;
  if (end.failure == FailureClass::kCheckoutFailed && !handoff.repo_key.empty())
    return absl::StrCat("repo:", handoff.repo_key);
  return absl::StrCat("agent:", handoff.agent);
}

// Everybody is told of a hold, and the words of a failure may be those of a private log.
std::string ReasonFor(const Handoff& handoff, const AttemptEnd& end) {
  if (!handoff.is_private) return end.message;
  return absl::StrCat("a private handoff failed there (", FailureName(end.failure), ")");
}

// In the place of a worker's UUID.
std::string HeldFor(const std::string& owner) {
  return owner.empty() ? "" : absl::StrCat("@", owner);
}

void PutProbedHold(Draft& draft, Hold hold) {
  hold.next_probe =
      draft.now() + kProbeBackoff.Delay(hold.failures, Jitter(hold.worker_uuid + hold.key,  //
                                                              hold.failures));
  hold.asked_at = absl::InfinitePast();
  draft.Add(PutHold{hold});
}

void Drop(Draft& draft, const Worker& worker, const Hold& hold, absl::string_view why) {
  draft.Add(DropHold{hold.worker_uuid, hold.key});
  draft.TellOfWorker("hold_cleared", worker,
                     absl::StrCat(worker.name, " may take ", hold.key, " again: ", why, "."));
}

}  // namespace

std::string HoldKeyOf(const std::string& agent, const std::string& account) {
  return absl::StrCat("account:", agent, "/", account);
}

bool IsOfAccount(const Hold& hold) {
  return hold.worker_uuid.empty() || hold.worker_uuid[0] == '@';
}

const Hold* FindUsedUp(const State& state, const std::string& key, const std::string& owner) {
  return state.FindHold(HeldFor(owner), key);
}

std::string HeldWords(absl::string_view key) {
  if (absl::ConsumePrefix(&key, "agent:")) return absl::StrCat("the agent ", key);
  if (absl::ConsumePrefix(&key, "account:")) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(key, absl::MaxSplits('/', 1));
    return parts.second.empty() ? absl::StrCat("the account ", key)
                                : absl::StrCat("the account ", parts.second, " of ", parts.first);
  }
  absl::ConsumePrefix(&key, "repo:");
  return absl::StrCat("the repository ", key);
}

void HoldAfterFault(Draft& draft, const Handoff& handoff, const AttemptEnd& end) {
  const Attempt& attempt = *handoff.Latest();
  Hold hold;
  hold.worker_uuid = attempt.worker_uuid;
  hold.key = KeyFor(handoff, end);
  if (absl::StartsWith(hold.key, "repo:")) hold.url = handoff.repo_url;
  hold.reason = ReasonFor(handoff, end);
  hold.since = draft.now();
  if (const Hold* known = draft.state().FindHold(hold.worker_uuid, hold.key); known != nullptr)
    hold.failures = known->failures + 1;
  PutProbedHold(draft, hold);
  Worker named;
  named.name = attempt.worker_name;
  draft.TellOfWorker("hold", named,
                     absl::StrCat(attempt.worker_name, " gets nothing that needs ", hold.key,
                                  " until a probe passes: ", Sentence(hold.reason)));
}

bool FailedSoBefore(const Handoff& handoff, const AttemptEnd& end) {
  const Attempt& last = *handoff.Latest();
  const std::string key = KeyFor(handoff, end);
  return std::any_of(handoff.attempts.begin(), handoff.attempts.end(), [&](const Attempt& earlier) {
    return earlier.number < last.number && earlier.worker_uuid == last.worker_uuid &&
           earlier.end.has_value() &&
           RetryRuleFor(earlier.end->failure, earlier.end->host_fault) == RetryRule::kHostFault &&
           KeyFor(handoff, *earlier.end) == key;
  });
}

bool HoldUsedUpAccount(Draft& draft, const Handoff& handoff, const AttemptEnd& end,
                       absl::Time until) {
  const std::string& account = handoff.Latest()->account;
  if (account.empty()) return false;
  const std::string key = HoldKeyOf(handoff.agent, account);
  const Worker* worker = draft.state().FindWorker(handoff.Latest()->worker_uuid);
  const std::string owner = worker == nullptr ? "" : HeardBy(*worker);
  // Two of its limits may be used up, and not every end names a time.
  const Hold* known = FindUsedUp(draft.state(), key, owner);
  if (known != nullptr) until = std::max(until, known->next_probe);
  Hold hold;
  hold.worker_uuid = HeldFor(owner);
  hold.key = key;
  hold.reason = ReasonFor(handoff, end);
  hold.since = draft.now();
  hold.next_probe = until;
  draft.Add(PutHold{hold});
  draft.TellOfWorker(
      "hold", Worker{},
      absl::StrCat("Nothing ", owner.empty() ? "" : absl::StrCat("of ", owner, " "), "that needs ",
                   key, " is placed before ", TimeText(until), ": ", Sentence(hold.reason)));
  return true;
}

void ApplyProbes(Draft& draft, const Sync& command) {
  const Worker& worker = command.worker;
  for (const ProbeResult& probe : command.probes) {
    const Hold* known = draft.state().FindHold(worker.uuid, probe.key);
    if (known == nullptr) continue;
    if (probe.ok) {
      Drop(draft, worker, *known, "the probe passed");
      continue;
    }
    Hold hold = *known;
    ++hold.failures;
    if (!probe.message.empty()) hold.reason = probe.message;
    PutProbedHold(draft, hold);
  }
  for (const AgentOffer& offer : worker.agents) {
    const Hold* known = draft.state().FindHold(worker.uuid, absl::StrCat("agent:", offer.name));
    if (known != nullptr && offer.state == AgentState::kReady && offer.probed_at > known->since)
      Drop(draft, worker, *known, "the agent was found ready");
  }
}

void EndUsedUpAccounts(Draft& draft) {
  const auto end_from = [&](const std::string& first) {
    const auto& holds = draft.state().holds();
    for (auto hold = holds.lower_bound({first, ""});
         hold != holds.end() && hold->first.first.substr(0, 1) == first; ++hold) {
      if (hold->second.next_probe > draft.now()) continue;
      draft.Add(DropHold{hold->second.worker_uuid, hold->second.key});
      draft.TellOfWorker("hold_cleared", Worker{},
                         absl::StrCat(hold->second.key, " may be used again."));
    }
  };
  end_from("");
  end_from("@");
}

Need NeedOf(const Handoff& handoff) {
  return WantsOnlyChecks(handoff) ? Need::kOnlyChecks : Need::kAgent;
}

const Hold* HoldAgainst(const State& state, const Handoff& handoff, const Worker& worker, Need need,
                        absl::Time now) {
  if (state.holds().empty()) return nullptr;
  const bool only_checks = need == Need::kOnlyChecks;
  const Hold* hold = nullptr;
  if (!only_checks) hold = state.FindHold(worker.uuid, absl::StrCat("agent:", handoff.agent));
  if (hold == nullptr && !handoff.repo_key.empty())
    hold = state.FindHold(worker.uuid, absl::StrCat("repo:", handoff.repo_key));
  if (only_checks) return hold;
  const AgentOffer* offer = FindOffer(worker, handoff.agent);
  if (hold != nullptr || offer == nullptr || offer->account.empty()) return hold;
  const std::string account = HoldKeyOf(offer->name, offer->account);
  hold = state.FindHold(worker.uuid, account);
  if (hold != nullptr) return hold;
  for (const std::string& owner : {std::string(), handoff.owner}) {
    const Hold* used_up = FindUsedUp(state, account, owner);
    if (used_up == nullptr || used_up->next_probe <= now) continue;
    if (hold == nullptr || hold->next_probe < used_up->next_probe) hold = used_up;
  }
  return hold;
}

}  // namespace handoff::core
