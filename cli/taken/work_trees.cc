#include "cli/taken/work_trees.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "cli/snapshot/own_git.h"
#include "cli/snapshot/repository.h"
#include "cli/taken/in_the_way.h"
#include "common/file.h"
#include "common/git/objects.h"
#include "common/status.h"

namespace handoff {
namespace {

// Filters may fetch what they need.
constexpr absl::Duration kMostTime = absl::Hours(1);
constexpr uint64_t kMostIndex = uint64_t{1} << 30;

// Its words are about what is here, not about a coordinator that does not answer.
absl::StatusOr<std::string> Git(const std::string& root, std::vector<std::string> arguments,
                                std::vector<std::string> settings = {}) {
  const std::string what = arguments[0];
  auto said = RunOwnGit(root, std::move(arguments), std::move(settings), "", kMostTime);
  if (said.ok()) return said;
  return absl::FailedPreconditionError(
      absl::StrCat("git ", what, " in ", root, ": ", said.status().message()));
}

// Of that work tree, wherever git keeps it.
absl::StatusOr<std::string> IndexOf(const std::string& path) {
  ASSIGN_OR_RETURN(const GitRepository repo, OpenAround(path));
  return absl::StrCat(git_repository_path(repo.get()), "index");
}

absl::Status PutIndex(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return ErrnoToStatus(errno, absl::StrCat("renaming to ", to));
}

// git's own lock on an index, holding a copy of it that git is told to use instead.
class LockedIndex {
 public:
  static absl::StatusOr<LockedIndex> Take(const std::string& path) {
    LockedIndex locked;
    ASSIGN_OR_RETURN(locked.index_, IndexOf(path));
    ASSIGN_OR_RETURN(const std::string bytes, ReadFile(locked.index_, kMostIndex));
    const std::string lock = locked.index_ + ".lock";
    const auto fd = OpenFile(lock, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (absl::IsAlreadyExists(fd.status())) {
      return absl::FailedPreconditionError(
          absl::StrCat(lock, " is there: another git works in ", path,
                       ", or one was killed. Nothing was changed; try again when it is gone"));
    }
    RETURN_IF_ERROR(fd.status());
    locked.lock_ = lock;
    RETURN_IF_ERROR(WriteAll(fd->get(), bytes));
    return locked;
  }
  LockedIndex(LockedIndex&& other) noexcept
      : index_(std::move(other.index_)), lock_(std::exchange(other.lock_, "")) {}
  LockedIndex& operator=(LockedIndex&&) = delete;
  ~LockedIndex() {
    if (!lock_.empty()) ::unlink(lock_.c_str());
  }

  const std::string& file() const { return lock_; }
  absl::Status Commit() {
    RETURN_IF_ERROR(PutIndex(lock_, index_));
    lock_.clear();
    return absl::OkStatus();
  }

 private:
  LockedIndex() = default;
  std::string index_, lock_;
};

std::string TakenRef(const std::string& id) { return absl::StrCat("refs/handoff/", id, "/taken"); }
std::string BeforeRef(const std::string& id) {
  return absl::StrCat("refs/handoff/", id, "/before");
}

// Every object of the directory into the repository's own.
absl::Status CopyObjects(const std::string& directory, git_repository* repo) {
  ASSIGN_OR_RETURN(const GitOdb from, MakeObjectDatabase(""));
  RETURN_IF_ERROR(AddObjects(from.get(), directory, /*follow_alternates=*/false));
  GitOdb to;
  RETURN_IF_ERROR(GitStatus(git_repository_odb(to.out(), repo), "opening the objects"));
  struct Copy {
    git_odb *from, *to;
  } copy = {from.get(), to.get()};
  const auto each = [](const git_oid* id, void* payload) {
    const Copy& both = *static_cast<Copy*>(payload);
    GitOdbObject object;
    const int read = git_odb_read(object.out(), both.from, id);
    if (read != 0) return read;
    git_oid written;
    return git_odb_write(&written, both.to, git_odb_object_data(object.get()),
                         git_odb_object_size(object.get()), git_odb_object_type(object.get()));
  };
  return GitStatus(git_odb_foreach(from.get(), each, &copy), "keeping how your files are");
}

absl::Status CheckFilesAreGits(const std::string& path, const WorkTreeSwitch& how,
                               const TakenWork& work) {
  ASSIGN_OR_RETURN(const GitRepository repo, OpenAround(path));
  GitOdb odb;
  RETURN_IF_ERROR(GitStatus(git_repository_odb(odb.out(), repo.get()), "opening the objects"));
  RETURN_IF_ERROR(AddObjects(odb.get(), how.objects, /*follow_alternates=*/false));
  return CheckNothingInTheWay(repo.get(), path, how.from, work.tree);
}

// What is there now, before any of it changes.
absl::Status KeepBefore(const std::string& path, const WorkTreeSwitch& how) {
  ASSIGN_OR_RETURN(const GitRepository repo, OpenAround(path));
  RETURN_IF_ERROR(CopyObjects(how.objects, repo.get()));
  GitReference made;
  const std::string ref = BeforeRef(how.id);
  return GitStatus(git_reference_create(made.out(), repo.get(), ref.c_str(), &how.state,
                                        /*force=*/1, "handoff takeover"),
                   absl::StrCat("setting ", ref));
}

absl::Status NameBefore(const std::string& id, const absl::Status& why, const std::string& files) {
  return absl::Status(why.code(), absl::StrCat(why.message(), ". ", files, "How they were before ",
                                               "is kept as ", BeforeRef(id)));
}

// HEAD and the index that is locked, after the files. The branch is where it was when one fails.
absl::Status FollowFiles(const std::string& path, const WorkTreeSwitch& how, const TakenWork& work,
                         const std::vector<std::string>& settings) {
  const std::string branch = absl::StrCat("refs/heads/", how.branch), head = OidText(work.head);
  RETURN_IF_ERROR(Git(path, {"read-tree", "--reset", OidText(work.index_tree)}, settings).status());
  const auto move = [&](const std::string& to, const std::string& from) {
    return Git(path, {"update-ref", "-m", "handoff takeover", branch, to, from}).status();
  };
  if (how.tip.has_value()) RETURN_IF_ERROR(move(head, OidText(*how.tip)));
  const absl::Status named =
      Git(path, {"symbolic-ref", "-m", "handoff takeover", "HEAD", branch}).status();
  if (!named.ok() && how.tip.has_value()) move(OidText(*how.tip), head).IgnoreError();
  return named;
}

}  // namespace

absl::StatusOr<TakenWork> ReadTakenWork(git_repository* repo, const std::string& commit,
                                        bool plain) {
  ASSIGN_OR_RETURN(const git_oid id, ParseOid(commit));
  ASSIGN_OR_RETURN(const GitCommit state, LookupCommit(repo, id));
  TakenWork work;
  work.head = id;
  work.tree = work.index_tree = *git_commit_tree_id(state.get());
  if (plain) return work;
  const unsigned parents = git_commit_parentcount(state.get());
  if (parents == 0) {
    return absl::FailedPreconditionError(
        "the agent left a branch without a commit, which cannot be a work tree here. Nothing was "
        "changed; --on-host takes its workspace");
  }
  work.head = *git_commit_parent_id(state.get(), 0);
  const git_oid staged = *git_commit_parent_id(state.get(), parents > 1 ? 1 : 0);
  ASSIGN_OR_RETURN(const GitTree index, TreeOfCommit(repo, staged));
  work.index_tree = *git_tree_id(index.get());
  return work;
}

absl::StatusOr<std::vector<WorkTreePlace>> WorkTreesOf(const std::string& root) {
  ASSIGN_OR_RETURN(const std::string list, Git(root, {"worktree", "list", "--porcelain"}));
  std::vector<WorkTreePlace> places;
  for (absl::string_view line : absl::StrSplit(list, '\n')) {
    if (absl::ConsumePrefix(&line, "worktree ")) {
      places.push_back({std::string(line), "", false, places.empty()});
      places.back().gone = !PathExists(places.back().path);
    } else if (!places.empty() && absl::ConsumePrefix(&line, "branch refs/heads/")) {
      places.back().branch = std::string(line);
    }
  }
  return places;
}

bool IsUnfilled(const std::string& path) {
  const auto index = IndexOf(path);
  return index.ok() && !PathExists(*index);
}

absl::Status AddWorkTree(const std::string& root, const std::string& path,
                         const std::string& branch, bool replace) {
  std::vector<std::string> arguments = {"worktree", "add", "--quiet", "--no-checkout"};
  if (replace) arguments.push_back("--force");
  arguments.insert(arguments.end(), {path, branch});
  return Git(root, std::move(arguments)).status();
}

absl::Status FillWorkTree(const std::string& path, const TakenWork& work) {
  ASSIGN_OR_RETURN(const std::string index, IndexOf(path));
  // Only a whole one gets its name: until then it is one that was never filled.
  const std::string filling = index + ".handoff";
  RETURN_IF_ERROR(RemoveTree(filling));
  RETURN_IF_ERROR(RemoveTree(filling + ".lock"));
  const std::vector<std::string> settings = {absl::StrCat("GIT_INDEX_FILE=", filling)};
  RETURN_IF_ERROR(Git(path, {"read-tree", "--reset", "-u", OidText(work.tree)}, settings).status());
  RETURN_IF_ERROR(Git(path, {"read-tree", "--reset", OidText(work.index_tree)}, settings).status());
  return PutIndex(filling, index);
}

absl::Status SwitchWorkTree(const std::string& path, const WorkTreeSwitch& how,
                            const TakenWork& work) {
  ASSIGN_OR_RETURN(LockedIndex index, LockedIndex::Take(path));
  const std::vector<std::string> settings = {
      absl::StrCat("GIT_INDEX_FILE=", index.file()),
      absl::StrCat("GIT_ALTERNATE_OBJECT_DIRECTORIES=", how.objects)};
  const std::string from = OidText(how.from), to = OidText(work.tree);
  RETURN_IF_ERROR(Git(path, {"read-tree", "--reset", from}, settings).status());
  RETURN_IF_ERROR(Git(path, {"update-index", "-q", "--refresh"}, settings).status());
  RETURN_IF_ERROR(CheckFilesAreGits(path, how, work));
  RETURN_IF_ERROR(KeepBefore(path, how));
  // git looks at every file that it does not ignore before it touches one.
  absl::Status status = Git(path, {"read-tree", "-m", "-u", from, to}, settings).status();
  if (!status.ok()) return NameBefore(how.id, status, "");
  status = FollowFiles(path, how, work, settings);
  if (status.ok()) status = index.Commit();
  if (status.ok()) return status;
  // The index may be that of HEAD by now.
  absl::Status back = Git(path, {"read-tree", "--reset", to}, settings).status();
  if (back.ok()) back = Git(path, {"update-index", "-q", "--refresh"}, settings).status();
  if (back.ok()) back = Git(path, {"read-tree", "-m", "-u", to, from}, settings).status();
  return NameBefore(
      how.id, status,
      back.ok() ? "Your files are as they were. "
                : absl::StrCat("Your files could not be put back (", back.message(), "). "));
}

absl::Status RememberTaken(git_repository* repo, const std::string& id, const git_oid& commit) {
  GitReference made;
  const std::string ref = TakenRef(id);
  return GitStatus(
      git_reference_create(made.out(), repo, ref.c_str(), &commit, /*force=*/1, "handoff takeover"),
      absl::StrCat("setting ", ref));
}

std::optional<git_oid> TakenIn(git_repository* repo, const std::string& id) {
  git_oid commit;
  if (git_reference_name_to_id(&commit, repo, TakenRef(id).c_str()) != 0) return std::nullopt;
  return commit;
}

}  // namespace handoff
