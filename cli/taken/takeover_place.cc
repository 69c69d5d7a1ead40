#include "cli/taken/takeover_place.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/snapshot/repository.h"
#include "cli/taken/taken_directory.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff {
namespace {

std::string BranchOf(const std::string& id) { return absl::StrCat("handoff/", id); }

// Of the repository itself, also from one of its linked work trees.
std::string MainFolder(git_repository* repo) {
  std::string folder = RealPath(git_repository_commondir(repo));
  folder = std::string(absl::StripSuffix(folder, "/"));
  folder = std::string(absl::StripSuffix(folder, "/.git"));
  return std::string(absl::StripSuffix(folder, ".git"));
}

absl::StatusOr<std::string> RootOf(git_repository* repo) {
  const char* const root = git_repository_workdir(repo);
  const std::string path = RealPath(root != nullptr ? root : git_repository_path(repo));
  return std::string(absl::StripSuffix(path, "/"));
}

bool IsEmptyFolder(const std::string& path) {
  const auto names = ListDirectory(path);
  return names.ok() && names->empty();
}

// A work tree that has the branch.
absl::StatusOr<TakeoverPlace> Existing(git_repository* repo, const WorkTreePlace& found,
                                       const std::string& id, const WantedPlace& wanted,
                                       TakeoverPlace place) {
  place.path = found.path;
  const bool elsewhere = (wanted.here && found.path != place.root) ||
                         (!wanted.directory.empty() && RealPath(wanted.directory) != found.path);
  if (!found.main && IsUnfilled(found.path)) {
    place.kind = TakeoverPlace::kUnfilled;
  } else if (ReadTakenRecord(found.path, id).has_value() ||
             // Where the record could not be put.
             (!found.main && TakenIn(repo, id).has_value())) {
    place.kind = TakeoverPlace::kTaken;
  } else {
    return absl::FailedPreconditionError(absl::StrCat(
        "branch ", BranchOf(id), " is checked out in ", found.path,
        ", which is no work tree of a takeover. Nothing was changed: check out another branch "
        "there first, or rename that one (git branch -m)"));
  }
  if (!elsewhere) return place;
  return absl::FailedPreconditionError(
      absl::StrCat("the work tree of ", id, " is ", found.path,
                   ". Nothing was changed: work there, or remove it first (git worktree remove ",
                   found.path, ")"));
}

absl::Status CheckFolder(const std::string& path) {
  ASSIGN_OR_RETURN(const bool there, IsThere(path));
  if (!there || IsEmptyFolder(path)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      path, " is there already and not empty. Nothing was changed: name another with --dir"));
}

absl::Status MovedOn(const std::string& what) {
  return absl::FailedPreconditionError(absl::StrCat(
      what,
      ", so --here would mix your changes with the agent's. Nothing was changed: "
      "leave --here out, and a work tree beside this one is made (--dir D says where)"));
}

// HEAD, which we would move, is a step of it.
absl::Status CheckNoOperation(const PersonWork& work) {
  const std::string operation = NoteOperation(work.repo());
  if (operation.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      work.root(), ": ", operation.substr(0, operation.find(';')),
      ", and taking over there would move HEAD under it. Nothing was changed: finish or abort it "
      "first"));
}

std::set<std::string> HeldBackPaths(const PersonState& state) {
  std::set<std::string> paths;
  for (const std::string& held : state.held_back) paths.insert(held.substr(0, held.find(": ")));
  return paths;
}

}  // namespace

absl::StatusOr<TakeoverPlace> ChoosePlace(git_repository* repo, const std::string& id,
                                          const WantedPlace& wanted) {
  TakeoverPlace place;
  ASSIGN_OR_RETURN(place.root, RootOf(repo));
  if (wanted.here && git_repository_is_bare(repo) != 0) {
    return absl::FailedPreconditionError(
        "this repository is bare: there is no work tree that --here could use");
  }
  ASSIGN_OR_RETURN(const std::vector<WorkTreePlace> all, WorkTreesOf(place.root));
  const auto found = std::find_if(all.begin(), all.end(), [&](const WorkTreePlace& each) {
    return each.branch == BranchOf(id) && !each.gone;
  });
  if (found != all.end()) return Existing(repo, *found, id, wanted, std::move(place));
  if (wanted.here) {
    place.kind = TakeoverPlace::kHere;
    place.path = place.root;
    return place;
  }
  place.path =
      wanted.directory.empty() ? absl::StrCat(MainFolder(repo), "-", id) : wanted.directory;
  RETURN_IF_ERROR(CheckFolder(place.path));
  place.replace = std::any_of(all.begin(), all.end(), [&](const WorkTreePlace& each) {
    return each.gone && (each.branch == BranchOf(id) || each.path == place.path);
  });
  return place;
}

absl::StatusOr<PersonState> CheckIsSubmitted(const PersonWork& work, const std::string& commit,
                                             const std::string& worktree_commit) {
  constexpr absl::string_view kEnding = "at submission\n";
  RETURN_IF_ERROR(CheckNoOperation(work));
  ASSIGN_OR_RETURN(PersonState state, work.Read({}, kEnding));
  if (OidText(state.head) != commit) {
    return MovedOn(absl::StrCat("HEAD is at ", OidText(state.head).substr(0, 10), ", and ",
                                commit.substr(0, 10), " was submitted"));
  }
  const auto is_same = [&](const PersonState& now) -> absl::StatusOr<bool> {
    if (!worktree_commit.empty()) return OidText(now.commit) == worktree_commit;
    ASSIGN_OR_RETURN(const GitTree head, TreeOfCommit(work.repo(), now.head));
    const git_oid& tree = *git_tree_id(head.get());
    return SameOid(now.work_tree, tree) && SameOid(now.index_tree, tree);
  };
  ASSIGN_OR_RETURN(bool same, is_same(state));
  if (!same && !state.held_back.empty()) {
    // They may have been sent with --include.
    ASSIGN_OR_RETURN(state, work.Read(HeldBackPaths(state), kEnding));
    ASSIGN_OR_RETURN(same, is_same(state));
  }
  if (same) return state;
  return MovedOn("files or index here are no longer those that were submitted");
}

absl::StatusOr<PersonState> CheckIsReturned(const PersonWork& work, const std::string& id,
                                            const std::string& returned_last) {
  RETURN_IF_ERROR(CheckNoOperation(work));
  const auto taken = TakenIn(work.repo(), id);
  const auto record = ReadTakenRecord(work.root(), id);
  std::set<std::string> include;
  git_oid head;
  if (taken.has_value() && git_reference_name_to_id(&head, work.repo(), "HEAD") == 0) {
    ASSIGN_OR_RETURN(const GitTree tree, TreeOfCommit(work.repo(), *taken));
    ASSIGN_OR_RETURN(include, FilesBeyond(work.repo(), head, *git_tree_id(tree.get())));
  }
  ASSIGN_OR_RETURN(PersonState state, work.Read(include, CheckpointEnding(id)));
  const std::string now = OidText(state.commit);
  const bool untouched = taken.has_value() && now == OidText(*taken);
  // The record lacks it where the answer to the return was lost.
  const bool returned = now == returned_last || (record.has_value() && now == record->returned);
  if ((untouched || returned) && state.branch == BranchOf(id)) return state;
  return absl::FailedPreconditionError(absl::StrCat(
      work.root(), " is of an earlier takeover of ", id,
      " and has work that was not returned. Nothing in it was changed: commit what you want to "
      "keep to another branch and remove it (git worktree remove), or use another clone"));
}

absl::Status MakePlace(const TakeoverPlace& place, const WantedTree& wanted,
                       const std::optional<PresentFiles>& present, const FetchedObjects& objects,
                       git_repository* own) {
  const git_oid& head = wanted.work.head;
  const bool moves = place.kind == TakeoverPlace::kTaken;
  std::optional<git_oid> seen;
  if (!moves) {
    ASSIGN_OR_RETURN(seen, CheckBranch(objects, own, head, wanted.branch));
  }
  RETURN_IF_ERROR(objects.Install(wanted.base));
  if (!moves) RETURN_IF_ERROR(SetBranch(own, head, seen, wanted.branch).status());
  if (place.kind == TakeoverPlace::kNew) {
    RETURN_IF_ERROR(AddWorkTree(place.root, place.path, wanted.branch.branch, place.replace));
  }
  if (present.has_value()) {
    WorkTreeSwitch how;
    how.id = wanted.branch.id;
    how.branch = wanted.branch.branch;
    how.from = present->state.work_tree;
    how.state = present->state.commit;
    how.objects = present->objects;
    if (moves) how.tip = present->state.head;
    RETURN_IF_ERROR(SwitchWorkTree(place.path, how, wanted.work));
  } else {
    RETURN_IF_ERROR(FillWorkTree(place.path, wanted.work));
  }
  return RememberTaken(own, wanted.branch.id, wanted.base);
}

std::vector<std::string> NotesOn(git_repository* repo, const TakenWork& work) {
  const auto tree = LookupTree(repo, work.tree);
  if (!tree.ok() || git_tree_entry_byname(tree->get(), ".gitmodules") == nullptr) return {};
  return {"submodules are empty folders until you run: git submodule update --init --recursive"};
}

}  // namespace handoff
