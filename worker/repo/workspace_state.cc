#include "worker/repo/workspace_state.h"

#include <git2/sys/repository.h>
#include <sys/stat.h>

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/git/objects.h"
#include "common/git/work_tree.h"
#include "common/status.h"
#include "worker/repo/agent_index.h"
#include "worker/repo/git_dir.h"
#include "worker/repo/submodule_state.h"
#include "worker/repo/submodules.h"
#include "worker/repo/take_file.h"

namespace handoff {
namespace {

struct Entry {
  uint32_t mode = 0;
  git_oid id = {};
};

absl::Status Add(git_index* index, const std::string& path, const Entry& entry) {
  git_index_entry added = {};
  added.path = path.c_str();
  added.mode = entry.mode;
  added.id = entry.id;
  return GitStatus(git_index_add(index, &added), path);
}

std::optional<Entry> Find(git_tree* tree, const std::string& path) {
  git_tree_entry* entry = nullptr;
  if (tree == nullptr || git_tree_entry_bypath(&entry, tree, path.c_str()) != 0) return {};
  const Entry found = {static_cast<uint32_t>(git_tree_entry_filemode(entry)),
                       *git_tree_entry_id(entry)};
  git_tree_entry_free(entry);
  return found;
}

class StateReader {
 public:
  StateReader(const WorkspacePlaces& places, WorkspaceObjects& objects, NoteList& notes,
              RepoProgress& progress)
      : places_(places), objects_(objects), notes_(notes), progress_(progress) {}

  absl::StatusOr<WorkspaceState> Read() {
    ReadHeadCommit();
    NoteOperations();
    RETURN_IF_ERROR(OpenBase());
    RETURN_IF_ERROR(ReadIndex());
    RETURN_IF_ERROR(ListTracked());
    RETURN_IF_ERROR(ReadFiles());
    RETURN_IF_ERROR(WriteTree());
    return std::move(state_);
  }

 private:
  void ReadHeadCommit() {
    const auto head = ReadHead(places_.workspace);
    if (!head.ok()) {
      NoteHead(head.status().message());
      return;
    }
    state_.branch = head->branch;
    if (head->commit.empty()) {
      state_.unborn = true;
      return;
    }
    const auto id = ParseOid(head->commit);
    auto tree =
        id.ok() ? TreeOfCommit(objects_.all.get(), *id) : absl::StatusOr<GitTree>(id.status());
    if (!tree.ok()) {
      NoteHead(tree.status().message());
      return;
    }
    state_.has_head = true;
    state_.head = *id;
    head_tree_ = *std::move(tree);
  }

  void NoteHead(absl::string_view why) {
    notes_.Add(absl::StrCat("HEAD cannot be read (", why,
                            "); the checkpoint stands on the submitted commit instead"));
  }

  void NoteOperations() {
    const std::string git = absl::StrCat(places_.workspace, "/.git");
    struct stat info;
    if (::lstat(git.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return;
    const std::pair<const char*, const char*> operations[] = {
        {"rebase-merge", "rebase"}, {"rebase-apply", "rebase"},
        {"MERGE_HEAD", "merge"},    {"CHERRY_PICK_HEAD", "cherry-pick"},
        {"REVERT_HEAD", "revert"},  {"BISECT_LOG", "bisection"},
    };
    for (const auto& [file, name] : operations) {
      if (::lstat(absl::StrCat(git, "/", file).c_str(), &info) != 0) continue;
      notes_.Add(absl::StrCat("a ", name,
                              " was in progress; its state is not in the checkpoint, the files "
                              "are"));
    }
  }

  // Our own index says what is the same as when the workspace was made, without a look into it.
  absl::Status OpenBase() {
    ASSIGN_OR_RETURN(const git_oid base, ParseOid(places_.base_commit));
    base_index_ = absl::StrCat(places_.store, "/base-index");
    auto tree = TreeOfCommit(objects_.own.get(), base);
    if (tree.ok()) base_tree_ = *std::move(tree);
    if (PathExists(base_index_)) {
      return GitStatus(git_index_open(tracked_.out(), base_index_.c_str()), base_index_);
    }
    RETURN_IF_ERROR(tree.status());
    RETURN_IF_ERROR(GitStatus(git_index_new(tracked_.out()), base_index_));
    return GitStatus(git_index_read_tree(tracked_.get(), base_tree_.get()), base_index_);
  }

  absl::Status ReadIndex() {
    auto index = ReadAgentIndex(places_.workspace, absl::StrCat(objects_.shadow.path(), "/copy"));
    if (index.ok()) {
      index_ = *std::move(index);
      ASSIGN_OR_RETURN(state_.index_tree,
                       WriteIndexTree(index_.get(), head_tree_.get(), objects_.all.get(),
                                      objects_.all_odb.get(), notes_));
      return absl::OkStatus();
    }
    // After `git rm --cached` of everything, or before the first `git add`.
    const bool empty = absl::IsNotFound(index.status()) && state_.unborn;
    if (!empty) {
      notes_.Add(absl::StrCat("the index cannot be read (", index.status().message(),
                              "); what was staged is not in the checkpoint, the files are"));
    }
    RETURN_IF_ERROR(GitStatus(git_index_new(index_.out()), "listing the files of HEAD"));
    if (!head_tree_) return absl::OkStatus();
    return GitStatus(git_index_read_tree(index_.get(), head_tree_.get()),
                     "listing the files of HEAD");
  }

  // Besides what was submitted that which the agent tracks: it counts although it may be ignored.
  // Its content is always read, so that no object of the agent's is believed.
  absl::Status ListTracked() {
    std::string last;
    for (size_t i = 0; i < git_index_entrycount(index_.get()); ++i) {
      const git_index_entry& entry = *git_index_get_byindex(index_.get(), i);
      if (last == entry.path) continue;
      last = entry.path;
      if (git_index_get_bypath(tracked_.get(), last.c_str(), 0) != nullptr) continue;
      Entry added = {entry.mode, {}};
      if (entry.mode == GIT_FILEMODE_COMMIT) added.id = entry.id;
      // One that git does not track is found as untracked, and named then.
      Add(tracked_.get(), last, added).IgnoreError();
    }
    std::vector<std::string> folders;
    for (size_t i = 0; i < git_index_entrycount(tracked_.get()); ++i) {
      const git_index_entry& entry = *git_index_get_byindex(tracked_.get(), i);
      if (entry.mode == GIT_FILEMODE_COMMIT &&
          IsPlainFolder(absl::StrCat(places_.workspace, "/", entry.path))) {
        folders.emplace_back(entry.path);
      }
    }
    // What was a submodule is a folder with files now.
    for (const std::string& path : folders) git_index_remove(tracked_.get(), path.c_str(), 0);
    for (size_t i = 0; i < git_index_entrycount(tracked_.get()); ++i) {
      const git_index_entry& entry = *git_index_get_byindex(tracked_.get(), i);
      files_[entry.path] = {entry.mode, entry.id};
    }
    return absl::OkStatus();
  }

  absl::Status ReadFiles() {
    ASSIGN_OR_RETURN(const WorkTree tree,
                     WorkTree::Open(objects_.own.get(), tracked_.get(), base_index_));
    ASSIGN_OR_RETURN(const auto changes,
                     tree.Changes([this] { progress_.Report("comparing the work tree"); }));
    ASSIGN_OR_RETURN(submodules_, LoadSubmodules(absl::StrCat(places_.store, "/submodules.json")));
    for (size_t i = 0; i < changes.size(); ++i) {
      progress_.ReportPart("reading changed files", i, changes.size());
      if (!IsHandoffPath(changes[i].path)) RETURN_IF_ERROR(Take(tree, changes[i]));
    }
    return absl::OkStatus();
  }

  absl::Status Take(const WorkTree& tree, const PathChange& change) {
    switch (change.state) {
      case PathState::kDeleted:
        TakeDeleted(change.path);
        break;
      case PathState::kModified:
      case PathState::kSkipped:
      case PathState::kUntracked:
        Take(tree, change.path);
        break;
      case PathState::kUnreadable:
        LeaveOut(change.path, change.reason);
        break;
      case PathState::kIgnored:
        break;
      case PathState::kNested:
        notes_.Add(absl::StrCat(change.path, " is a repository of its own and left out"));
        break;
      case PathState::kSubmodule:
        files_[change.path].id = SubmoduleCommit(places_.workspace, change.path, change.id,
                                                 submodules_, notes_, progress_);
        break;
      case PathState::kSpecial:
        notes_.Add(absl::StrCat(change.path, " is a FIFO, socket or device and left out"));
        break;
    }
    return absl::OkStatus();
  }

  void Take(const WorkTree& tree, const std::string& path) {
    const auto taken =
        TakeFile(tree, places_.workspace, path, places_.max_file_bytes, objects_.own_odb.get());
    if (taken.ok()) {
      files_[path] = {taken->mode, taken->id};
    } else if (absl::IsNotFound(taken.status())) {
      files_.erase(path);
    } else if (absl::IsAborted(taken.status())) {
      LeaveOut(path, "unstable: it changed while it was read, twice");
    } else {
      LeaveOut(path, taken.status().message());
    }
  }

  // In a sparse checkout of the agent's it is not there because it is not wanted.
  void TakeDeleted(const std::string& path) {
    const git_index_entry* entry = git_index_get_bypath(index_.get(), path.c_str(), 0);
    if (entry != nullptr && (entry->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) != 0) {
      const auto committed = Find(head_tree_.get(), path);
      if (committed.has_value()) {
        files_[path] = *committed;
        return;
      }
    }
    files_.erase(path);
  }

  // The version before the agent's change, if there is one, does less harm than a deletion.
  void LeaveOut(const std::string& path, absl::string_view why) {
    const auto old = Find(state_.has_head ? head_tree_.get() : base_tree_.get(), path);
    const bool file = old.has_value() && old->mode != GIT_FILEMODE_TREE;
    const bool folder = absl::EndsWith(path, "/") || (old.has_value() && !file);
    if (file) {
      files_[path] = *old;
    } else if (!folder) {
      files_.erase(path);
    }
    notes_.Add(absl::StrCat(path, " is left out (", why, ")",
                            !file             ? ""
                            : state_.has_head ? "; the checkpoint has it as it is in HEAD"
                                              : "; the checkpoint has it as it was submitted"));
  }

  absl::Status WriteTree() {
    GitIndex out;
    RETURN_IF_ERROR(GitStatus(git_index_new(out.out()), "making the tree of the files"));
    for (const auto& [path, entry] : files_) {
      if (IsHandoffPath(path)) continue;
      // Below a folder that cannot be read.
      const auto old = git_oid_is_zero(&entry.id) != 0 ? Find(head_tree_.get(), path) : entry;
      if (!old.has_value()) continue;
      if (!Add(out.get(), path, *old).ok()) {
        notes_.Add(absl::StrCat(path, " has a name that git does not track, and is left out"));
      }
    }
    return GitStatus(git_index_write_tree_to(&state_.work_tree, out.get(), objects_.own.get()),
                     "writing the tree of the files");
  }

  const WorkspacePlaces& places_;
  WorkspaceObjects& objects_;
  NoteList& notes_;
  RepoProgress& progress_;
  WorkspaceState state_;
  GitTree head_tree_, base_tree_;
  std::string base_index_;
  GitIndex index_;                      // the agent's; HEAD's files when it cannot be read
  GitIndex tracked_;                    // ours, and what the agent tracks besides
  std::map<std::string, Entry> files_;  // of the tree to write
  std::vector<PreparedSubmodule> submodules_;
};

absl::Status OpenShadow(const std::string& path, git_odb* odb, GitRepository& out) {
  RETURN_IF_ERROR(GitStatus(git_repository_init(out.out(), path.c_str(), 1), path));
  return GitStatus(git_repository_set_odb(out.get(), odb), path);
}

}  // namespace

absl::StatusOr<WorkspaceObjects> OpenWorkspaceObjects(const WorkspacePlaces& places,
                                                      NoteList& notes) {
  ASSIGN_OR_RETURN(TempDir shadow, TempDir::Make("handoff-checkpoint-"));
  WorkspaceObjects out = {{}, {}, {}, {}, std::move(shadow)};
  for (GitOdb* odb : {&out.own_odb, &out.all_odb}) {
    ASSIGN_OR_RETURN(*odb, MakeObjectDatabase(places.fresh));
    for (const std::string& ours : {places.store, places.mirror}) {
      RETURN_IF_ERROR(AddObjects(odb->get(), absl::StrCat(ours, "/objects"), false));
    }
  }
  absl::Status sound;
  // Again when something went while it was looked at, as the temporary files of git do.
  for (int tries = 0; tries < 3 && places.agent_objects; ++tries) {
    sound = CheckObjects(places.workspace);
    if (!absl::IsNotFound(sound)) break;
  }
  if (sound.ok() && places.agent_objects) {
    RETURN_IF_ERROR(
        AddObjects(out.all_odb.get(), absl::StrCat(places.workspace, "/.git/objects"), false));
  } else if (!sound.ok()) {
    notes.Add(absl::StrCat("the agent's commits cannot be read (", sound.message(), ")"));
  }
  RETURN_IF_ERROR(OpenShadow(absl::StrCat(out.shadow.path(), "/own"), out.own_odb.get(), out.own));
  RETURN_IF_ERROR(OpenShadow(absl::StrCat(out.shadow.path(), "/all"), out.all_odb.get(), out.all));
  RETURN_IF_ERROR(GitStatus(git_repository_set_workdir(out.own.get(), places.workspace.c_str(), 0),
                            places.workspace));
  return out;
}

absl::StatusOr<WorkspaceState> ReadWorkspaceState(const WorkspacePlaces& places,
                                                  WorkspaceObjects& objects, NoteList& notes,
                                                  RepoProgress& progress) {
  return StateReader(places, objects, notes, progress).Read();
}

}  // namespace handoff
