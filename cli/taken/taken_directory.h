// .cursor/agent-handoffs/<id> in a person's work tree: handoff.md, logs, the prompt, and what
// `handoff return` has to know. The work tree is an agent's work, so no link in it is followed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/beneath.h"
#include "common/git/git.h"

namespace handoff {

// takeover.json
struct TakenRecord {
  std::string id;
  std::string actor;
  std::string based_on;  // commit that the work tree was made of
  std::string returned;  // the state that was given back last; empty: none
};

class TakenDirectory {
 public:
  // Makes it. FAILED_PRECONDITION when the repository has something else of that name.
  static absl::StatusOr<TakenDirectory> Make(const std::string& root, const std::string& id);

  absl::Status Write(const std::string& name, absl::string_view content) const;
  absl::Status CopyFrom(const std::string& file, const std::string& name) const;
  absl::Status WriteRecord(const TakenRecord& record) const;

 private:
  TakenDirectory(Beneath files, std::string below)
      : files_(std::move(files)), below_(std::move(below)) {}
  Beneath files_;
  std::string below_;
};

// Relative to the root of the work tree.
std::string TakenPath(const std::string& id);
// Absent when there is none that can be read.
std::optional<TakenRecord> ReadTakenRecord(const std::string& root, const std::string& id);

// Adds such directories to the repository's info/exclude, unless they are there.
absl::Status ExcludeFromGit(git_repository* repo);

}  // namespace handoff
