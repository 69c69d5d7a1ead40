// From a durable end record to its acceptance by the coordinator: the rest of the logs, the report
// until it is taken, then the last handoff.md with the logs beside it.
#pragma once

#include "absl/status/status.h"
#include "worker/attempt.h"
#include "worker/log_upload.h"

namespace handoff::worker {

// Blocks until the coordinator has stored the end, however long that takes. CANCELLED when the
// daemon leaves: done again at the next start.
absl::Status ReportAttempt(const Surroundings& around, Attempt& attempt, AttemptControl& control,
                           AttemptBoard& board, AttemptLogs& logs);

}  // namespace handoff::worker
