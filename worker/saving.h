// From the end of the agent's process to a durable end record: facts from git, the last checkpoint,
// the checks, the verdict, the journal. Idempotent until the journal has the record; from then on
// the record decides.
#pragma once

#include "absl/status/status.h"
#include "worker/attempt.h"
#include "worker/log_upload.h"
#include "worker/run_end.h"

namespace handoff::worker {

// Completes attempt.end. `reported` are the facts of the agent's stream; may be nullptr. CANCELLED
// when the daemon leaves: done again at the next start. DATA_LOSS: the journal is broken.
absl::Status SaveAttempt(const Surroundings& around, Attempt& attempt, AttemptControl& control,
                         AttemptBoard& board, RunEnd run, const v1::Facts* reported,
                         AttemptLogs& logs);

// The journal's key and value for an attempt, and back.
std::string JournalKey(const AttemptKey& key);
std::string EncodeEnd(const Attempt& attempt);
bool DecodeEnd(const std::string& value, Attempt& attempt);

}  // namespace handoff::worker
