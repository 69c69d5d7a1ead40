// Git work happens in the child program handoff-repo, one process an operation, so that it can be
// killed, and so that a clone's memory and a hostile pack stay out of the daemon. Request: one JSON
// object on stdin. Answer: JSON lines on stdout,
// {"progress":"cloning","percent":43,"bytes":6200000} any number of times, then {"ok":{…}} or
// {"error":"…","code":"…"}.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/unique_fd.h"

namespace handoff {

struct RepoCredentials {
  bool ssh_agent = true;    // $SSH_AUTH_SOCK of the daemon
  std::string ssh_key;      // path of a private key; empty: none
  std::string known_hosts;  // path; empty: ~/.ssh/known_hosts. Unknown hosts are refused.
  std::map<std::string, std::string> https_tokens;  // host → path of a file that holds the token
};

struct PrepareRequest {
  std::string url;  // empty: everything is in the pack
  std::string ref;  // used when commit is empty
  std::string commit;
  std::string worktree_commit;  // may be empty
  std::string pack_path;        // downloaded object; empty: none
  bool pack_complete = false;
  std::string mirror;     // directory of the bare mirror, made when absent
  std::string store;      // bare repository of this handoff: pack objects, refs/handoff/<id>/…
  std::string workspace;  // the checkout; kept when it is there already and belongs to this handoff
  std::string handoff_id;
  std::string branch;  // handoff/<id>
  std::string user_name, user_email;
  RepoCredentials credentials;

  int attempt = 0;  // that will work in it
  // To go on from; empty: from what was submitted. A workspace that is here is kept when
  // `checkpoint_attempt` or a later attempt worked in it, unless `rebuild`; else it is made anew.
  std::string checkpoint;                     // commit
  std::string checkpoint_branch;              // HEAD's; empty: detached
  std::vector<std::string> checkpoint_packs;  // downloaded, in order
  int checkpoint_attempt = 0;
  bool rebuild = false;
  std::string session_tree;  // written out as files below session_dir; empty: none
  std::string session_dir;
};
struct PrepareResult {
  std::string head_commit;  // what HEAD is now
  std::string base_commit;  // what it was submitted at
  bool reused = false;      // the workspace was there from an earlier attempt
  std::vector<std::string> notes;
};

// The whole state of a workspace as a commit in the store (refs/handoff/<id>/attempt-N), and what
// of it the coordinator does not hold yet as a pack. Reads the workspace and changes nothing in it.
struct CheckpointPack {
  std::string sha256;
  uint64_t bytes = 0;
};
struct CheckpointRequest {
  std::string workspace, store, mirror;
  std::string handoff_id;
  int attempt = 0;
  std::string base_commit;      // submitted HEAD
  std::string worktree_commit;  // submitted work tree; empty: base_commit's tree
  // Absolute; the files below it, by their names from it, become the session tree. Empty: none.
  std::string session_root;
  std::vector<std::string> session_files;
  // The last checkpoint of this handoff that the coordinator holds: what it has is not packed
  // again.
  std::string stored_commit, stored_session_tree;
  std::vector<CheckpointPack> stored_packs;
  std::string pack_dir;         // receives a new pack as <sha256>.pack
  uint64_t max_file_bytes = 0;  // a larger file is left out and named; 0: no limit
  uint64_t max_pack_bytes = 0;  // a larger pack is not made: see too_large; 0: no limit
  // Packs the state that is kept of this attempt already, not that of the workspace; of the result
  // only commit, session_tree, packs and too_large count.
  bool repack = false;
};
struct CheckpointResult {
  std::string commit;       // stash-like: tree = work tree, parent 1 = HEAD, parent 2 = index tree
  std::string head_commit;  // HEAD
  std::string branch;       // without refs/heads/; empty: detached
  std::string submitted_commit;
  std::string session_tree;  // empty: no session files
  // All that is needed beyond origin's and the submitted pack, in order: the stored ones, and the
  // new one unless nothing is new; empty with too_large.
  std::vector<CheckpointPack> packs;
  std::vector<std::string> notes;  // what it leaves out
  std::string too_large;           // why there is no pack of it; empty: there is
};

struct FactsRequest {
  std::string workspace, store, mirror;
  std::string base_commit;      // submitted HEAD
  std::string worktree_commit;  // submitted work tree; empty: base_commit's tree
};
// Facts as a serialised handoff.v1.Facts (observed part).

struct ProbeRequest {
  std::string url;
  RepoCredentials credentials;
};

struct PushRequest;  // push_request.h
struct PushAnswer;

class RepoClient {
 public:
  // `program` is the path of handoff-repo.
  explicit RepoClient(std::string program);

  using Progress = std::function<void(const std::string& text)>;  // "cloning 43 %, 6.2 MB"
  // All calls block. A byte on `cancel` (or its other end closed) kills the child at once:
  // CANCELLED. Errors carry libgit2's own words. UNAUTHENTICATED (credentials), RESOURCE_EXHAUSTED
  // (disk), NOT_FOUND (repository or ref), UNAVAILABLE (network, silent server: no progress for
  // `stall_timeout`), INVALID_ARGUMENT (unsupported content).
  absl::StatusOr<PrepareResult> Prepare(const PrepareRequest& request, int cancel,
                                        const Progress& progress) const;
  absl::StatusOr<CheckpointResult> Checkpoint(const CheckpointRequest& request, int cancel,
                                              const Progress& progress) const;
  absl::StatusOr<std::string> Facts(const FactsRequest& request, int cancel) const;
  absl::StatusOr<PushAnswer> Push(const PushRequest& request, int cancel,
                                  const Progress& progress) const;
  absl::Status Probe(const ProbeRequest& request, int cancel) const;

  void set_stall_timeout(absl::Duration d) { stall_timeout_ = d; }

 private:
  std::string program_;
  absl::Duration stall_timeout_ = absl::Minutes(5);
};

}  // namespace handoff
