// The bare repository of one remote on this worker: everything that was ever fetched from it. Never
// written by an agent, never collected, since workspaces borrow its objects. Holding a Mirror is
// holding its lock, so that two operations do not fetch at once.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/git/git.h"
#include "common/unique_fd.h"
#include "worker/repo/progress.h"
#include "worker/repo/repo_client.h"

namespace handoff {

class Mirror {
 public:
  // Made when absent. Waits for another operation on it, and says so; what one that died left
  // behind is cleared away.
  static absl::StatusOr<Mirror> Open(const std::string& path, RepoProgress& progress);

  // All heads and tags of `url`. Heads that are gone there go here too; their objects stay.
  absl::Status Fetch(const std::string& url, const RepoCredentials& credentials);
  // Exactly this commit: without the network when it is here, else from the heads and tags of
  // `url`, else by its id where the server allows that. NOT_FOUND names it; no other one is ever
  // taken.
  absl::Status Bring(const std::string& url, const git_oid& commit,
                     const RepoCredentials& credentials);

  // The commit that `ref` is at `url` now: a branch, a tag, a full ref name of any kind (a pull
  // request's), or a commit id. "" and "HEAD" are the remote's HEAD.
  absl::StatusOr<git_oid> BringRef(const std::string& url, const std::string& ref,
                                   const RepoCredentials& credentials);

  bool Has(const git_oid& object) const;

  absl::StatusOr<git_oid> TreeOf(const git_oid& commit) const;
  // What a clone would have: refs/remotes/origin/… for heads, and tags.
  absl::StatusOr<std::map<std::string, std::string>> RefsOfClone() const;

  std::string objects() const { return path_ + "/objects"; }

 private:
  Mirror(std::string path, UniqueFd lock, GitRepository repository, RepoProgress& progress)
      : path_(std::move(path)),
        lock_(std::move(lock)),
        repository_(std::move(repository)),
        progress_(&progress) {}
  bool IsEmpty() const;
  absl::StatusOr<git_oid> Resolve(const std::string& ref) const;
  absl::Status Prune(git_remote* remote);
  absl::Status RememberHead(git_remote* remote);
  absl::Status Download(const std::string& url, const RepoCredentials& credentials,
                        std::vector<std::string> refspecs, bool whole);

  std::string path_;
  UniqueFd lock_;
  GitRepository repository_;
  RepoProgress* progress_;
};

}  // namespace handoff
