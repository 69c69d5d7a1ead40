// The objects that a checkpoint has beyond what is kept elsewhere, as one pack file.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/git/git.h"
#include "worker/repo/progress.h"

namespace handoff {

struct OidLess {
  bool operator()(const git_oid& a, const git_oid& b) const { return git_oid_cmp(&a, &b) < 0; }
};
using OidSet = std::set<git_oid, OidLess>;

struct ListedObject {
  git_oid id = {};
  std::string name;  // in its folder; like names make small deltas
};

// What to pack, and what to take for granted with all that it leads to.
struct PackContents {
  std::vector<git_oid> commits, trees;
  std::vector<git_oid> known_commits, known_trees;
};

// Everything reachable from the first and not from the second, every commit before its trees; fails
// when one of them is not in `repo`.
absl::StatusOr<std::vector<ListedObject>> ListObjects(git_repository* repo,
                                                      const PackContents& contents,
                                                      RepoProgress& progress);

struct PackedFile {
  std::string sha256;
  uint64_t bytes = 0;
};
// The same bytes for the same objects in the same order. Every object is hashed when it is read.
absl::StatusOr<PackedFile> WritePack(git_repository* repo, const std::vector<ListedObject>& objects,
                                     const std::string& path, RepoProgress& progress);

// OK when `tree` and all that it leads to is in `repo`; else NOT_FOUND, which names one.
absl::Status CheckTree(git_repository* repo, const git_oid& tree);
// The same for a commit with its history, as far as `known`.
absl::Status CheckHistory(git_repository* repo, const git_oid& commit,
                          const std::vector<git_oid>& known);

}  // namespace handoff
