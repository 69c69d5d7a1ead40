// What a person did between taking over and giving back, in words for the next agent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/taken/person_work.h"
#include "cli/taken/work_trees.h"

namespace handoff {

struct PersonChanges {
  struct Commit {
    std::string id, subject;
  };
  struct File {
    char mark = 'M';   // as in `git status`: A, D, M, R, T
    std::string path;  // of a renamed one both: "old -> new"
    bool committed = true;
  };
  std::vector<Commit> commits;  // newest first; the first of `commit_count`
  uint64_t commit_count = 0;
  bool rewritten = false;   // HEAD does not follow from the one that was taken
  std::vector<File> files;  // the first of `file_count`
  uint64_t file_count = 0;
};

bool IsUnchanged(const TakenWork& before, const PersonState& after);
absl::StatusOr<PersonChanges> ChangesSince(git_repository* repo, const TakenWork& before,
                                           const PersonState& after);

// For the agent's prompt; ends with a newline. `attempt` 0: it was taken before the first one.
std::string ChangesText(const PersonChanges& changes, const std::string& person, int attempt);

}  // namespace handoff
