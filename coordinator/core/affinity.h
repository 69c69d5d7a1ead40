// Where a further attempt would find the conversation and the workspace of the earlier ones. Pure.
#pragma once

#include <string>

#include "coordinator/core/handoff.h"
#include "coordinator/core/worker.h"

namespace handoff::core {

// The agent's last session that a worker reported, and the worker on whose disk it lies. Never one
// from before `sessions_from`: a fresh session was asked for, or another agent, since then.
struct LastSession {
  std::string session;  // empty: none is known
  std::string worker_uuid;
  int attempt = 0;
};
LastSession LastSessionOf(const Handoff& handoff);

// The uuid of the worker that has the latest session, else the latest workspace; empty for a first
// attempt, when the handoff failed there and is to go elsewhere, and when a person asked for
// another state than lies there.
std::string AffinityOf(const Handoff& handoff);

// What a further attempt is to go on with: the last session, or a fresh one. With a fresh one in
// place of another, no later attempt goes back to what was said before.
void PlanSession(Handoff& handoff, bool fresh, Attempt& next);
// Once its worker is known: the checkpoint that it goes on from; and a session that neither lies
// there nor in that checkpoint cannot go on.
void SettleStart(const Handoff& handoff, const Worker& worker, Attempt& attempt);

}  // namespace handoff::core
