// Where things lie in the worker's data directory. A value; paths only.
//
//   DATA/lock  identity.json  journal  objects-cache/  mirrors/<name>/  mirrors/<name>.key
//   DATA/workspaces/<id>/{repo,store,packs}  DATA/attempts/<id>/<N>/  DATA/summary/  DATA/trash/
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace handoff::worker {

class DataDir {
 public:
  explicit DataDir(std::string root) : root_(std::move(root)) {}

  const std::string& root() const { return root_; }
  std::string lock() const { return root_ + "/lock"; }
  std::string identity() const { return root_ + "/identity.json"; }
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

}  // namespace handoff::worker
