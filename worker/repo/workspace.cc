#include "worker/repo/workspace.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff {
namespace {

absl::StatusOr<GitRepository> Init(const WorkspaceSpec& spec) {
  git_repository_init_options options;
  git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
  options.flags = GIT_REPOSITORY_INIT_MKPATH | GIT_REPOSITORY_INIT_NO_REINIT;
  options.initial_head = spec.branch.empty() ? "main" : spec.branch.c_str();
  GitRepository repo;
  RETURN_IF_ERROR(GitStatus(git_repository_init_ext(repo.out(), spec.directory.c_str(), &options),
                            absl::StrCat("making the workspace ", spec.directory)));
  const std::string git = git_repository_path(repo.get());
  RETURN_IF_ERROR(MakeDirectories(absl::StrCat(git, "objects/info")));
  RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(git, "objects/info/alternates"),
                                      absl::StrCat(absl::StrJoin(spec.objects, "\n"), "\n"), 0644));
  RETURN_IF_ERROR(MakeDirectories(absl::StrCat(git, "info")));
  RETURN_IF_ERROR(
      WriteFileAtomically(absl::StrCat(git, "info/exclude"), ".cursor/agent-handoffs/\n", 0644));
  // Opened again, so that libgit2 sees the alternates.
  RETURN_IF_ERROR(GitStatus(git_repository_open(repo.out(), spec.directory.c_str()), git));
  return repo;
}

absl::Status Configure(const WorkspaceSpec& spec, git_repository* repo) {
  GitConfig config;
  RETURN_IF_ERROR(GitStatus(git_repository_config(config.out(), repo), spec.directory));
  for (const auto& [name, value] :
       {std::pair("user.name", &spec.user_name), std::pair("user.email", &spec.user_email)}) {
    if (value->empty()) continue;
    RETURN_IF_ERROR(GitStatus(git_config_set_string(config.get(), name, value->c_str()), name));
  }
  if (spec.url.empty()) return absl::OkStatus();
  GitRemote origin;
  return GitStatus(git_remote_create(origin.out(), repo, "origin", spec.url.c_str()),
                   "setting origin");
}

absl::Status AddEntries(git_index* index, const CheckedOut& checked_out) {
  for (const git_index_entry& entry : checked_out.entries) {
    RETURN_IF_ERROR(GitStatus(git_index_add(index, &entry), entry.path));
  }
  return absl::OkStatus();
}

// Entries that are the same in both trees keep what stat said.
absl::Status RebaseIndex(const WorkspaceSpec& spec, git_repository* repo) {
  GitIndex index;
  RETURN_IF_ERROR(RemoveTree(absl::StrCat(spec.base_index, ".lock")));  // of one that was killed
  RETURN_IF_ERROR(GitStatus(git_index_open(index.out(), spec.base_index.c_str()), spec.base_index));
  ASSIGN_OR_RETURN(const GitTree base, LookupTree(repo, spec.base_tree));
  RETURN_IF_ERROR(GitStatus(git_index_read_tree(index.get(), base.get()), spec.base_index));
  return GitStatus(git_index_write(index.get()), spec.base_index);
}

absl::Status WriteIndexes(const WorkspaceSpec& spec, git_repository* repo,
                          const CheckedOut& checked_out) {
  GitIndex index;
  RETURN_IF_ERROR(GitStatus(git_repository_index(index.out(), repo), spec.directory));
  RETURN_IF_ERROR(AddEntries(index.get(), checked_out));
  RETURN_IF_ERROR(GitStatus(git_index_write(index.get()), "writing the index"));
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(git_index_path(index.get()), 1 << 30));
  RETURN_IF_ERROR(WriteFileAtomically(spec.base_index, bytes));
  if (!SameOid(spec.tree, spec.base_tree)) RETURN_IF_ERROR(RebaseIndex(spec, repo));
  if (spec.unborn) {
    RETURN_IF_ERROR(GitStatus(git_index_clear(index.get()), "making the index"));
    return GitStatus(git_index_write(index.get()), "writing the index");
  }
  if (SameOid(spec.tree, spec.index_tree)) return absl::OkStatus();
  // Entries that are the same in both keep what stat said, so that a first `git status` is quick.
  ASSIGN_OR_RETURN(const GitTree staged, LookupTree(repo, spec.index_tree));
  RETURN_IF_ERROR(GitStatus(git_index_read_tree(index.get(), staged.get()), "making the index"));
  return GitStatus(git_index_write(index.get()), "writing the index");
}

absl::Status WriteRefs(const WorkspaceSpec& spec, git_repository* repo) {
  if (!spec.refs.empty()) {
    std::string packed = "# pack-refs with: sorted \n";
    for (const auto& [name, id] : spec.refs) absl::StrAppend(&packed, id, " ", name, "\n");
    RETURN_IF_ERROR(
        WriteFileAtomically(absl::StrCat(git_repository_path(repo), "packed-refs"), packed, 0644));
  }
  if (spec.unborn) return absl::OkStatus();
  if (spec.branch.empty()) {
    return GitStatus(git_repository_set_head_detached(repo, &spec.head), "setting HEAD");
  }
  GitReference branch;
  const std::string name = absl::StrCat("refs/heads/", spec.branch);
  return GitStatus(
      git_reference_create(branch.out(), repo, name.c_str(), &spec.head, 1, "handoff: start here"),
      absl::StrCat("making the branch ", spec.branch));
}

}  // namespace

absl::StatusOr<CheckedOut> MakeWorkspace(const WorkspaceSpec& spec, RepoProgress& progress) {
  ASSIGN_OR_RETURN(const GitRepository repo, Init(spec));
  // Reflog entries name somebody even on a host where nobody configured a name.
  git_repository_set_ident(repo.get(), spec.user_name.empty() ? "Handoff" : spec.user_name.c_str(),
                           spec.user_email.empty() ? "handoff@localhost" : spec.user_email.c_str());
  RETURN_IF_ERROR(Configure(spec, repo.get()));
  ASSIGN_OR_RETURN(CheckedOut checked_out, CheckOut(repo.get(), spec.tree, progress));
  RETURN_IF_ERROR(WriteIndexes(spec, repo.get(), checked_out));
  RETURN_IF_ERROR(WriteRefs(spec, repo.get()));
  return checked_out;
}

}  // namespace handoff
