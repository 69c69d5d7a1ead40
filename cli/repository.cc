#include "cli/repository.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/git/url.h"
#include "common/status.h"

namespace handoff {
namespace {

std::string RealPath(const std::string& path) {
  std::error_code error;
  const auto real = std::filesystem::canonical(path, error);
  return error ? path : real.string();
}

}  // namespace

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

std::string RepositoryName(const std::string& where) {
  GitLibraryOptions options;
  options.user_config = true;
  options.validate_owner = true;
  GitRepository repo;
  if (!InitGit(options).ok() ||
      git_repository_open_ext(repo.out(), where.c_str(), 0, nullptr) != 0 ||
      git_repository_workdir(repo.get()) == nullptr) {
    return "";
  }
  const auto origin = OriginOf(repo.get(), RealPath(git_repository_workdir(repo.get())));
  if (!origin.ok() || !origin->url.empty()) return origin.ok() ? origin->url : "";
  GitOdb odb;
  git_oid head;
  if (git_repository_odb(odb.out(), repo.get()) != 0 ||
      git_reference_name_to_id(&head, repo.get(), "HEAD") != 0) {
    return "";
  }
  return RootKey(repo.get(), odb.get(), head).value_or("");
}

}  // namespace handoff
