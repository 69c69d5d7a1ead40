#include "cli/fetched/work_branch.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "common/hash.h"
#include "common/status.h"

namespace handoff {
namespace {

std::string RefOf(const WorkBranch& branch) { return absl::StrCat("refs/heads/", branch.branch); }

// What the last fetch into that branch made of it: it may be replaced as long as it is that. A hash
// of the name, since "a" and "a/b" cannot both be refs, and may come one after the other.
std::string FetchedRefOf(const WorkBranch& branch) {
  const bool own = branch.branch == absl::StrCat("handoff/", branch.id);
  return absl::StrCat("refs/handoff/", branch.id, own ? "/fetched" : "/fetched-as/",
                      own ? "" : Sha256Hex(branch.branch).substr(0, 16));
}

absl::StatusOr<std::optional<git_oid>> Target(git_repository* repo, const std::string& ref) {
  git_oid id;
  const int result = git_reference_name_to_id(&id, repo, ref.c_str());
  if (result == GIT_ENOTFOUND) return std::nullopt;
  RETURN_IF_ERROR(GitStatus(result, absl::StrCat("reading ", ref)));
  return id;
}

// Here or in a linked work tree; also when HEAD names it before its first commit.
bool IsCheckedOut(git_repository* repo, const std::string& ref) {
  GitReference head, reference;
  const bool here = git_reference_lookup(head.out(), repo, "HEAD") == 0 &&
                    git_reference_type(head.get()) == GIT_REFERENCE_SYMBOLIC &&
                    git_reference_symbolic_target(head.get()) == ref;
  if (here) return git_repository_is_bare(repo) == 0;
  return git_reference_lookup(reference.out(), repo, ref.c_str()) == 0 &&
         git_branch_is_checked_out(reference.get()) == 1;
}

absl::Status MoveRef(git_repository* repo, const std::string& ref, const git_oid& to,
                     const std::optional<git_oid>& from, const std::string& why) {
  GitReference made;
  const int result = from.has_value()
                         ? git_reference_create_matching(made.out(), repo, ref.c_str(), &to, 1,
                                                         &*from, why.c_str())
                         : git_reference_create(made.out(), repo, ref.c_str(), &to, 0, why.c_str());
  const bool gone = result == GIT_ENOTFOUND && from.has_value();
  if (result == GIT_EMODIFIED || result == GIT_EEXISTS || gone) {
    return absl::AbortedError(absl::StrCat(
        ref, " was changed by somebody else just now; it was left as it is. Try again"));
  }
  return GitStatus(result, absl::StrCat("setting ", ref));
}

}  // namespace

absl::StatusOr<std::optional<git_oid>> CheckBranch(const FetchedObjects& objects,
                                                   git_repository* own, const git_oid& tip,
                                                   const WorkBranch& branch) {
  ASSIGN_OR_RETURN(const auto now, Target(own, RefOf(branch)));
  if (now.has_value() && SameOid(*now, tip)) return now;
  const bool fetches = branch.verb == "fetch";
  if (IsCheckedOut(own, RefOf(branch))) {
    return absl::FailedPreconditionError(
        absl::StrCat("branch ", branch.branch,
                     " is checked out, and moving it would leave your files behind. "
                     "Nothing was changed: check out another branch first",
                     fetches ? ", or use --as NAME" : ""));
  }
  if (!now.has_value()) return now;
  ASSIGN_OR_RETURN(const auto fetched, Target(own, FetchedRefOf(branch)));
  if (fetched.has_value() && SameOid(*fetched, *now)) return now;
  if (git_graph_descendant_of(objects.repo(), &tip, &*now) == 1) return now;
  return absl::FailedPreconditionError(absl::StrCat(
      "branch ", branch.branch,
      " has commits that the handoff's work does not have. Nothing was "
      "changed: rename it (git branch -m ",
      branch.branch, " NAME) and ", fetches ? "fetch again, or use --as NAME" : "take over again"));
}

absl::StatusOr<bool> SetBranch(git_repository* own, const git_oid& tip,
                               const std::optional<git_oid>& seen, const WorkBranch& branch) {
  const std::string why = absl::StrCat("handoff ", branch.verb, ": attempt ", branch.attempt);
  const bool same = seen.has_value() && SameOid(*seen, tip);
  if (!same) RETURN_IF_ERROR(MoveRef(own, RefOf(branch), tip, seen, why));
  ASSIGN_OR_RETURN(const auto fetched, Target(own, FetchedRefOf(branch)));
  if (!fetched.has_value() || !SameOid(*fetched, tip)) {
    RETURN_IF_ERROR(MoveRef(own, FetchedRefOf(branch), tip, fetched, why));
  }
  return !same;
}

}  // namespace handoff
