// The directory .cursor/agent-handoffs/<id> in a workspace: handoff.md, logs, prompts. The agent
// can write there, so nothing in it is followed or trusted. Where the repository makes it unusable
// (its .cursor is a link, a FIFO, a file) handoff.md is kept in the daemon's own directory instead.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/beneath.h"

namespace handoff::worker {

class HandoffDir {
 public:
  // `fallback` is DATA/attempts/<id>.
  HandoffDir(std::string workspace, const std::string& handoff_id, std::string fallback)
      : workspace_(std::move(workspace)),
        below_(".cursor/agent-handoffs/" + handoff_id),
        fallback_(std::move(fallback)) {}

  // The document, atomically. What somebody else changed in it meanwhile is noted, and is gone.
  absl::Status WriteDocument(absl::string_view markdown);
  // Sections that somebody else changed since this object wrote the document first.
  const std::set<std::string>& LookForChanges();
  // A copy of the file at `source`, unless `keep` and one is there. `name` may have a directory
  // before it, which is made.
  absl::Status CopyFile(const std::string& source, const std::string& name, bool keep);
  // Whether the file there has these bytes.
  bool Holds(const std::string& name, const std::string& sha256, uint64_t bytes);
  // A file that the agent may have written. NOT_FOUND when there is none.
  absl::StatusOr<std::string> Read(const std::string& name, uint64_t max_bytes);
  absl::Status Remove(const std::string& name);

  // Why the document is not in the workspace; empty: it is, or there is no workspace.
  const std::string& trouble() const { return trouble_; }

 private:
  absl::Status Open();

  const std::string workspace_;
  const std::string below_;
  const std::string fallback_;
  std::optional<Beneath> root_;
  std::string trouble_;
  std::string written_;  // what was written last in the workspace; empty: nothing yet
  std::set<std::string> changed_;
};

}  // namespace handoff::worker
