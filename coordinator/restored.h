// `handoff-coordinator restored`: a person says that the data directory was copied back from a
// backup. What the pool gave after the backup was made is not in its records, the certificates that
// its workers renewed since among it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/clock.h"

namespace handoff {

// Notes it in the database, while no coordinator runs on it, and returns what to tell the person.
// To do it again changes nothing. FAILED_PRECONDITION where there is no database, or while a
// coordinator uses it.
absl::StatusOr<std::string> NoteRestored(const std::string& data_dir, const Clock& clock);

}  // namespace handoff
