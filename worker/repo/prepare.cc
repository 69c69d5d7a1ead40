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
#include "worker/repo/directory_lock.h"
#include "worker/repo/git_dir.h"
#include "worker/repo/import_pack.h"
#include "worker/repo/mirror.h"
#include "worker/repo/submodules.h"
#include "worker/repo/workspace.h"

namespace handoff {
namespace {

constexpr char kMarker[] = ".git/handoff";  // in the workspace: whose it is
constexpr char kPrepared[] = "prepared";    // in the store: the same, where the agent cannot write

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

absl::StatusOr<PrepareResult> Reuse(const PrepareRequest& request) {
  PrepareResult result;
  auto base = BaseOfMarker(absl::StrCat(request.store, "/", kPrepared), request.handoff_id);
  if (!base.ok()) {
    const auto marker = Beneath::Open(request.workspace);
    const auto content =
        marker.ok() ? marker->Read(kMarker, 4096) : absl::StatusOr<std::string>(marker.status());
    absl::string_view rest = content.ok() ? absl::StripSuffix(*content, "\n") : "";
    if (!absl::ConsumePrefix(&rest, absl::StrCat(request.handoff_id, " "))) {
      return absl::FailedPreconditionError(
          absl::StrCat(request.workspace, " exists and is not the workspace of ",
                       request.handoff_id, ". Nothing in it was touched; move it away to go on"));
    }
    base = std::string(rest);
  }
  result.base_commit = *base;
  result.reused = true;
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

class Preparation {
 public:
  Preparation(const PrepareRequest& request, RepoProgress& progress)
      : request_(request), progress_(progress) {}

  absl::StatusOr<PrepareResult> Run() {
    ASSIGN_OR_RETURN(Mirror mirror, Mirror::Open(request_.mirror, progress_));
    RETURN_IF_ERROR(OpenStore(mirror));
    RETURN_IF_ERROR(BringObjects(mirror));
    ASSIGN_OR_RETURN(spec_.refs, mirror.RefsOfClone());
    // From here on the mirror is only read, so others may fetch.
    { const Mirror done = std::move(mirror); }
    RETURN_IF_ERROR(ReadCommits());
    // An earlier one may still be at it, when the daemon was killed and begins again.
    ASSIGN_OR_RETURN(
        const UniqueFd lock,
        LockDirectory(request_.store, "an earlier checkout of this workspace to end", progress_));
    if (PathExists(request_.workspace)) return Reuse(request_);
    RETURN_IF_ERROR(Build());
    PrepareResult result;
    result.head_commit = result.base_commit = OidText(spec_.head);
    result.notes = std::move(notes_);
    return result;
  }

 private:
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
      ASSIGN_OR_RETURN(spec_.head, ParseOid(request_.commit));
    }
    if (!request_.pack_path.empty()) {
      RETURN_IF_ERROR(BringPack(mirror));
    } else if (request_.commit.empty()) {
      ASSIGN_OR_RETURN(spec_.head,
                       mirror.BringRef(request_.url, request_.ref, request_.credentials));
    } else {
      RETURN_IF_ERROR(mirror.Bring(request_.url, spec_.head, request_.credentials));
    }
    GitOdb odb;
    RETURN_IF_ERROR(GitStatus(git_repository_odb(odb.out(), store_.get()), request_.store));
    return GitStatus(git_odb_refresh(odb.get()), request_.store);
  }

  // The network is used only when the pack needs something that is not here.
  absl::Status BringPack(Mirror& mirror) {
    if (request_.commit.empty()) {
      return absl::InvalidArgumentError("a submitted pack needs the commit to start from");
    }
    auto index = ImportPack(request_.pack_path, store_.get(), progress_);
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
      index = ImportPack(request_.pack_path, store_.get(), progress_);
      RETURN_IF_ERROR(index);
    }
    const std::string gone =
        absl::StrCat(WithoutCredentials(request_.url),
                     " no longer has what the submission builds on; submit again");
    RETURN_IF_ERROR(Annotate(CheckConnected(*index, store_.get(), progress_), gone));
    if (HasHead()) return absl::OkStatus();
    return mirror.Bring(request_.url, spec_.head, request_.credentials);
  }

  bool HasHead() const {
    GitOdb odb;
    return git_repository_odb(odb.out(), store_.get()) == 0 &&
           git_odb_exists(odb.get(), &spec_.head) != 0;
  }

  absl::Status ReadCommits() {
    ASSIGN_OR_RETURN(const GitCommit head, LookupCommit(store_.get(), spec_.head));
    spec_.tree = spec_.index_tree = *git_commit_tree_id(head.get());
    git_oid submitted = spec_.head;
    if (!request_.worktree_commit.empty()) {
      ASSIGN_OR_RETURN(submitted, ParseOid(request_.worktree_commit));
      ASSIGN_OR_RETURN(const GitCommit state, LookupCommit(store_.get(), submitted));
      const unsigned parents = git_commit_parentcount(state.get());
      if (parents < 1 || !SameOid(*git_commit_parent_id(state.get(), 0), spec_.head)) {
        return absl::InvalidArgumentError(absl::StrCat("work tree commit ",
                                                       request_.worktree_commit,
                                                       " does not stand on ", OidText(spec_.head)));
      }
      spec_.tree = *git_commit_tree_id(state.get());
      if (parents > 1) {
        ASSIGN_OR_RETURN(const GitCommit index,
                         LookupCommit(store_.get(), *git_commit_parent_id(state.get(), 1)));
        spec_.index_tree = *git_commit_tree_id(index.get());
      }
    }
    GitReference ref;
    const std::string name = absl::StrCat("refs/handoff/", request_.handoff_id, "/submitted");
    return GitStatus(
        git_reference_create(ref.out(), store_.get(), name.c_str(), &submitted, 1, nullptr),
        absl::StrCat("keeping ", name));
  }

  absl::Status Build() {
    const std::string temp = absl::StrCat(request_.workspace, ".preparing");
    RETURN_IF_ERROR(RemoveTree(temp));
    spec_.directory = temp;
    spec_.objects = {absl::StrCat(request_.store, "/objects"),
                     absl::StrCat(request_.mirror, "/objects")};
    spec_.url = request_.url;
    spec_.branch = request_.branch;
    spec_.user_name = request_.user_name;
    spec_.user_email = request_.user_email;
    spec_.base_index = absl::StrCat(request_.store, "/base-index");
    ASSIGN_OR_RETURN(CheckedOut checked_out, MakeWorkspace(spec_, progress_));
    notes_ = std::move(checked_out.notes);
    ASSIGN_OR_RETURN(const auto submodules,
                     PrepareSubmodules(request_, temp, checked_out.submodules, progress_, notes_));
    RETURN_IF_ERROR(SaveSubmodules(absl::StrCat(request_.store, "/submodules.json"), submodules));
    const std::string marker = absl::StrCat(request_.handoff_id, " ", OidText(spec_.head), "\n");
    RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(temp, "/", kMarker), marker));
    if (std::rename(temp.c_str(), request_.workspace.c_str()) != 0) {
      return ErrnoToStatus(errno, absl::StrCat("renaming to ", request_.workspace));
    }
    return WriteFileAtomically(absl::StrCat(request_.store, "/", kPrepared), marker);
  }

  const PrepareRequest& request_;
  RepoProgress& progress_;
  GitRepository store_;
  WorkspaceSpec spec_;
  std::vector<std::string> notes_;
};

}  // namespace

absl::StatusOr<PrepareResult> Prepare(const PrepareRequest& request, RepoProgress& progress) {
  RETURN_IF_ERROR(Validate(request));
  if (PathExists(request.workspace)) return Reuse(request);
  return Preparation(request, progress).Run();
}

}  // namespace handoff
