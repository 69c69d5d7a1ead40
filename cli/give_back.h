// A person's work as the checkpoint from which the next attempt goes on.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/snapshot/snapshot_pack.h"
#include "cli/taken/person_changes.h"
#include "cli/taken/person_work.h"
#include "cli/taken/work_trees.h"

namespace handoff {

namespace v1 {
class Checkpoint;
class Handoff;
}  // namespace v1

// The work tree of the takeover of `id` in the repository of `directory`, or where the person
// stands: the one on its branch, or where they left that, one whose record is of what was taken.
// NOT_FOUND says how to name it, also when `directory` is another one. FAILED_PRECONDITION: it is
// half made.
absl::StatusOr<std::string> FindTakenTree(const std::string& id, const std::string& directory);

struct GivenBack {
  std::string root;      // of the work tree
  std::string based_on;  // commit that was taken
  PersonState state;
  bool unchanged = false;
  PersonChanges changes;
  PackFile pack;       // unless unchanged
  bool whole = false;  // the pack has all of it, and builds on no other
};
// `include` are paths as a person names them; the pack goes to `temp`.
absl::StatusOr<GivenBack> ReadGivenBack(const v1::Handoff& handoff, const std::string& root,
                                        const std::set<std::string>& include,
                                        const std::string& temp);

// The record of it, which builds on that of what was taken.
v1::Checkpoint CheckpointOf(const v1::Handoff& handoff, const GivenBack& given, absl::Time now);

// takeover.json says that this state was given back. Of no importance to the coordinator.
void RememberReturned(const std::string& id, const std::string& actor, const GivenBack& given);

}  // namespace handoff
