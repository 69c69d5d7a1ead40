// Where a further attempt would find the conversation and the workspace of the earlier ones. Pure.
#pragma once

#include <string>

#include "coordinator/core/handoff.h"
#include "coordinator/core/worker.h"

namespace handoff::core {

// The agent's last session that a worker reported, and the worker on whose disk it lies.
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

// What a further attempt is to go on with: the last session, or a fresh one.
void PlanSession(const Handoff& handoff, bool fresh, Attempt& next);
// Once its worker is known: the checkpoint that it goes on from; and a session that neither lies
// there nor in that checkpoint cannot go on.
void SettleStart(const Handoff& handoff, const Worker& worker, Attempt& attempt);

}  // namespace handoff::core
