// Where things lie in the worker's data directory. A value; paths only.
//
//   DATA/lock  identity.json  identity/  journal  objects-cache/
//   DATA/mirrors/<name>/  mirrors/<name>.key  DATA/workspaces/<id>/{repo,store,packs}
//   DATA/attempts/<id>/<N>/  DATA/summary/  DATA/turn/  DATA/trash/
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/unique_fd.h"

namespace handoff::worker {

class DataDir {
 public:
  explicit DataDir(std::string root) : root_(std::move(root)) {}

  const std::string& root() const { return root_; }
  std::string lock() const { return root_ + "/lock"; }
  std::string identity() const { return root_ + "/identity.json"; }
  // What it got when it joined its pool (joining/joined_files.h).
  std::string joined() const { return root_ + "/identity"; }
  std::string journal() const { return root_ + "/journal"; }
  std::string attempts() const { return root_ + "/attempts"; }
  std::string attempts(const std::string& id) const { return attempts() + "/" + id; }
  std::string workspaces() const { return root_ + "/workspaces"; }
  std::string workspace(const std::string& id) const { return workspaces() + "/" + id; }
  std::string repository(const std::string& id) const { return workspace(id) + "/repo"; }
  std::string store(const std::string& id) const { return workspace(id) + "/store"; }
  // What of an attempt's checkpoints is not stored yet.
  std::string packs(const std::string& id, int attempt) const {
    return workspace(id) + "/packs/" + std::to_string(attempt);
  }
  std::string mirrors() const { return root_ + "/mirrors"; }
  std::string mirror(absl::string_view repo_key) const;
  std::string object(const std::string& sha256) const { return root_ + "/objects-cache/" + sha256; }
  std::string summary() const { return root_ + "/summary"; }  // of the one that is being made
  std::string turn() const { return root_ + "/turn"; }        // of one that was asked for
  std::string trash() const { return root_ + "/trash"; }

  // Makes the directories that always exist.
  absl::Status Make() const;
  // Remembers which repository a mirror is of.
  absl::Status NoteMirror(absl::string_view repo_key) const;
  // Keys of the mirrors that are there.
  std::vector<std::string> MirrorKeys() const;
  // Handoffs with a repository in their workspace.
  std::vector<std::string> CheckedOut() const;

 private:
  std::string root_;
};

// FAILED_PRECONDITION when a coordinator keeps its data there.
absl::Status RefuseCoordinators(const std::string& data_dir);

// A data directory that is this process's alone as long as the lock is held.
struct ClaimedDir {
  DataDir data;
  UniqueFd lock;
};
// Makes it where it is absent; its path becomes absolute, since it is stored and handed to other
// processes. FAILED_PRECONDITION when another process has it, or a coordinator.
absl::StatusOr<ClaimedDir> ClaimDataDir(const std::string& path);

}  // namespace handoff::worker
