// The checks that the owner declared, after the agent: each under a shim of its own, one after the
// other, in the work tree that the agent left. Done in the attempt's directory:
//
//   checks/begun    what exit.json says of the agent: what is here came after its end; or that
//   there
//                   was none
//   checks/<i>/     as an attempt's directory has it for its shim (worker/shim/shim_files.h)
//   checks/<i>/result.pb   serialised handoff.v1.CheckResult once it is over
//   checks.log      attempt-N.checks.log
//
// A daemon that begins in the middle adopts the one that runs, and runs none again that is over.
#pragma once

#include "absl/status/status.h"
#include "worker/attempt.h"
#include "worker/log_upload.h"
#include "worker/run_end.h"

namespace handoff::worker {

// Whether checks are to be run after an agent that ended so.
bool ChecksAreDue(const Attempt& attempt, const RunEnd& run);
// An earlier daemon began with them: the work tree is no longer as the agent left it.
bool ChecksHaveBegun(const Attempt& attempt);
// Ends what those of an earlier daemon left running, which would go on writing to the work tree.
void EndOldChecks(const Attempt& attempt);
// Notes that they begin, and that what attempt.end says of the work is of before. Where that cannot
// be written they are begun anew after a restart of the daemon.
void NoteThatChecksBegin(const Attempt& attempt);

// Runs them, and says in `run` and attempt.end what they decide. CANCELLED when the daemon leaves:
// done again at the next start.
absl::Status RunChecks(const Surroundings& around, Attempt& attempt, AttemptControl& control,
                       AttemptBoard& board, AttemptLogs& logs, RunEnd& run);

}  // namespace handoff::worker
