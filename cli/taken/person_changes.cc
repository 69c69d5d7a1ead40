#include "cli/taken/person_changes.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "cli/fetched/work_diff.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr size_t kMostCommits = 50;
constexpr size_t kMostFiles = 100;

char MarkOf(git_delta_t status) {
  switch (status) {
    case GIT_DELTA_ADDED:
      return 'A';
    case GIT_DELTA_DELETED:
      return 'D';
    case GIT_DELTA_RENAMED:
      return 'R';
    case GIT_DELTA_TYPECHANGE:
      return 'T';
    default:
      return 'M';
  }
}

std::string PathOf(const git_diff_delta& delta) {
  const bool deleted = delta.status == GIT_DELTA_DELETED;
  return deleted ? delta.old_file.path : delta.new_file.path;
}

std::string Line(absl::string_view text, size_t most) {
  return OneLine(EscapeInvalidUtf8(text), most);
}

absl::Status ListCommits(git_repository* repo, const git_oid& from, const git_oid& to,
                         PersonChanges& out) {
  GitRevwalk walk;
  RETURN_IF_ERROR(GitStatus(git_revwalk_new(walk.out(), repo), "listing commits"));
  git_revwalk_sorting(walk.get(), GIT_SORT_TOPOLOGICAL);
  RETURN_IF_ERROR(GitStatus(git_revwalk_push(walk.get(), &to), "listing commits"));
  RETURN_IF_ERROR(GitStatus(git_revwalk_hide(walk.get(), &from), "listing commits"));
  git_oid id;
  int next = 0;
  while ((next = git_revwalk_next(&id, walk.get())) == 0) {
    if (++out.commit_count > kMostCommits) continue;
    ASSIGN_OR_RETURN(const GitCommit commit, LookupCommit(repo, id));
    const char* const subject = git_commit_summary(commit.get());
    out.commits.push_back({OidText(id), Line(subject == nullptr ? "" : subject, 200)});
  }
  return next == GIT_ITEROVER ? absl::OkStatus() : GitStatus(next, "listing commits");
}

absl::Status ListFiles(git_repository* repo, const git_oid& before, const PersonState& after,
                       PersonChanges& out) {
  ASSIGN_OR_RETURN(const GitTree head, TreeOfCommit(repo, after.head));
  ASSIGN_OR_RETURN(const GitDiff open,
                   CompareTrees(repo, *git_tree_id(head.get()), after.work_tree));
  std::set<std::string> uncommitted;
  for (size_t i = 0; i < git_diff_num_deltas(open.get()); ++i) {
    uncommitted.insert(PathOf(*git_diff_get_delta(open.get(), i)));
  }
  ASSIGN_OR_RETURN(const GitDiff diff, CompareTrees(repo, before, after.work_tree));
  out.file_count = FilesIn(diff.get());
  for (size_t i = 0; i < out.file_count && i < kMostFiles; ++i) {
    const git_diff_delta& delta = *git_diff_get_delta(diff.get(), i);
    const std::string path = PathOf(delta);
    const std::string from = delta.status == GIT_DELTA_RENAMED
                                 ? absl::StrCat(Line(delta.old_file.path, 512), " -> ")
                                 : "";
    out.files.push_back(
        {MarkOf(delta.status), absl::StrCat(from, Line(path, 512)), uncommitted.count(path) == 0});
  }
  return absl::OkStatus();
}

void AddMore(uint64_t all, size_t shown, std::string& text) {
  if (all > shown) absl::StrAppend(&text, "- and ", all - shown, " more\n");
}

}  // namespace

bool IsUnchanged(const TakenWork& before, const PersonState& after) {
  return SameOid(before.head, after.head) && SameOid(before.tree, after.work_tree) &&
         SameOid(before.index_tree, after.index_tree);
}

absl::StatusOr<PersonChanges> ChangesSince(git_repository* repo, const TakenWork& before,
                                           const PersonState& after) {
  PersonChanges changes;
  changes.rewritten = !SameOid(before.head, after.head) &&
                      git_graph_descendant_of(repo, &after.head, &before.head) != 1;
  RETURN_IF_ERROR(ListCommits(repo, before.head, after.head, changes));
  RETURN_IF_ERROR(ListFiles(repo, before.tree, after, changes));
  return changes;
}

std::string ChangesText(const PersonChanges& changes, const std::string& person, int attempt) {
  const std::string left =
      attempt > 0 ? absl::StrCat("attempt ", attempt, " left") : "was submitted";
  std::string text = absl::StrCat(Line(person, 128), " went on with this by hand from what ", left,
                                  ", and gave it back.\n");
  if (changes.commit_count == 0 && changes.file_count == 0 && !changes.rewritten) {
    absl::StrAppend(&text, "No file was changed.\n");
  }
  if (changes.rewritten) {
    absl::StrAppend(&text, "The history was rewritten: HEAD no longer follows from what ", left,
                    ".\n");
  }
  if (changes.commit_count > 0) {
    absl::StrAppend(&text, "\nCommits made by hand (", changes.commit_count, "), newest first:\n");
    for (const PersonChanges::Commit& commit : changes.commits) {
      absl::StrAppend(&text, "- ", commit.id.substr(0, 10), " ", commit.subject, "\n");
    }
    AddMore(changes.commit_count, changes.commits.size(), text);
  }
  if (changes.file_count > 0) {
    absl::StrAppend(&text, "\nFiles changed by hand (", changes.file_count, "):\n");
    for (const PersonChanges::File& file : changes.files) {
      absl::StrAppend(&text, "- ", std::string(1, file.mark), " ", file.path,
                      file.committed ? "" : " (not committed)", "\n");
    }
    AddMore(changes.file_count, changes.files.size(), text);
  }
  return text;
}

}  // namespace handoff
