#include "worker/repo/prepare.h"

#include <cerrno>
#include <cstdio>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/beneath.h"
#include "common/file.h"
#include "common/git/git.h"
#include "common/git/url.h"
#include "common/handoff/names.h"
#include "common/status.h"
#include "worker/repo/checkpoint.h"
#include "worker/repo/checkpoint_pack.h"
#include "worker/repo/directory_lock.h"
#include "worker/repo/displace.h"
#include "worker/repo/git_dir.h"
#include "worker/repo/import_pack.h"
#include "worker/repo/last_attempt.h"
#include "worker/repo/mirror.h"
#include "worker/repo/restore.h"
#include "worker/repo/session_files.h"
#include "worker/repo/submodules.h"
#include "worker/repo/workspace.h"

namespace handoff {
namespace {

constexpr char kMarker[] = ".git/handoff";  // in the workspace: whose it is
constexpr absl::string_view kSubmitted = "the submitted pack";
constexpr char kPrepared[] = "prepared";  // in the store: the same, where the agent cannot write

absl::Status Validate(const PrepareRequest& request) {
  RETURN_IF_ERROR(ValidateId(request.handoff_id));
  if (!request.url.empty()) RETURN_IF_ERROR(ValidateRepositoryUrl(request.url));
  for (const std::string* path : {&request.mirror, &request.store, &request.workspace}) {
    if (!absl::StartsWith(*path, "/")) {
      return absl::InvalidArgumentError(absl::StrCat("'", *path, "' is not an absolute path"));
    }
  }
  int valid = 0;
  const std::string branch = absl::StrCat("refs/heads/", request.branch);
  if (git_reference_name_is_valid(&valid, branch.c_str()) != 0 || valid == 0 ||
      absl::StartsWith(request.branch, "-")) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", request.branch, "' is not a valid branch name"));
  }
  if (request.url.empty() && request.pack_path.empty()) {
    return absl::InvalidArgumentError("there is neither a repository address nor a submitted pack");
  }
  return absl::OkStatus();
}

// "<id> <base commit>"
absl::StatusOr<std::string> BaseOfMarker(const std::string& path, const std::string& id) {
  ASSIGN_OR_RETURN(const std::string content, ReadFile(path, 4096));
  absl::string_view rest = absl::StripSuffix(content, "\n");
  if (!absl::ConsumePrefix(&rest, absl::StrCat(id, " "))) {
    return absl::NotFoundError("it is another's");
  }
  return std::string(rest);
}

// What the workspace that is here was submitted at; refuses one that is another's.
absl::StatusOr<std::string> BaseOfWorkspace(const PrepareRequest& request) {
  auto base = BaseOfMarker(absl::StrCat(request.store, "/", kPrepared), request.handoff_id);
  if (base.ok()) return base;
  const auto marker = Beneath::Open(request.workspace);
  const auto content =
      marker.ok() ? marker->Read(kMarker, 4096) : absl::StatusOr<std::string>(marker.status());
  absl::string_view rest = content.ok() ? absl::StripSuffix(*content, "\n") : "";
  if (!absl::ConsumePrefix(&rest, absl::StrCat(request.handoff_id, " "))) {
    return absl::FailedPreconditionError(
        absl::StrCat(request.workspace, " exists and is not the workspace of ", request.handoff_id,
                     ". Nothing in it was touched; move it away to go on"));
  }
  return std::string(rest);
}

absl::StatusOr<PrepareResult> Reuse(const PrepareRequest& request) {
  PrepareResult result;
  ASSIGN_OR_RETURN(result.base_commit, BaseOfWorkspace(request));
  result.reused = true;
  // Of a preparation that the daemon did not live to hear of.
  if (request.attempt > 0) result.notes = NotesOfAttempt(request.store, request.attempt);
  const auto head = ReadHead(request.workspace);
  if (head.ok()) {
    result.head_commit = head->commit;
  } else {
    result.notes.push_back(
        absl::StrCat("the workspace of the earlier attempt is kept as it is, but "
                     "its HEAD cannot be read: ",
                     std::string(head.status().message())));
  }
  return result;
}

// Whether the workspace that is here is the one to go on in. It is also when it was made for this
// very attempt, by a preparation that the daemon did not live to hear of.
bool IsKept(const PrepareRequest& request) {
  if (!PathExists(request.workspace)) return false;
  const int last = LastAttempt(request.store);
  if (request.attempt > 0 && last == request.attempt) return true;
  return last >= request.checkpoint_attempt && !request.rebuild;
}

class Preparation {
 public:
  Preparation(const PrepareRequest& request, RepoProgress& progress)
      : request_(request), progress_(progress) {}

  absl::StatusOr<PrepareResult> Run() {
    ASSIGN_OR_RETURN(Mirror mirror, Mirror::Open(request_.mirror, progress_));
    RETURN_IF_ERROR(OpenStore(mirror));
    const absl::Status brought = BringObjects(mirror);
    if (!request_.checkpoint.empty()) RETURN_IF_ERROR(BringCheckpoint(mirror, brought.ok()));
    ASSIGN_OR_RETURN(spec_.refs, mirror.RefsOfClone());
    // From here on the mirror is only read, so others may fetch.
    { const Mirror done = std::move(mirror); }
    RETURN_IF_ERROR(ReadCommits(brought));
    // An earlier one may still be at it, when the daemon was killed and begins again.
    ASSIGN_OR_RETURN(
        const UniqueFd lock,
        LockDirectory(request_.store, "an earlier checkout of this workspace to end", progress_));
    if (IsKept(request_)) return Finish(Reuse(request_));
    if (PathExists(request_.workspace)) {
      ASSIGN_OR_RETURN(const std::string base, BaseOfWorkspace(request_));
      RETURN_IF_ERROR(Displace(request_, base, progress_, notes_));
    }
    RETURN_IF_ERROR(Build());
    PrepareResult result;
    if (!spec_.unborn) result.head_commit = OidText(spec_.head);
    result.base_commit = OidText(base_);
    result.notes = std::move(notes_);
    return Finish(std::move(result));
  }

  // The workspace is here as it is.
  absl::StatusOr<PrepareResult> RunReusing() {
    auto result = Reuse(request_);
    RETURN_IF_ERROR(result);
    if (!request_.session_tree.empty()) {
      RETURN_IF_ERROR(GitStatus(git_repository_open_bare(store_.out(), request_.store.c_str()),
                                request_.store));
      RETURN_IF_ERROR(ImportCheckpoint(request_, store_.get(), progress_));
    }
    return Finish(std::move(result));
  }

 private:
  absl::StatusOr<PrepareResult> Finish(absl::StatusOr<PrepareResult> result) {
    RETURN_IF_ERROR(result);
    if (!request_.session_tree.empty()) {
      ASSIGN_OR_RETURN(const git_oid session, ParseOid(request_.session_tree));
      RETURN_IF_ERROR(RestoreSession(store_.get(), session, request_.session_dir, progress_));
    }
    if (PathExists(request_.store)) {
      RETURN_IF_ERROR(RememberAttempt(request_.store, request_.attempt, {}));
    }
    return result;
  }

  absl::Status OpenStore(const Mirror& mirror) {
    const std::string info = absl::StrCat(request_.store, "/objects/info");
    RETURN_IF_ERROR(MakeDirectories(info));
    RETURN_IF_ERROR(MakeDirectories(absl::StrCat(request_.store, "/objects/pack")));
    RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(info, "/alternates"),
                                        absl::StrCat(mirror.objects(), "\n"), 0644));
    git_repository_init_options options;
    git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
    options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH;
    return GitStatus(git_repository_init_ext(store_.out(), request_.store.c_str(), &options),
                     absl::StrCat("making ", request_.store));
  }

  absl::Status BringObjects(Mirror& mirror) {
    if (!request_.commit.empty()) {
      ASSIGN_OR_RETURN(base_, ParseOid(request_.commit));
      if (IsSubmittedHere()) return absl::OkStatus();
    }
    if (!request_.pack_path.empty()) {
      RETURN_IF_ERROR(BringPack(mirror));
    } else if (request_.commit.empty()) {
      ASSIGN_OR_RETURN(base_, mirror.BringRef(request_.url, request_.ref, request_.credentials));
    } else {
      RETURN_IF_ERROR(mirror.Bring(request_.url, base_, request_.credentials));
    }
    return RefreshObjects();
  }

  absl::Status BringCheckpoint(Mirror& mirror, bool has_base) {
    RETURN_IF_ERROR(ImportCheckpoint(request_, store_.get(), progress_));
    RETURN_IF_ERROR(RefreshObjects());
    const auto base = has_base ? std::optional<git_oid>(base_) : std::nullopt;
    if (!has_base || request_.url.empty() || CheckCheckpoint(request_, store_.get(), base).ok()) {
      return absl::OkStatus();
    }
    // It leans on what origin's default branch got since this mirror was fetched.
    const absl::Status fetched = mirror.Fetch(request_.url, request_.credentials);
    if (!fetched.ok() && !absl::IsNotFound(fetched)) return fetched;
    return RefreshObjects();
  }

  absl::Status RefreshObjects() {
    GitOdb odb;
    RETURN_IF_ERROR(GitStatus(git_repository_odb(odb.out(), store_.get()), request_.store));
    return GitStatus(git_odb_refresh(odb.get()), request_.store);
  }

  // An earlier preparation on this host brought all of it.
  bool IsSubmittedHere() const {
    git_oid found;
    const std::string& submitted =
        request_.worktree_commit.empty() ? request_.commit : request_.worktree_commit;
    return git_reference_name_to_id(&found, store_.get(), SubmittedRef().c_str()) == 0 &&
           OidText(found) == submitted;
  }
  std::string SubmittedRef() const {
    return absl::StrCat("refs/handoff/", request_.handoff_id, "/submitted");
  }

  // The network is used only when the pack needs something that is not here.
  absl::Status BringPack(Mirror& mirror) {
    if (request_.commit.empty()) {
      return absl::InvalidArgumentError("a submitted pack needs the commit to start from");
    }
    // Of this host: nothing that a checkpoint could stand in for.
    if (!PathExists(request_.pack_path)) {
      return absl::InternalError(
          absl::StrCat("the submitted pack ", request_.pack_path, " was not downloaded"));
    }
    auto index = ImportPack(request_.pack_path, store_.get(), kSubmitted, progress_);
    absl::Status status = index.status();
    if (status.ok()) status = CheckConnected(*index, store_.get(), progress_);
    if (status.ok() && HasHead()) return absl::OkStatus();
    if (request_.pack_complete || request_.url.empty()) {
      if (status.ok()) status = absl::NotFoundError(absl::StrCat("it lacks ", request_.commit));
      return Annotate(status, "the submitted pack is not complete");
    }
    RETURN_IF_ERROR(mirror.Fetch(request_.url, request_.credentials));
    RETURN_IF_ERROR(OpenStore(mirror));
    if (!index.ok()) {
      index = ImportPack(request_.pack_path, store_.get(), kSubmitted, progress_);
      RETURN_IF_ERROR(index);
    }
    const std::string gone =
        absl::StrCat(WithoutCredentials(request_.url),
                     " no longer has what the submission builds on; submit again");
    RETURN_IF_ERROR(Annotate(CheckConnected(*index, store_.get(), progress_), gone));
    if (HasHead()) return absl::OkStatus();
    return mirror.Bring(request_.url, base_, request_.credentials);
  }

  bool HasHead() const {
    GitOdb odb;
    return git_repository_odb(odb.out(), store_.get()) == 0 &&
           git_odb_exists(odb.get(), &base_) != 0;
  }

  absl::Status ReadCommits(const absl::Status& brought) {
    std::optional<git_oid> base;
    if (brought.ok()) {
      RETURN_IF_ERROR(ReadSubmitted());
      base = base_;
    }
    if (request_.checkpoint.empty()) {
      RETURN_IF_ERROR(brought);
    } else {
      // Gone at its origin, which is for ever: what the checkpoint brought has to do.
      if (!brought.ok() && !absl::IsNotFound(brought)) return brought;
      if (!brought.ok() && !request_.commit.empty() && HasHead() &&
          CheckHistory(store_.get(), base_, {}).ok() && ReadSubmitted().ok()) {
        base = base_;
      }
      const auto restored = ReadCheckpoint(request_, store_.get(), base, notes_);
      RETURN_IF_ERROR(brought.ok() ? restored.status()
                                   : Annotate(restored.status(), brought.message()));
      RETURN_IF_ERROR(Restore(*restored, base.has_value()));
    }
    // Which nobody but this store has: a checkpoint must not take it for granted.
    const std::string instead = absl::StrCat("refs/handoff/", request_.handoff_id, "/instead");
    git_reference_remove(store_.get(), instead.c_str());
    if (!base.has_value()) RETURN_IF_ERROR(Keep(instead, base_));
    return Keep(SubmittedRef(), submitted_);
  }

  absl::Status Keep(const std::string& name, const git_oid& id) {
    GitReference ref;
    return GitStatus(git_reference_create(ref.out(), store_.get(), name.c_str(), &id, 1, nullptr),
                     absl::StrCat("keeping ", name));
  }

  absl::Status ReadSubmitted() {
    ASSIGN_OR_RETURN(const GitCommit head, LookupCommit(store_.get(), base_));
    spec_.head = submitted_ = base_;
    spec_.tree = spec_.index_tree = *git_commit_tree_id(head.get());
    spec_.branch = request_.branch;
    if (!request_.worktree_commit.empty()) {
      ASSIGN_OR_RETURN(submitted_, ParseOid(request_.worktree_commit));
      ASSIGN_OR_RETURN(const GitCommit state, LookupCommit(store_.get(), submitted_));
      const unsigned parents = git_commit_parentcount(state.get());
      if (parents < 1 || !SameOid(*git_commit_parent_id(state.get(), 0), base_)) {
        return absl::InvalidArgumentError(absl::StrCat(
            "work tree commit ", request_.worktree_commit, " does not stand on ", OidText(base_)));
      }
      spec_.tree = *git_commit_tree_id(state.get());
      if (parents > 1) {
        ASSIGN_OR_RETURN(const GitCommit index,
                         LookupCommit(store_.get(), *git_commit_parent_id(state.get(), 1)));
        spec_.index_tree = *git_commit_tree_id(index.get());
      }
    }
    spec_.base_tree = spec_.tree;
    return absl::OkStatus();
  }

  // The files are the checkpoint's; what they are compared with stays what was submitted.
  absl::Status Restore(const RestoredState& restored, bool has_base) {
    spec_.head = restored.head;
    spec_.unborn = restored.unborn;
    spec_.tree = restored.tree;
    spec_.index_tree = restored.index_tree;
    spec_.branch = restored.branch;
    if (has_base) return absl::OkStatus();
    if (restored.unborn) {
      return absl::NotFoundError("the submitted commit is gone, and the checkpoint has no other");
    }
    if (!restored.instead.has_value()) {
      notes_.push_back(absl::StrCat("the submitted commit ", request_.commit,
                                    " is gone at its origin; changes are counted from the "
                                    "checkpoint's HEAD"));
    }
    base_ = submitted_ = restored.head;
    ASSIGN_OR_RETURN(const GitTree tree, TreeOfCommit(store_.get(), base_));
    spec_.base_tree = *git_tree_id(tree.get());
    return absl::OkStatus();
  }

  // Of the submitted ones each has to be there.
  absl::Status MarkOptional(std::vector<CheckedOut::Submodule>& submodules) {
    ASSIGN_OR_RETURN(const GitTree base, LookupTree(store_.get(), spec_.base_tree));
    for (CheckedOut::Submodule& submodule : submodules) {
      git_tree_entry* entry = nullptr;
      const bool same = git_tree_entry_bypath(&entry, base.get(), submodule.path.c_str()) == 0 &&
                        SameOid(*git_tree_entry_id(entry), submodule.commit);
      git_tree_entry_free(entry);
      submodule.optional = !same;
    }
    return absl::OkStatus();
  }

  absl::Status Build() {
    const std::string temp = absl::StrCat(request_.workspace, ".preparing");
    RETURN_IF_ERROR(RemoveTree(temp));
    RETURN_IF_ERROR(RemoveTree(DisplacedPath(request_)));
    spec_.directory = temp;
    spec_.objects = {absl::StrCat(request_.store, "/objects"),
                     absl::StrCat(request_.mirror, "/objects")};
    spec_.url = request_.url;
    spec_.user_name = request_.user_name;
    spec_.user_email = request_.user_email;
    spec_.base_index = absl::StrCat(request_.store, "/base-index");
    ASSIGN_OR_RETURN(CheckedOut checked_out, MakeWorkspace(spec_, progress_));
    notes_.insert(notes_.end(), checked_out.notes.begin(), checked_out.notes.end());
    RETURN_IF_ERROR(MarkOptional(checked_out.submodules));
    ASSIGN_OR_RETURN(const auto submodules,
                     PrepareSubmodules(request_, temp, checked_out.submodules, progress_, notes_));
    RETURN_IF_ERROR(SaveSubmodules(absl::StrCat(request_.store, "/submodules.json"), submodules));
    const std::string marker = absl::StrCat(request_.handoff_id, " ", OidText(base_), "\n");
    RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(temp, "/", kMarker), marker));
    // Before it is there: else one that was killed in between would be displaced, in the place of
    // the workspace that it displaced.
    RETURN_IF_ERROR(RememberAttempt(request_.store, request_.attempt, notes_));
    if (std::rename(temp.c_str(), request_.workspace.c_str()) != 0) {
      return ErrnoToStatus(errno, absl::StrCat("renaming to ", request_.workspace));
    }
    return WriteFileAtomically(absl::StrCat(request_.store, "/", kPrepared), marker);
  }

  const PrepareRequest& request_;
  RepoProgress& progress_;
  GitRepository store_;
  git_oid base_ = {}, submitted_ = {};  // the submitted HEAD and files
  WorkspaceSpec spec_;
  std::vector<std::string> notes_;
};

}  // namespace

absl::StatusOr<PrepareResult> Prepare(const PrepareRequest& request, RepoProgress& progress) {
  RETURN_IF_ERROR(Validate(request));
  Preparation preparation(request, progress);
  return IsKept(request) ? preparation.RunReusing() : preparation.Run();
}

}  // namespace handoff
