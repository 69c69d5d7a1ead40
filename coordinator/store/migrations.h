// The schema, as numbered steps on PRAGMA user_version. A step that was released never changes: a
// new one is added at the end.
#pragma once

#include "absl/status/status.h"
#include "coordinator/store/sqlite.h"

namespace handoff {

// Brings the database to the schema of this program, each step in one transaction.
// FAILED_PRECONDITION when a newer program wrote it.
absl::Status Migrate(Database& db);

}  // namespace handoff
