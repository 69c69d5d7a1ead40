// A copy of a worker's data directory that runs beside the original. Both show certificates of one
// key, so that nothing tells which of them is right: the later start counts, the other one is
// refused, and when both are alive a person is told and neither gets anything new.
#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "coordinator/core/scheduler.h"

namespace handoff::core {

// Whether `asked` comes from another start of the worker's daemon than the one that counts, and not
// from a later one.
bool IsOtherDaemon(const Worker& known, const Worker& asked);

// The refusal of a Sync from such a one. Drains the worker, tells of it and has it in the audit log
// once the daemon that counts called after another one was refused, and another one after that.
Decision<Sync::Reply> RefuseOther(const State& state, const Sync& command, const Worker& known,
                                  absl::Time now, const absl::Status& why);

}  // namespace handoff::core
