// The schema, as numbered steps on PRAGMA user_version. A step that was released never changes: a
// new one is added at the end.
#pragma once

#include "absl/status/status.h"
#include "coordinator/store/sqlite.h"

namespace handoff {

// The schema of this program.
int NewestSchema();

// Brings the database up to `schema`, each step in one transaction. FAILED_PRECONDITION when a
// newer program wrote it. An older schema than the newest is for tests, which open its databases.
absl::Status Migrate(Database& db, int schema = NewestSchema());

}  // namespace handoff
