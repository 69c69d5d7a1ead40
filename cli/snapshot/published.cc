#include "cli/snapshot/published.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cli/snapshot/repository.h"
#include "common/git/objects.h"
#include "common/status.h"

namespace handoff {
namespace {

bool IsCommit(git_odb* odb, const git_oid& id) {
  size_t size = 0;
  git_object_t type = GIT_OBJECT_INVALID;
  return git_odb_read_header(&size, &type, odb, &id) == 0 && type == GIT_OBJECT_COMMIT;
}

// Parents that are here: those beyond a shallow boundary are not.
std::vector<git_oid> ParentsHere(git_repository* repo, git_odb* odb, const git_oid& id,
                                 bool& all_here) {
  std::vector<git_oid> parents;
  all_here = true;
  const auto commit = LookupCommit(repo, id);
  if (!commit.ok()) return parents;
  // From the commit's text: libgit2 from 1.7 on hides the parents beyond a shallow boundary.
  for (absl::string_view line :
       absl::StrSplit(git_commit_raw_header(commit->get()), '\n', absl::SkipEmpty())) {
    git_oid parent;
    if (!absl::ConsumePrefix(&line, "parent ")) continue;
    if (git_oid_fromstr(&parent, std::string(line).c_str()) == 0 &&
        git_odb_exists(odb, &parent) != 0) {
      parents.push_back(parent);
    } else {
      all_here = false;
    }
  }
  return parents;
}

struct ByBytes {
  bool operator()(const git_oid& a, const git_oid& b) const { return git_oid_cmp(&a, &b) < 0; }
};
using OidSet = std::set<git_oid, ByBytes>;

}  // namespace

absl::StatusOr<Unpublished> PublishedHistory::Compare(const std::string& remote,
                                                      const git_oid& head,
                                                      const std::string& branch) {
  Unpublished out;
  const std::string root = git_repository_workdir(repo_);
  const auto origin = AskOrigin(root, remote);
  if (!origin.ok()) {
    out.message = std::string(origin.status().message());
    return out;
  }
  out.asked = true;
  const bool shallow = IsShallow(repo_);
  const auto walk = [&] {
    const auto tips = KnownTips(*origin);
    return shallow ? WalkShallow(tips, head, out) : Walk(tips, head, out);
  };
  RETURN_IF_ERROR(walk());
  if (out.connected && out.commits.empty()) return out;
  // Others pushed since the person fetched: the tips are unknown here, what they stand on is not.
  const auto branches = BranchesThatMatter(*origin, remote, branch, shallow);
  if (branches.empty()) return out;
  const std::string fetched = absl::StrCat(temp_, "/origin-objects");
  if (!FetchHistory(root, remote, branches, objects_, fetched).ok()) return out;
  RETURN_IF_ERROR(AddObjects(odb_, fetched, /*follow_alternates=*/false));
  RETURN_IF_ERROR(walk());
  return out;
}

std::vector<git_oid> PublishedHistory::KnownTips(const OriginRefs& origin) const {
  OidSet tips;
  for (const auto& [name, id] : origin.refs) {
    if (IsCommit(odb_, id)) tips.insert(id);
  }
  return std::vector<git_oid>(tips.begin(), tips.end());
}

// Of the branches whose tip is unknown here: the default one, the named one, the one that HEAD
// follows, and the one that has HEAD's name. Of a shallow clone not the default one: nothing here
// tells origin where to stop, so that all of its history would come.
std::vector<std::string> PublishedHistory::BranchesThatMatter(const OriginRefs& origin,
                                                              const std::string& remote,
                                                              const std::string& branch,
                                                              bool shallow) const {
  std::set<std::string> wanted = {absl::StrCat("refs/heads/", branch)};
  if (!shallow) wanted.insert(origin.default_branch);
  GitReference head;
  if (git_repository_head(head.out(), repo_) == 0 && git_reference_is_branch(head.get()) == 1) {
    const std::string name = git_reference_name(head.get());
    wanted.insert(name);
    GitBuffer upstream;
    if (git_branch_upstream_name(upstream.get(), repo_, name.c_str()) == 0) {
      const std::string tracking = upstream.str();
      absl::string_view rest = tracking;
      if (absl::ConsumePrefix(&rest, absl::StrCat("refs/remotes/", remote, "/"))) {
        wanted.insert(absl::StrCat("refs/heads/", rest));
      }
    }
  }
  std::vector<std::string> branches;
  for (const std::string& name : wanted) {
    const auto found = origin.refs.find(name);
    if (found != origin.refs.end() && !IsCommit(odb_, found->second)) branches.push_back(name);
  }
  return branches;
}

absl::Status PublishedHistory::Walk(const std::vector<git_oid>& tips, const git_oid& head,
                                    Unpublished& out) const {
  GitRevwalk walk;
  const std::string what = "listing the commits that origin does not have";
  RETURN_IF_ERROR(GitStatus(git_revwalk_new(walk.out(), repo_), what));
  git_revwalk_sorting(walk.get(), GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE);
  RETURN_IF_ERROR(GitStatus(git_revwalk_push(walk.get(), &head), what));
  for (const git_oid& tip : tips) {
    RETURN_IF_ERROR(GitStatus(git_revwalk_hide(walk.get(), &tip), what));
  }
  out.commits.clear();
  git_oid id;
  int result = 0;
  while ((result = git_revwalk_next(&id, walk.get())) == 0) out.commits.push_back(id);
  if (result != GIT_ITEROVER) return GitStatus(result, what);
  // A root among them means that HEAD's history and origin's never meet there.
  out.connected = out.commits.empty();
  OidSet own(out.commits.begin(), out.commits.end());
  for (const git_oid& commit : out.commits) {
    bool all_here = true;
    for (const git_oid& parent : ParentsHere(repo_, odb_, commit, all_here)) {
      if (!own.contains(parent)) out.connected = true;
    }
  }
  return absl::OkStatus();
}

// libgit2 1.5 knows nothing of shallow boundaries and would look for the parents beyond.
absl::Status PublishedHistory::WalkShallow(const std::vector<git_oid>& tips, const git_oid& head,
                                           Unpublished& out) const {
  OidSet published;
  bool all_here = true;
  std::vector<git_oid> waiting = tips;
  while (!waiting.empty()) {
    const git_oid id = waiting.back();
    waiting.pop_back();
    if (!published.insert(id).second) continue;
    for (const git_oid& parent : ParentsHere(repo_, odb_, id, all_here)) waiting.push_back(parent);
  }
  OidSet own;
  out.commits.clear();
  out.connected = true;
  waiting = {head};
  while (!waiting.empty()) {
    const git_oid id = waiting.back();
    waiting.pop_back();
    if (published.contains(id) || !own.insert(id).second) continue;
    out.commits.push_back(id);
    for (const git_oid& parent : ParentsHere(repo_, odb_, id, all_here)) waiting.push_back(parent);
    if (!all_here) out.connected = false;
  }
  std::reverse(out.commits.begin(), out.commits.end());
  return absl::OkStatus();
}

}  // namespace handoff
