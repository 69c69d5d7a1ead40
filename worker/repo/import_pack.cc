#include "worker/repo/import_pack.h"

#include <fcntl.h>
#include <git2/odb_backend.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff {
namespace {

int OnProgress(const git_indexer_progress* stats, void* payload) {
  static_cast<RepoProgress*>(payload)->ReportPart("unpacking", stats->indexed_objects,
                                                  stats->total_objects);
  return 0;
}

struct Connectivity {
  git_odb* odb;
  git_repository* store;
  RepoProgress* progress;
  absl::Status failure;

  bool Needs(const git_oid& from, const git_oid& to) {
    if (git_odb_exists(odb, &to) != 0) return true;
    failure = absl::NotFoundError(absl::StrCat("object ", OidText(to), ", which ", OidText(from),
                                               " needs, is not in the repository"));
    return false;
  }

  bool Check(const git_oid& id) {
    progress->Report("checking what was submitted");
    size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    if (git_odb_read_header(&size, &type, odb, &id) != 0) return Needs(id, id);
    if (type == GIT_OBJECT_COMMIT) return CheckCommit(id);
    if (type == GIT_OBJECT_TREE) return CheckTree(id);
    return true;
  }

  bool CheckCommit(const git_oid& id) {
    auto commit = LookupCommit(store, id);
    if (!commit.ok()) {
      failure = commit.status();
      return false;
    }
    for (unsigned i = 0; i < git_commit_parentcount(commit->get()); ++i) {
      if (!Needs(id, *git_commit_parent_id(commit->get(), i))) return false;
    }
    return Needs(id, *git_commit_tree_id(commit->get()));
  }

  bool CheckTree(const git_oid& id) {
    auto tree = LookupTree(store, id);
    if (!tree.ok()) {
      failure = tree.status();
      return false;
    }
    for (size_t i = 0; i < git_tree_entrycount(tree->get()); ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(tree->get(), i);
      if (git_tree_entry_filemode(entry) == GIT_FILEMODE_COMMIT) continue;
      if (!Needs(id, *git_tree_entry_id(entry))) return false;
    }
    return true;
  }
};

int OnObject(const git_oid* id, void* payload) {
  return static_cast<Connectivity*>(payload)->Check(*id) ? 0 : GIT_EUSER;
}

}  // namespace

absl::StatusOr<std::string> ImportPack(const std::string& pack, git_repository* store,
                                       absl::string_view name, RepoProgress& progress) {
  const std::string directory = absl::StrCat(git_repository_path(store), "objects/pack");
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(pack, O_RDONLY));
  GitOdb odb;
  RETURN_IF_ERROR(GitStatus(git_repository_odb(odb.out(), store), directory));
  git_indexer_options options;
  git_indexer_options_init(&options, GIT_INDEXER_OPTIONS_VERSION);
  options.progress_cb = &OnProgress;
  options.progress_cb_payload = &progress;
  GitIndexer indexer;
  const std::string what = absl::StrCat(name, " cannot be used");
  RETURN_IF_ERROR(GitStatus(
      git_indexer_new(indexer.out(), directory.c_str(), 0444, odb.get(), &options), what));
  git_indexer_progress stats = {};
  char buffer[65536];
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, absl::StrCat("reading ", pack));
    if (n == 0) break;
    RETURN_IF_ERROR(
        GitStatus(git_indexer_append(indexer.get(), buffer, static_cast<size_t>(n), &stats), what));
  }
  RETURN_IF_ERROR(GitStatus(git_indexer_commit(indexer.get(), &stats), what));
  RETURN_IF_ERROR(GitStatus(git_odb_refresh(odb.get()), what));
  return absl::StrCat(directory, "/pack-", OidText(*git_indexer_hash(indexer.get())), ".idx");
}

absl::Status CheckConnected(const std::string& pack_index, git_repository* store,
                            RepoProgress& progress) {
  GitOdb pack, all;
  git_odb_backend* backend = nullptr;
  RETURN_IF_ERROR(GitStatus(git_odb_new(pack.out()), pack_index));
  RETURN_IF_ERROR(GitStatus(git_odb_backend_one_pack(&backend, pack_index.c_str()), pack_index));
  RETURN_IF_ERROR(GitStatus(git_odb_add_backend(pack.get(), backend, 1), pack_index));
  RETURN_IF_ERROR(GitStatus(git_repository_odb(all.out(), store), pack_index));
  Connectivity check = {all.get(), store, &progress, absl::OkStatus()};
  const int result = git_odb_foreach(pack.get(), &OnObject, &check);
  if (!check.failure.ok()) return check.failure;
  return GitStatus(result, pack_index);
}

}  // namespace handoff
