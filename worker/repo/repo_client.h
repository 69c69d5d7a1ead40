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
};
struct PrepareResult {
  std::string head_commit;  // what HEAD is now
  std::string base_commit;  // what it was submitted at
  bool reused = false;      // the workspace was there from an earlier attempt
  std::vector<std::string> notes;
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
  absl::StatusOr<std::string> Facts(const FactsRequest& request, int cancel) const;
  absl::Status Probe(const ProbeRequest& request, int cancel) const;

  void set_stall_timeout(absl::Duration d) { stall_timeout_ = d; }

 private:
  std::string program_;
  absl::Duration stall_timeout_ = absl::Minutes(5);
};

}  // namespace handoff
