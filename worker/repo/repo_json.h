// The words between RepoClient and handoff-repo. Both sides are built from one source tree, so
// every field is there; anything else is an error of ours, told as INTERNAL.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/repo/push_request.h"
#include "worker/repo/repo_client.h"

namespace handoff {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RepoCredentials, ssh_agent, ssh_key, known_hosts, https_tokens)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PrepareRequest, url, ref, commit, worktree_commit, pack_path,
                                   pack_complete, mirror, store, workspace, handoff_id, branch,
                                   user_name, user_email, credentials, attempt, checkpoint,
                                   checkpoint_branch, checkpoint_packs, checkpoint_attempt, rebuild,
                                   session_tree, session_dir)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CheckpointPack, sha256, bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CheckpointRequest, workspace, store, mirror, handoff_id, attempt,
                                   base_commit, worktree_commit, session_root, session_files,
                                   stored_commit, stored_session_tree, stored_packs, pack_dir,
                                   max_file_bytes, max_pack_bytes, repack)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CheckpointResult, commit, head_commit, branch, submitted_commit,
                                   session_tree, packs, notes, too_large)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PrepareResult, head_commit, base_commit, reused, notes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FactsRequest, workspace, store, mirror, base_commit,
                                   worktree_commit)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PushRequest, url, store, handoff_id, attempt, commit, user_name,
                                   user_email, taken_at, from, credentials)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PushAnswer, state, commit, message)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ProbeRequest, url, credentials)

// {"error":"…","code":"NOT_FOUND"}
nlohmann::json ErrorToJson(const absl::Status& status);
absl::Status ErrorFromJson(const nlohmann::json& line);

// One line of JSON; bytes that are not UTF-8 are replaced.
std::string JsonLine(const nlohmann::json& value);
absl::StatusOr<nlohmann::json> ParseJsonLine(const std::string& line);

// A line of progress for a person: "cloning 43 %, 6.2 MB".
std::string ProgressText(const nlohmann::json& line);

// JSON to a struct above.
template <typename T>
absl::StatusOr<T> FromJson(const nlohmann::json& value) {
  try {
    return value.get<T>();
  } catch (const nlohmann::json::exception& error) {
    return absl::InternalError(error.what());
  }
}

}  // namespace handoff
