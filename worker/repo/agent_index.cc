#include "worker/repo/agent_index.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/beneath.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr uint64_t kMaxIndex = 512 << 20;

bool IsIn(git_tree* tree, const char* path) {
  git_tree_entry* entry = nullptr;
  const bool found = tree != nullptr && git_tree_entry_bypath(&entry, tree, path) == 0;
  git_tree_entry_free(entry);
  return found;
}

}  // namespace

bool IsHandoffPath(absl::string_view path) {
  return absl::ConsumePrefix(&path, ".cursor/agent-handoffs") && (path.empty() || path[0] == '/');
}

absl::StatusOr<GitIndex> ReadAgentIndex(const std::string& workspace, const std::string& copy) {
  ASSIGN_OR_RETURN(const Beneath files, Beneath::Open(workspace));
  ASSIGN_OR_RETURN(const std::string content, files.Read(".git/index", kMaxIndex));
  RETURN_IF_ERROR(WriteFileAtomically(copy, content));
  GitIndex index;
  RETURN_IF_ERROR(GitStatus(git_index_open(index.out(), copy.c_str()), ".git/index"));
  return index;
}

absl::StatusOr<std::optional<git_oid>> WriteIndexTree(git_index* index, git_tree* head,
                                                      git_repository* repo, git_odb* odb,
                                                      NoteList& notes) {
  if (git_index_has_conflicts(index) != 0) {
    notes.Add("the index has conflicts; what was staged is not in the checkpoint, the files are");
    return std::nullopt;
  }
  GitIndex staged;
  RETURN_IF_ERROR(GitStatus(git_index_new(staged.out()), "copying the index"));
  size_t intended = 0;
  for (size_t i = 0; i < git_index_entrycount(index); ++i) {
    const git_index_entry& from = *git_index_get_byindex(index, i);
    if (IsHandoffPath(from.path) && !IsIn(head, from.path)) continue;
    if ((from.flags_extended & GIT_INDEX_ENTRY_INTENT_TO_ADD) != 0) {
      ++intended;
      continue;
    }
    git_index_entry entry = {};
    entry.path = from.path;
    entry.mode = from.mode;
    entry.id = from.id;
    const bool there = entry.mode == GIT_FILEMODE_COMMIT || git_odb_exists(odb, &entry.id) != 0;
    if (!there || git_index_add(staged.get(), &entry) != 0) {
      notes.Add(absl::StrCat("what was staged is not in the checkpoint, the files are: ",
                             there ? "the index names what git does not track: "
                                   : "the index names an object that is not there: ",
                             from.path));
      return std::nullopt;
    }
  }
  if (intended > 0) {
    notes.Add(absl::StrCat(intended,
                           " files were added with --intent-to-add; they are untracked "
                           "in the checkpoint"));
  }
  git_oid tree;
  RETURN_IF_ERROR(GitStatus(git_index_write_tree_to(&tree, staged.get(), repo),
                            "writing the tree of the index"));
  return tree;
}

}  // namespace handoff
