// The state of a work tree and its index as trees, exactly as the person sees it: their own walk of
// status and index, never a `git add`. Writes new objects only, and those where `repo` is told to.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/snapshot/clean_filters.h"
#include "cli/snapshot/conversion_notes.h"
#include "cli/snapshot/snapshot.h"
#include "common/git/git.h"
#include "common/git/work_tree.h"

namespace handoff {

struct WorkState {
  git_oid index_tree = {};
  git_oid work_tree = {};
  std::vector<std::string> ignored, held_back, notes;
  std::vector<std::string> untracked;  // sent
  std::vector<SentFile> sent;          // all files whose content was read
};

class WorkStateReader {
 public:
  // `repo` writes to a database that is not the person's (MakeObjectDatabase). The includes of
  // `options` are from the root.
  WorkStateReader(git_repository* repo, git_odb* odb, const SnapshotOptions& options)
      : repo_(repo), odb_(odb), options_(options), filters_(repo, odb) {}

  // FAILED_PRECONDITION: unmerged paths, a submodule with changes (both by name).
  absl::StatusOr<WorkState> Read(git_tree* head);

 private:
  absl::Status CopyIndex(git_tree* head);
  absl::Status CleanFiles(const std::vector<PathChange>& changes);
  absl::Status Take(const WorkTree& tree, const PathChange& change);
  absl::StatusOr<std::string> ReasonToHold(const git_index_entry& entry) const;
  std::string ReasonToHold(const WorkTree& tree, const PathChange& change) const;
  void HoldBack(const std::string& path, const std::string& why);
  void NoteIntended();
  absl::Status TakeModified(const WorkTree& tree, const PathChange& change);
  absl::Status TakeUntracked(const WorkTree& tree, const PathChange& change);
  absl::Status TakeFile(const WorkTree& tree, const PathChange& change);
  absl::Status TakeLargeFile(const WorkTree& tree, const PathChange& change);
  absl::Status TakeSubmodule(const PathChange& change);
  absl::Status TakeIncludedBelow(const WorkTree& tree, const std::string& ignored);
  bool MayEnter(const std::string& folder);
  absl::Status Put(SentFile file, uint32_t mode);
  bool IsStored(const PathChange& change, const git_oid& id) const;
  bool IsSparse(const git_index_entry& entry) const;
  std::string TooLarge(uint64_t size) const;
  bool InHead(const std::string& path) const;
  bool AssumedUnchanged(const PathChange& change) const;
  bool Included(const std::string& path) const;

  git_repository* repo_;
  git_odb* odb_;
  const SnapshotOptions& options_;
  CleanFilters filters_;
  GitIndex index_;                     // the person's, never written
  GitIndex head_;                      // ours, in memory: the files of HEAD
  GitIndex staged_;                    // ours, in memory: what the index shows
  GitIndex work_;                      // ours, in memory: what the work tree shows
  std::vector<std::string> intended_;  // with `git add --intent-to-add`
  std::set<std::string> withheld_;     // paths of state_.held_back
  WorkState state_;
};

}  // namespace handoff
