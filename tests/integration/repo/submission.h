// From a snapshot to a prepared workspace, as the command, the coordinator and the worker do it.
#pragma once

#include <string>

#include "cli/snapshot/snapshot.h"
#include "common/file.h"
#include "worker/repo/repo_client.h"

namespace handoff {

// One worker's directories, below `data`.
inline PrepareRequest RequestOn(const std::string& data, const std::string& id) {
  PrepareRequest request;
  request.mirror = data + "/mirrors/one";
  request.store = data + "/stores/" + id;
  request.workspace = data + "/workspaces/" + id + "/repo";
  request.handoff_id = id;
  request.branch = "handoff/" + id;
  request.user_name = "Ada";
  request.user_email = "ada@example.com";
  request.credentials.ssh_agent = false;
  return request;
}

inline PrepareRequest RequestFor(const Snapshot& snapshot, const std::string& data,
                                 const std::string& id) {
  PrepareRequest request = RequestOn(data, id);
  request.url = snapshot.url;
  request.ref = snapshot.ref;
  request.commit = snapshot.commit;
  request.worktree_commit = snapshot.worktree_commit;
  request.pack_path = snapshot.pack_path;
  request.pack_complete = snapshot.pack_complete;
  return request;
}

inline FactsRequest FactsFor(const PrepareRequest& prepared, const std::string& base_commit) {
  FactsRequest request;
  request.workspace = prepared.workspace;
  request.store = prepared.store;
  request.mirror = prepared.mirror;
  request.base_commit = base_commit;
  request.worktree_commit = prepared.worktree_commit;
  return request;
}

}  // namespace handoff
