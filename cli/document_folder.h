// .cursor/agent-handoffs/<id> below a directory of the person's, and the right to write handoff.md
// there: of sync, takeover and return one at a time.
#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "cli/local_document.h"
#include "common/unique_fd.h"

namespace handoff {

class DocumentFolder {
 public:
  // Makes it, out of git's sight. FAILED_PRECONDITION when another command is at work there, or
  // `root` has something else of that name.
  static absl::StatusOr<DocumentFolder> Open(const std::string& root, const std::string& id);
  const LocalDocument& document() const { return local_; }

 private:
  DocumentFolder(LocalDocument local, UniqueFd lock)
      : local_(std::move(local)), lock_(std::move(lock)) {}
  LocalDocument local_;
  UniqueFd lock_;
};

}  // namespace handoff
