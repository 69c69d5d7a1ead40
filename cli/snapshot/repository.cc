#include "cli/snapshot/repository.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/git/url.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

absl::Status AnotherUsers(const std::string& where) {
  return absl::PermissionDeniedError(
      absl::StrCat("the repository around ", where,
                   " belongs to another user. Nothing was done; own it, or list it under "
                   "safe.directory in your git configuration"));
}

// "a merge with 0123456789": what the other side of a merge is called is not kept.
std::string MergeWithWhat(git_repository* repo) {
  std::string heads;
  const auto add = [](const git_oid* id, void* payload) {
    auto& text = *static_cast<std::string*>(payload);
    absl::StrAppend(&text, text.empty() ? " with " : " and ", OidText(*id).substr(0, 10));
    return 0;
  };
  if (git_repository_mergehead_foreach(repo, add, &heads) != 0) heads.clear();
  return absl::StrCat("a merge", heads);
}

}  // namespace

absl::StatusOr<GitRepository> OpenAround(const std::string& where) {
  GitRepository repo;
  const int opened = git_repository_open_ext(repo.out(), where.c_str(), 0, nullptr);
  if (opened == GIT_EOWNER) return AnotherUsers(where);
  if (opened == GIT_ENOTFOUND) {
    // libgit2 1.5 says the same where no safe.directory is set at all. This looks at no owner.
    GitBuffer found;
    if (git_repository_discover(found.get(), where.c_str(), 0, nullptr) == 0) {
      return AnotherUsers(where);
    }
    return absl::NotFoundError(absl::StrCat(where, " is not inside a git repository"));
  }
  const absl::Status status =
      GitStatus(opened, absl::StrCat("opening the repository around ", where));
  // The words of libgit2 1.5, and those of 1.9 for SHA-256.
  if (absl::StrContains(status.message(), "unsupported extension") ||
      absl::StrContains(status.message(), "unknown object format")) {
    return absl::FailedPreconditionError(absl::StrCat(
        status.message(),
        ". A repository of this format (SHA-256, reftable) cannot be handed over. Nothing was "
        "done; submit from a clone in git's default format"));
  }
  RETURN_IF_ERROR(status);
  return repo;
}

std::string RealPath(const std::string& path) {
  std::error_code error;
  const auto real = std::filesystem::canonical(path, error);
  return error ? path : real.string();
}

bool IsShallow(git_repository* repo) {
  return FileSize(absl::StrCat(git_repository_commondir(repo), "shallow")).value_or(0) > 0;
}

std::string NoteOperation(git_repository* repo) {
  std::string what;
  switch (git_repository_state(repo)) {
    case GIT_REPOSITORY_STATE_NONE:
      return "";
    case GIT_REPOSITORY_STATE_MERGE:
      return absl::StrCat(MergeWithWhat(repo),
                          " is in progress; the worker gets its result as ordinary changes, and "
                          "what is committed there is no merge");
    case GIT_REPOSITORY_STATE_REVERT:
    case GIT_REPOSITORY_STATE_REVERT_SEQUENCE:
      what = "a revert";
      break;
    case GIT_REPOSITORY_STATE_CHERRYPICK:
    case GIT_REPOSITORY_STATE_CHERRYPICK_SEQUENCE:
      what = "a cherry-pick";
      break;
    case GIT_REPOSITORY_STATE_BISECT:
      what = "a bisect";
      break;
    case GIT_REPOSITORY_STATE_APPLY_MAILBOX:
      what = "git am";
      break;
    default:
      what = "a rebase";
      break;
  }
  return absl::StrCat(what,
                      " is in progress; the worker gets HEAD and your changes as they are, and "
                      "cannot go on with it");
}

absl::StatusOr<Origin> OriginOf(git_repository* repo, const std::string& root) {
  Origin origin;
  git_strarray names = {nullptr, 0};
  RETURN_IF_ERROR(GitStatus(git_remote_list(&names, repo), "listing the remotes"));
  for (size_t i = 0; i < names.count; ++i) {
    if (std::string(names.strings[i]) == "origin" || names.count == 1) {
      origin.remote = names.strings[i];
    }
  }
  git_strarray_dispose(&names);
  if (origin.remote.empty()) {
    origin.message = "the repository has no remote called origin";
    return origin;
  }
  GitRemote remote;
  RETURN_IF_ERROR(GitStatus(git_remote_lookup(remote.out(), repo, origin.remote.c_str()),
                            absl::StrCat("reading the remote ", origin.remote)));
  const char* raw = git_remote_url(remote.get());
  std::string url = WithoutCredentials(raw != nullptr ? raw : "");
  if (absl::StartsWith(url, ".") || (!absl::StrContains(url, ":") && !absl::StartsWith(url, "/"))) {
    url = RealPath(absl::StrCat(root, "/", url));
  }
  const absl::Status valid = ValidateRepositoryUrl(url);
  if (!valid.ok()) return Origin{"", "", std::string(valid.message())};
  if (!IsValidUtf8(url)) {
    return Origin{"", "", absl::StrCat("the address ", EscapeInvalidUtf8(url), " is not UTF-8")};
  }
  origin.url = url;
  return origin;
}

absl::StatusOr<std::string> RootKey(git_repository* repo, git_odb* odb, const git_oid& head) {
  git_oid id = head;
  while (true) {
    ASSIGN_OR_RETURN(const GitCommit commit, LookupCommit(repo, id));
    const git_oid* parent = git_commit_parent_id(commit.get(), 0);
    if (parent == nullptr || git_odb_exists(odb, parent) == 0) break;
    id = *parent;
  }
  return absl::StrCat("root:", OidText(id));
}

absl::StatusOr<std::string> RepositoryName(const std::string& where) {
  GitLibraryOptions options;
  options.user_config = true;
  options.validate_owner = true;
  RETURN_IF_ERROR(InitGit(options));
  const auto found = OpenAround(where);
  if (absl::IsPermissionDenied(found.status())) return found.status();
  if (!found.ok() || git_repository_workdir(found->get()) == nullptr) return "";
  git_repository* const repo = found->get();
  const auto origin = OriginOf(repo, RealPath(git_repository_workdir(repo)));
  if (!origin.ok() || !origin->url.empty()) return origin.ok() ? origin->url : "";
  GitOdb odb;
  git_oid head;
  if (git_repository_odb(odb.out(), repo) != 0 ||
      git_reference_name_to_id(&head, repo, "HEAD") != 0) {
    return "";
  }
  return RootKey(repo, odb.get(), head).value_or("");
}

}  // namespace handoff
