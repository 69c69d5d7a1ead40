// Holds: set when an attempt failed by the host's fault, ended when a probe passes there, so that
// one broken host never eats the queue.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/pool_commands.h"

namespace handoff::core {

// One address may be an account of several services: each agent's is one of its own.
std::string HoldKeyOf(const std::string& agent, const std::string& account);
// "agent:cursor", "account:cursor/ann" as a person says it.
std::string HeldWords(absl::string_view key);
// Of a used-up account, wherever it is; otherwise of one worker.
bool IsOfAccount(const Hold& hold);
// That of the account, for the handoffs of `owner` alone (empty: everybody's); nullptr when there
// is none.
const Hold* FindUsedUp(const State& state, const std::string& key, const std::string& owner);
// What of `worker` the failed attempt of `handoff` could not use.
void HoldAfterFault(Draft& draft, const Handoff& handoff, const AttemptEnd& end);
// Did an earlier attempt of it fail on the same worker by the same fault? Then the probe that ended
// the hold between them does not see what is wrong.
bool FailedSoBefore(const Handoff& handoff, const AttemptEnd& end);
// The account, on every worker, until its quota is there again: the latest time of all that were
// told. What a private worker says counts for its owner's handoffs alone.
// False: the account is not known, and nothing is held.
bool HoldUsedUpAccount(Draft& draft, const Handoff& handoff, const AttemptEnd& end,
                       absl::Time until);
// What a Sync brings: results of probes, and agents that were found ready after the hold began.
void ApplyProbes(Draft& draft, const Sync& command);
void EndUsedUpAccounts(Draft& draft);

// What is to be done for a handoff: without an agent, holds of agents and accounts do not matter.
enum class Need { kAgent, kOnlyChecks };
Need NeedOf(const Handoff& handoff);  // of its latest attempt
// The hold that keeps this worker from the handoff; nullptr when there is none.
const Hold* HoldAgainst(const State& state, const Handoff& handoff, const Worker& worker, Need need,
                        absl::Time now);

}  // namespace handoff::core
