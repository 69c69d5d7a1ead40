#include "cli/document_folder.h"

#include <sys/file.h>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace handoff {

absl::StatusOr<DocumentFolder> DocumentFolder::Open(const std::string& root,
                                                    const std::string& id) {
  auto local = LocalDocument::Open(root, absl::StrCat(".cursor/agent-handoffs/", id));
  RETURN_IF_ERROR(local.status());
  ASSIGN_OR_RETURN(UniqueFd lock, local->root().OpenForAppend(local->Below(".handoff.lock")));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(absl::StrCat("another 'handoff sync' is at work in ",
                                                      local->directory(), "; nothing was done"));
  }
  // As on a worker: the deepest .gitignore has the last word, and nothing of git's own is touched.
  const std::string ignore = local->Below(".gitignore");
  if (!local->root().OpenForRead(ignore).ok())
    RETURN_IF_ERROR(local->root().WriteAtomically(ignore, "*\n"));
  return DocumentFolder(*std::move(local), std::move(lock));
}

}  // namespace handoff
