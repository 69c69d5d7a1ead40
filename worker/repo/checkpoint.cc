#include "worker/repo/checkpoint.h"

#include <cerrno>
#include <cstdio>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/file.h"
#include "common/git/git.h"
#include "common/git/objects.h"
#include "common/handoff/names.h"
#include "common/hash.h"
#include "common/status.h"
#include "common/text.h"
#include "worker/repo/checkpoint_pack.h"
#include "worker/repo/directory_lock.h"
#include "worker/repo/import_pack.h"
#include "worker/repo/last_attempt.h"
#include "worker/repo/note_list.h"
#include "worker/repo/session_files.h"
#include "worker/repo/workspace_state.h"

namespace handoff {
namespace {

constexpr size_t kMaxPacks = 32;  // then all of it is packed into one again
constexpr char kEmptyTree[] = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

absl::Status Validate(const CheckpointRequest& request) {
  RETURN_IF_ERROR(ValidateId(request.handoff_id));
  for (const std::string* path : {&request.workspace, &request.store, &request.mirror}) {
    if (!absl::StartsWith(*path, "/")) {
      return absl::InvalidArgumentError(absl::StrCat("'", *path, "' is not an absolute path"));
    }
  }
  for (const std::string* path : {&request.session_root, &request.pack_dir}) {
    if (!path->empty() && !absl::StartsWith(*path, "/")) {
      return absl::InvalidArgumentError(absl::StrCat("'", *path, "' is not an absolute path"));
    }
  }
  return absl::OkStatus();
}

class CheckpointTaker {
 public:
  CheckpointTaker(const CheckpointRequest& request, RepoProgress& progress)
      : request_(request), progress_(progress) {}

  absl::StatusOr<CheckpointResult> Run(absl::string_view ref_kind) {
    working_ = absl::StrCat(request_.store, "/checkpointing");
    RETURN_IF_ERROR(RemoveTree(working_));  // of one that was killed
    RETURN_IF_ERROR(MakeDirectories(working_));
    auto result = request_.repack ? Repack(ref_kind) : Take(ref_kind);
    RemoveTree(working_).IgnoreError();
    return result;
  }

 private:
  absl::StatusOr<CheckpointResult> Take(absl::string_view ref_kind) {
    RETURN_IF_ERROR(OpenStore());
    absl::Status status = Build(true);
    const auto is_final = [&] { return status.ok() || absl::IsResourceExhausted(status); };
    if (!is_final()) {
      // The agent's git may have been at it: a `git gc` removes packs that others have open.
      notes_ = NoteList();
      status = Build(true);
    }
    if (!is_final()) {
      // Whatever the agent did to its history, the files are worth keeping.
      notes_ = NoteList();
      notes_.Add(absl::StrCat("the agent's commits cannot be kept (", status.message(),
                              "); the checkpoint stands on the submitted commit instead"));
      status = Build(false);
    }
    RETURN_IF_ERROR(status);
    RETURN_IF_ERROR(SetRef(ref_kind, commit_));
    if (session_.has_value()) RETURN_IF_ERROR(SetRef("session", *session_));
    result_.notes = notes_.Take();
    return std::move(result_);
  }

  // The state that is kept already, whatever the workspace is like by now.
  absl::StatusOr<CheckpointResult> Repack(absl::string_view ref_kind) {
    RETURN_IF_ERROR(OpenStore());
    RETURN_IF_ERROR(GitStatus(
        git_reference_name_to_id(&commit_, store_.get(), RefName(ref_kind).c_str()), "the state"));
    git_oid session;
    if (git_reference_name_to_id(&session, store_.get(), RefName("session").c_str()) == 0)
      session_ = session;
    result_.commit = OidText(commit_);
    result_.session_tree = session_.has_value() ? OidText(*session_) : "";
    RETURN_IF_ERROR(Pack(store_.get()));
    return std::move(result_);
  }

  absl::Status OpenStore() {
    RETURN_IF_ERROR(
        GitStatus(git_repository_open_bare(store_.out(), request_.store.c_str()), request_.store));
    RETURN_IF_ERROR(GitStatus(git_repository_odb(store_odb_.out(), store_.get()), request_.store));
    ASSIGN_OR_RETURN(base_, ParseOid(request_.base_commit));
    submitted_ = base_;
    if (!request_.worktree_commit.empty()) {
      ASSIGN_OR_RETURN(submitted_, ParseOid(request_.worktree_commit));
    }
    git_oid instead;
    const std::string name = absl::StrCat("refs/handoff/", request_.handoff_id, "/instead");
    if (git_reference_name_to_id(&instead, store_.get(), name.c_str()) == 0) instead_ = instead;
    return absl::OkStatus();
  }

  bool StoreHas(const git_oid& id) const { return git_odb_exists(store_odb_.get(), &id) != 0; }
  std::optional<git_oid> InStore(const std::string& hex) const {
    const auto id = ParseOid(hex);
    if (!id.ok() || !StoreHas(*id)) return std::nullopt;
    return *id;
  }

  absl::Status Build(bool agent_objects) {
    WorkspacePlaces places;
    places.workspace = request_.workspace;
    places.store = request_.store;
    places.mirror = request_.mirror;
    places.fresh = absl::StrCat(working_, "/objects");
    places.base_commit = OidText(submitted_);
    places.max_file_bytes = request_.max_file_bytes;
    places.agent_objects = agent_objects;
    ASSIGN_OR_RETURN(WorkspaceObjects objects, OpenWorkspaceObjects(places, notes_));
    ASSIGN_OR_RETURN(const WorkspaceState state,
                     ReadWorkspaceState(places, objects, notes_, progress_));
    RETURN_IF_ERROR(MakeCommit(state, objects));
    session_.reset();
    if (!request_.session_root.empty()) {
      ASSIGN_OR_RETURN(session_, WriteSessionTree(request_.session_root, request_.session_files,
                                                  request_.max_file_bytes, objects.own.get(),
                                                  objects.own_odb.get(), notes_));
    }
    result_ = CheckpointResult();
    result_.commit = OidText(commit_);
    if (state.has_head || !state.unborn) result_.head_commit = OidText(Head(state));
    result_.branch = state.branch;
    result_.submitted_commit = OidText(submitted_);
    if (session_.has_value()) result_.session_tree = OidText(*session_);
    return Pack(objects.all.get());
  }

  // What the checkpoint stands on.
  const git_oid& Head(const WorkspaceState& state) const {
    return state.has_head ? state.head : base_;
  }

  // As a stash. Nothing of now is in it, so that the same state is the same commit.
  absl::Status MakeCommit(const WorkspaceState& state, WorkspaceObjects& objects) {
    std::vector<git_oid> parents;
    git_time_t time = 0;
    if (!state.unborn) {
      ASSIGN_OR_RETURN(const GitCommit head, LookupCommit(objects.all.get(), Head(state)));
      time = git_commit_time(head.get());
      parents.push_back(Head(state));
      const bool staged = state.index_tree.has_value() &&
                          !SameOid(*state.index_tree, *git_commit_tree_id(head.get()));
      if (staged) {
        ASSIGN_OR_RETURN(const git_oid index,
                         WriteCommit(*state.index_tree, parents, time, "Index", objects));
        parents.push_back(index);
      }
    } else if (state.index_tree.has_value() && OidText(*state.index_tree) != kEmptyTree) {
      notes_.Add(
          "HEAD is a branch without a commit; what was staged is untracked in the checkpoint");
    }
    ASSIGN_OR_RETURN(commit_, WriteCommit(state.work_tree, parents, time, "Work tree", objects));
    return absl::OkStatus();
  }

  absl::StatusOr<git_oid> WriteCommit(const git_oid& tree, const std::vector<git_oid>& parents,
                                      git_time_t time, absl::string_view what,
                                      WorkspaceObjects& objects) {
    std::string text = absl::StrCat("tree ", OidText(tree), "\n");
    for (const git_oid& parent : parents) absl::StrAppend(&text, "parent ", OidText(parent), "\n");
    const std::string who = absl::StrCat("Handoff <handoff@localhost> ", time, " +0000\n");
    absl::StrAppend(&text, "author ", who, "committer ", who, "\n", what,
                    " at a checkpoint\n\nHandoff: ", request_.handoff_id, "\n");
    git_oid id;
    RETURN_IF_ERROR(GitStatus(
        git_odb_write(&id, objects.own_odb.get(), text.data(), text.size(), GIT_OBJECT_COMMIT),
        what));
    return id;
  }

  absl::Status Pack(git_repository* objects) {
    const bool unchanged = result_.commit == request_.stored_commit &&
                           result_.session_tree == request_.stored_session_tree;
    if (unchanged) result_.packs = request_.stored_packs;
    if (unchanged && StoreHas(commit_)) return absl::OkStatus();
    auto stored = InStore(request_.stored_commit);
    // Its packs lean on history that is gone.
    if (stored.has_value() && instead_.has_value() &&
        !CheckHistory(store_.get(), *stored, {}).ok()) {
      stored.reset();
    }
    const bool continues = stored.has_value() && request_.stored_packs.size() < kMaxPacks;
    PackContents contents = Elsewhere();
    contents.commits.push_back(commit_);
    if (session_.has_value()) contents.trees.push_back(*session_);
    if (continues) {
      contents.known_commits.push_back(*stored);
      const auto session = InStore(request_.stored_session_tree);
      if (session.has_value()) contents.known_trees.push_back(*session);
    }
    ASSIGN_OR_RETURN(const auto list, ListObjects(objects, contents, progress_));
    if (list.empty()) {  // what is gone is nothing to send
      result_.packs = request_.stored_packs;
      return absl::OkStatus();
    }
    const std::string temp =
        request_.pack_dir.empty()
            ? absl::StrCat(working_, "/pack")
            : absl::StrCat(request_.pack_dir, "/", request_.handoff_id, ".packing");
    auto packed = WritePack(objects, list, temp, progress_);
    absl::Status status = packed.status();
    if (status.ok()) {
      status = ImportPack(temp, store_.get(), "the checkpoint's own pack", progress_).status();
    }
    if (!status.ok()) {
      RemoveTree(temp).IgnoreError();
      return status;
    }
    if (unchanged || request_.pack_dir.empty()) return RemoveTree(temp);
    return Offer(temp, *packed, continues);
  }

  // The commits of the submission, and origin's default branch. A commit that is at origin on
  // another branch alone is packed: such a branch goes when it was merged, and its commits with it.
  PackContents Elsewhere() {
    PackContents contents;
    GitRepository mirror;
    git_oid main;
    const bool has_main = git_repository_open_bare(mirror.out(), request_.mirror.c_str()) == 0 &&
                          git_reference_name_to_id(&main, mirror.get(), "HEAD") == 0 &&
                          StoreHas(main);
    bool submitted = true;
    if (has_main) {
      contents.known_commits.push_back(main);
      GitOdb odb;
      const bool fetched = git_repository_odb(odb.out(), mirror.get()) == 0 &&
                           git_odb_exists(odb.get(), &base_) != 0;
      submitted = !fetched || SameOid(main, base_) ||
                  git_graph_descendant_of(mirror.get(), &main, &base_) == 1;
    }
    if (instead_.has_value()) submitted = false;
    for (const git_oid& id : {submitted_, base_}) {
      if (!StoreHas(id)) continue;
      (submitted ? contents.known_commits : contents.commits).push_back(id);
    }
    return contents;
  }

  absl::Status Offer(const std::string& temp, const PackedFile& packed, bool continues) {
    if (request_.max_pack_bytes > 0 && packed.bytes > request_.max_pack_bytes) {
      result_.too_large = absl::StrCat(
          "what is new in the checkpoint packs to ", HumanBytes(packed.bytes), ", more than ",
          HumanBytes(request_.max_pack_bytes),
          "; it is kept on this worker only. Add large files that can be made again to .gitignore");
      return RemoveTree(temp);
    }
    const std::string path = absl::StrCat(request_.pack_dir, "/", packed.sha256, ".pack");
    if (std::rename(temp.c_str(), path.c_str()) != 0) {
      return ErrnoToStatus(errno, absl::StrCat("renaming to ", path));
    }
    if (continues) result_.packs = request_.stored_packs;
    result_.packs.push_back({packed.sha256, packed.bytes});
    return absl::OkStatus();
  }

  std::string RefName(absl::string_view kind) const {
    return absl::StrCat("refs/handoff/", request_.handoff_id, "/", kind, "-", request_.attempt);
  }

  absl::Status SetRef(absl::string_view kind, const git_oid& target) {
    const std::string name = RefName(kind);
    // One that was killed cannot have another's lock: ours is on the whole store.
    RETURN_IF_ERROR(RemoveTree(absl::StrCat(request_.store, "/", name, ".lock")));
    GitReference ref;
    return GitStatus(
        git_reference_create(ref.out(), store_.get(), name.c_str(), &target, 1, nullptr),
        absl::StrCat("keeping ", name));
  }

  const CheckpointRequest& request_;
  RepoProgress& progress_;
  std::string working_;  // in the store, gone at the end
  GitRepository store_;
  GitOdb store_odb_;
  git_oid base_ = {}, submitted_ = {}, commit_ = {};
  std::optional<git_oid> instead_;  // of history that is gone: in no pack and not at origin
  std::optional<git_oid> session_;
  NoteList notes_;
  CheckpointResult result_;
};

}  // namespace

absl::StatusOr<CheckpointResult> TakeCheckpoint(const CheckpointRequest& request,
                                                RepoProgress& progress) {
  RETURN_IF_ERROR(Validate(request));
  ASSIGN_OR_RETURN(
      const UniqueFd lock,
      LockDirectory(request.store, "an earlier checkpoint of this workspace to end", progress));
  ASSIGN_OR_RETURN(auto result, CheckpointTaker(request, progress).Run("attempt"));
  RETURN_IF_ERROR(RememberAttempt(request.store, request.attempt, {}));
  return result;
}

absl::StatusOr<CheckpointResult> KeepDisplaced(const CheckpointRequest& request,
                                               RepoProgress& progress) {
  RETURN_IF_ERROR(Validate(request));
  return CheckpointTaker(request, progress).Run("displaced");
}

}  // namespace handoff
