#include "coordinator/restored.h"

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"
#include "coordinator/core/sentence.h"
#include "coordinator/store/data_directory.h"
#include "coordinator/store/sqlite_store.h"

namespace handoff {

absl::StatusOr<std::string> NoteRestored(const std::string& data_dir, const Clock& clock) {
  if (!PathExists(data_dir + "/handoff.db")) {
    return absl::FailedPreconditionError(
        absl::StrCat(data_dir,
                     " has no database, so no records were restored there. Nothing was noted: copy "
                     "handoff.db, logs/, objects/ and identity/ of the backup there first"));
  }
  ASSIGN_OR_RETURN(const DataDirectory directory, DataDirectory::Open(data_dir));
  ASSIGN_OR_RETURN(const auto store, SqliteStore::Open(directory.database()));
  ASSIGN_OR_RETURN(const SqliteStore::Restored restored, store->NoteRestored(clock.Now()));
  return absl::StrCat(
      "It is noted since ", core::TimeText(restored.noted),
      " that these records were restored from a copy.\n"
      "The newest record here is of ",
      core::TimeText(restored.newest),
      ": of the backup, unless a coordinator ran on it since.\n\n"
      "A worker that they know and that is not revoked may now renew a certificate that they do "
      "not know, when\n"
      "it was issued after the newest that they know of that worker. It comes back by itself, with "
      "what it runs\n"
      "and holds: leave its data directory as it is.\n\n"
      "What was done after the backup was made is forgotten, and has to be done again:\n"
      "  revocations of workers, users, tokens and certificates: whoever was revoked since is let "
      "in until then\n"
      "  users and workers that were added, and logins: they need a new line each\n"
      "  handoffs that were submitted or resumed\n"
      "`handoff audit` shows what is known. Start the coordinator now.\n");
}

}  // namespace handoff
