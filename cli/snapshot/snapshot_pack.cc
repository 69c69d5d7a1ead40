#include "cli/snapshot/snapshot_pack.h"

#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr int kMaxDepth = 1024;

struct Output {
  int fd = -1;
  Sha256 hash;
  uint64_t bytes = 0;
  absl::Status status;
};

int OnBytes(void* data, size_t size, void* payload) {
  Output& out = *static_cast<Output*>(payload);
  const absl::string_view bytes(static_cast<const char*>(data), size);
  out.hash.Update(bytes);
  out.bytes += size;
  out.status = WriteAll(out.fd, bytes);
  return out.status.ok() ? 0 : -1;
}

// Trees called `name` in those of `parents` that have one; true when one of them is `id` itself.
absl::StatusOr<bool> Counterparts(git_repository* repo, const std::vector<git_tree*>& parents,
                                  const char* name, const git_oid& id, bool wants_trees,
                                  std::vector<GitTree>& trees) {
  for (git_tree* parent : parents) {
    const git_tree_entry* entry = git_tree_entry_byname(parent, name);
    if (entry == nullptr) continue;
    if (SameOid(*git_tree_entry_id(entry), id)) return true;
    if (!wants_trees || git_tree_entry_filemode(entry) != GIT_FILEMODE_TREE) continue;
    ASSIGN_OR_RETURN(GitTree tree, LookupTree(repo, *git_tree_entry_id(entry)));
    trees.push_back(std::move(tree));
  }
  return false;
}

std::vector<git_tree*> Pointers(const std::vector<GitTree>& trees) {
  std::vector<git_tree*> out;
  for (const GitTree& tree : trees) out.push_back(tree.get());
  return out;
}

}  // namespace

absl::StatusOr<SnapshotPack> SnapshotPack::Make(git_repository* repo) {
  GitPackbuilder builder;
  RETURN_IF_ERROR(GitStatus(git_packbuilder_new(builder.out(), repo), "making a pack"));
  // With several threads the deltas depend on which one was quicker, and a repeated submission
  // would not be the same as the first.
  git_packbuilder_set_threads(builder.get(), 1);
  return SnapshotPack(repo, std::move(builder));
}

absl::Status SnapshotPack::AddHistory(const git_oid& commit) {
  GitRevwalk walk;
  RETURN_IF_ERROR(GitStatus(git_revwalk_new(walk.out(), repo_), "listing commits"));
  RETURN_IF_ERROR(GitStatus(git_revwalk_push(walk.get(), &commit), "listing commits"));
  return GitStatus(git_packbuilder_insert_walk(builder_.get(), walk.get()), "packing the history");
}

absl::Status SnapshotPack::AddCommit(const git_oid& commit, const std::vector<git_oid>& known) {
  std::vector<GitTree> trees;
  for (const git_oid& id : known) {
    ASSIGN_OR_RETURN(GitTree tree, LookupTree(repo_, id));
    trees.push_back(std::move(tree));
  }
  RETURN_IF_ERROR(
      GitStatus(git_packbuilder_insert(builder_.get(), &commit, nullptr), "packing a commit"));
  ASSIGN_OR_RETURN(const GitCommit found, LookupCommit(repo_, commit));
  const git_oid tree = *git_commit_tree_id(found.get());
  for (const git_oid& id : known) {
    if (SameOid(id, tree)) return absl::OkStatus();
  }
  return AddTree(tree, Pointers(trees), 0);
}

absl::Status SnapshotPack::AddTree(const git_oid& id, const std::vector<git_tree*>& known,
                                   int depth) {
  if (depth > kMaxDepth) return absl::InvalidArgumentError("a tree is too deep to be packed");
  RETURN_IF_ERROR(
      GitStatus(git_packbuilder_insert(builder_.get(), &id, nullptr), "packing a tree"));
  ASSIGN_OR_RETURN(const GitTree tree, LookupTree(repo_, id));
  for (size_t i = 0; i < git_tree_entrycount(tree.get()); ++i) {
    const git_tree_entry* entry = git_tree_entry_byindex(tree.get(), i);
    const char* name = git_tree_entry_name(entry);
    const git_oid& child = *git_tree_entry_id(entry);
    const git_filemode_t mode = git_tree_entry_filemode(entry);
    if (mode == GIT_FILEMODE_COMMIT) continue;
    std::vector<GitTree> counterparts;
    ASSIGN_OR_RETURN(const bool there, Counterparts(repo_, known, name, child,
                                                    mode == GIT_FILEMODE_TREE, counterparts));
    if (there) continue;
    if (mode == GIT_FILEMODE_TREE) {
      RETURN_IF_ERROR(AddTree(child, Pointers(counterparts), depth + 1));
    } else {
      RETURN_IF_ERROR(
          GitStatus(git_packbuilder_insert(builder_.get(), &child, name), "packing a file"));
    }
  }
  return absl::OkStatus();
}

bool SnapshotPack::empty() const { return git_packbuilder_object_count(builder_.get()) == 0; }

absl::StatusOr<PackFile> SnapshotPack::Write(const std::string& path) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  Output out;
  out.fd = fd.get();
  const int result = git_packbuilder_foreach(builder_.get(), &OnBytes, &out);
  RETURN_IF_ERROR(out.status);
  RETURN_IF_ERROR(GitStatus(result, "packing what is sent"));
  return PackFile{path, out.hash.Hex(), out.bytes};
}

}  // namespace handoff
