#include "worker/repo/checkpoint_pack.h"

#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr int kMaxDepth = 1024;

// Adds to `list` what `id` leads to, trees first, except what is in `seen`, which grows by it.
class TreeLister {
 public:
  TreeLister(git_repository* repo, OidSet& seen, std::vector<ListedObject>* list)
      : repo_(repo), seen_(seen), list_(list) {}

  absl::Status Add(const git_oid& id, const std::string& name = "", int depth = 0) {
    if (!seen_.insert(id).second) return absl::OkStatus();
    if (depth > kMaxDepth) return absl::InvalidArgumentError("a tree is too deep to be kept");
    Keep(id, name);
    ASSIGN_OR_RETURN(const GitTree tree, LookupTree(repo_, id));
    for (size_t i = 0; i < git_tree_entrycount(tree.get()); ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(tree.get(), i);
      const git_oid& child = *git_tree_entry_id(entry);
      const git_filemode_t mode = git_tree_entry_filemode(entry);
      if (mode == GIT_FILEMODE_COMMIT) continue;
      if (mode == GIT_FILEMODE_TREE) {
        RETURN_IF_ERROR(Add(child, git_tree_entry_name(entry), depth + 1));
      } else if (seen_.insert(child).second) {
        Keep(child, git_tree_entry_name(entry));
      }
    }
    return absl::OkStatus();
  }

 private:
  void Keep(const git_oid& id, const std::string& name) {
    if (list_ != nullptr) list_->push_back({id, name});
  }

  git_repository* repo_;
  OidSet& seen_;
  std::vector<ListedObject>* list_;
};

absl::StatusOr<std::vector<git_oid>> NewCommits(git_repository* repo,
                                                const std::vector<git_oid>& commits,
                                                const std::vector<git_oid>& known) {
  GitRevwalk walk;
  RETURN_IF_ERROR(GitStatus(git_revwalk_new(walk.out(), repo), "listing commits"));
  git_revwalk_sorting(walk.get(), GIT_SORT_TOPOLOGICAL);
  for (const git_oid& id : known) {
    RETURN_IF_ERROR(GitStatus(git_revwalk_hide(walk.get(), &id), "listing commits"));
  }
  for (const git_oid& id : commits) {
    RETURN_IF_ERROR(GitStatus(git_revwalk_push(walk.get(), &id), "listing commits"));
  }
  std::vector<git_oid> out;
  git_oid id;
  int result = 0;
  while ((result = git_revwalk_next(&id, walk.get())) == 0) out.push_back(id);
  if (result != GIT_ITEROVER) RETURN_IF_ERROR(GitStatus(result, "listing commits"));
  return out;
}

struct Output {
  int fd = -1;
  Sha256 hash;
  uint64_t bytes = 0;
  absl::Status status;
  RepoProgress* progress = nullptr;
};

int OnBytes(void* data, size_t size, void* payload) {
  Output& out = *static_cast<Output*>(payload);
  const absl::string_view bytes(static_cast<const char*>(data), size);
  out.hash.Update(bytes);
  out.bytes += size;
  out.progress->Report("packing", -1, out.bytes);
  out.status = WriteAll(out.fd, bytes);
  return out.status.ok() ? 0 : -1;
}

int OnPacking(int, uint32_t done, uint32_t total, void* payload) {
  static_cast<RepoProgress*>(payload)->ReportPart("packing", done, total);
  return 0;
}

}  // namespace

absl::StatusOr<std::vector<ListedObject>> ListObjects(git_repository* repo,
                                                      const PackContents& contents,
                                                      RepoProgress& progress) {
  progress.Report("listing what is new");
  ASSIGN_OR_RETURN(const auto commits, NewCommits(repo, contents.commits, contents.known_commits));
  OidSet seen;
  TreeLister known(repo, seen, nullptr);
  const auto know_tree_of = [&](const git_oid& commit) -> absl::Status {
    ASSIGN_OR_RETURN(const GitCommit found, LookupCommit(repo, commit));
    return known.Add(*git_commit_tree_id(found.get()));
  };
  for (const git_oid& id : contents.known_commits) RETURN_IF_ERROR(know_tree_of(id));
  for (const git_oid& id : contents.known_trees) RETURN_IF_ERROR(known.Add(id));
  // Where new history leaves from: closer to it than the ends of what is known.
  const OidSet fresh(commits.begin(), commits.end());
  for (const git_oid& id : commits) {
    ASSIGN_OR_RETURN(const GitCommit commit, LookupCommit(repo, id));
    for (unsigned i = 0; i < git_commit_parentcount(commit.get()); ++i) {
      const git_oid& parent = *git_commit_parent_id(commit.get(), i);
      if (!fresh.contains(parent)) RETURN_IF_ERROR(know_tree_of(parent));
    }
  }
  std::vector<ListedObject> out;
  TreeLister lister(repo, seen, &out);
  for (const git_oid& id : commits) {
    progress.Report("listing what is new");
    out.push_back({id, ""});
    ASSIGN_OR_RETURN(const GitCommit commit, LookupCommit(repo, id));
    RETURN_IF_ERROR(lister.Add(*git_commit_tree_id(commit.get())));
  }
  for (const git_oid& id : contents.trees) RETURN_IF_ERROR(lister.Add(id));
  return out;
}

absl::StatusOr<PackedFile> WritePack(git_repository* repo, const std::vector<ListedObject>& objects,
                                     const std::string& path, RepoProgress& progress) {
  GitPackbuilder builder;
  RETURN_IF_ERROR(GitStatus(git_packbuilder_new(builder.out(), repo), "making a pack"));
  // With several threads the deltas depend on which one was quicker.
  git_packbuilder_set_threads(builder.get(), 1);
  git_packbuilder_set_callbacks(builder.get(), &OnPacking, &progress);
  for (const ListedObject& object : objects) {
    const char* name = object.name.empty() ? nullptr : object.name.c_str();
    RETURN_IF_ERROR(GitStatus(git_packbuilder_insert(builder.get(), &object.id, name),
                              absl::StrCat("packing ", OidText(object.id))));
  }
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  Output out;
  out.fd = fd.get();
  out.progress = &progress;
  const int result = git_packbuilder_foreach(builder.get(), &OnBytes, &out);
  RETURN_IF_ERROR(out.status);
  RETURN_IF_ERROR(GitStatus(result, "packing the checkpoint"));
  return PackedFile{out.hash.Hex(), out.bytes};
}

absl::Status CheckTree(git_repository* repo, const git_oid& tree) {
  GitOdb odb;
  RETURN_IF_ERROR(GitStatus(git_repository_odb(odb.out(), repo), "reading a tree"));
  OidSet seen;
  std::vector<ListedObject> list;
  RETURN_IF_ERROR(TreeLister(repo, seen, &list).Add(tree));
  for (const ListedObject& object : list) {
    if (git_odb_exists(odb.get(), &object.id) == 0) {
      return absl::NotFoundError(
          absl::StrCat("object ", OidText(object.id), " of tree ", OidText(tree), " is not there"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckHistory(git_repository* repo, const git_oid& commit,
                          const std::vector<git_oid>& known) {
  ASSIGN_OR_RETURN(const GitCommit found, LookupCommit(repo, commit));
  RETURN_IF_ERROR(NewCommits(repo, {commit}, known).status());
  return CheckTree(repo, *git_commit_tree_id(found.get()));
}

}  // namespace handoff
