// libgit2 as this project uses it: handles that free themselves, errors as Status with libgit2's
// own words, and one way to set the library up. Handles are not thread-safe; git_odb is.
#pragma once

#include <git2.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace handoff {

// Owns one object of libgit2. Not a unique_ptr, because libgit2 gives objects through out
// parameters: git_repository_open(repo.out(), path).
template <typename T, void (*Free)(T*)>
class GitHandle {
 public:
  GitHandle() = default;
  GitHandle(GitHandle&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  GitHandle& operator=(GitHandle&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~GitHandle() { Free(raw_); }

  T* get() const { return raw_; }
  explicit operator bool() const { return raw_ != nullptr; }
  // Frees what it owned.
  T** out() {
    Free(std::exchange(raw_, nullptr));
    return &raw_;
  }

 private:
  T* raw_ = nullptr;
};

using GitRepository = GitHandle<git_repository, git_repository_free>;
using GitOdb = GitHandle<git_odb, git_odb_free>;
using GitOdbObject = GitHandle<git_odb_object, git_odb_object_free>;
using GitCommit = GitHandle<git_commit, git_commit_free>;
using GitObject = GitHandle<git_object, git_object_free>;
using GitTree = GitHandle<git_tree, git_tree_free>;
using GitBlob = GitHandle<git_blob, git_blob_free>;
using GitIndex = GitHandle<git_index, git_index_free>;
using GitRemote = GitHandle<git_remote, git_remote_free>;
using GitConfig = GitHandle<git_config, git_config_free>;
using GitReference = GitHandle<git_reference, git_reference_free>;
using GitReferenceIterator = GitHandle<git_reference_iterator, git_reference_iterator_free>;
using GitRevwalk = GitHandle<git_revwalk, git_revwalk_free>;
using GitDiff = GitHandle<git_diff, git_diff_free>;
using GitPatch = GitHandle<git_patch, git_patch_free>;
using GitFilters = GitHandle<git_filter_list, git_filter_list_free>;
using GitSignature = GitHandle<git_signature, git_signature_free>;
using GitIndexer = GitHandle<git_indexer, git_indexer_free>;
using GitPackbuilder = GitHandle<git_packbuilder, git_packbuilder_free>;

// A git_buf that frees itself.
class GitBuffer {
 public:
  GitBuffer() = default;
  ~GitBuffer() { git_buf_dispose(&buffer_); }
  GitBuffer(const GitBuffer&) = delete;
  GitBuffer& operator=(const GitBuffer&) = delete;
  git_buf* get() { return &buffer_; }
  std::string str() const { return std::string(buffer_.ptr, buffer_.size); }

 private:
  git_buf buffer_ = {};
};

// OK when `result` >= 0, else "<what>: <libgit2's words>" with the code that fits: NOT_FOUND,
// UNAUTHENTICATED (credentials, certificate), UNAVAILABLE (network), RESOURCE_EXHAUSTED (disk).
absl::Status GitStatus(int result, absl::string_view what);

struct GitLibraryOptions {
  // Whether the configuration of this user and system counts. A daemon says no, so that nothing
  // outside of its own directories has an effect.
  bool user_config = false;
  // Whether repositories of other users are refused.
  bool validate_owner = false;
  // Whether every object that is read is hashed again. Off only where all objects were verified
  // when they came in.
  bool verify_hashes = true;
};
// Call before anything else of libgit2. The library is set up once a process; the last call's
// options hold.
absl::Status InitGit(const GitLibraryOptions& options);

std::string OidText(const git_oid& id);
absl::StatusOr<git_oid> ParseOid(absl::string_view hex);
bool SameOid(const git_oid& a, const git_oid& b);

absl::StatusOr<GitTree> LookupTree(git_repository* repo, const git_oid& tree);
absl::StatusOr<GitCommit> LookupCommit(git_repository* repo, const git_oid& commit);
absl::StatusOr<GitTree> TreeOfCommit(git_repository* repo, const git_oid& commit);

}  // namespace handoff
