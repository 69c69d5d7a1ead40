#include "cli/fetched/work_diff.h"

#include "common/status.h"

namespace handoff {
namespace {

absl::Status CheckThere(git_odb* odb, const git_diff_file& file) {
  if (git_oid_is_zero(&file.id) || file.mode == GIT_FILEMODE_COMMIT) return absl::OkStatus();
  if (git_odb_exists(odb, &file.id) != 0) return absl::OkStatus();
  return absl::NotFoundError("object " + OidText(file.id) + " is missing");
}

int OnLine(const git_diff_delta*, const git_diff_hunk*, const git_diff_line* line, void* payload) {
  const auto& each = *static_cast<const std::function<bool(char, absl::string_view)>*>(payload);
  std::string text;
  const bool of_content = line->origin == GIT_DIFF_LINE_CONTEXT ||
                          line->origin == GIT_DIFF_LINE_ADDITION ||
                          line->origin == GIT_DIFF_LINE_DELETION;
  if (of_content) text.push_back(line->origin);
  text.append(line->content, line->content_len);
  return each(line->origin, text) ? 0 : GIT_EUSER;
}

}  // namespace

absl::StatusOr<GitDiff> CompareTrees(git_repository* repo, const git_oid& from, const git_oid& to,
                                     bool binaries) {
  ASSIGN_OR_RETURN(const GitTree old_tree, LookupTree(repo, from));
  ASSIGN_OR_RETURN(const GitTree new_tree, LookupTree(repo, to));
  GitOdb odb;
  RETURN_IF_ERROR(GitStatus(git_repository_odb(odb.out(), repo), "comparing"));
  git_diff_options options = {};
  RETURN_IF_ERROR(
      GitStatus(git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION), "comparing"));
  if (binaries) options.flags |= GIT_DIFF_SHOW_BINARY;
  GitDiff diff;
  RETURN_IF_ERROR(
      GitStatus(git_diff_tree_to_tree(diff.out(), repo, old_tree.get(), new_tree.get(), &options),
                "comparing"));
  // Before anything is shown, and before the search for renames, which reads contents.
  for (size_t i = 0; i < git_diff_num_deltas(diff.get()); ++i) {
    const git_diff_delta* delta = git_diff_get_delta(diff.get(), i);
    RETURN_IF_ERROR(CheckThere(odb.get(), delta->old_file));
    RETURN_IF_ERROR(CheckThere(odb.get(), delta->new_file));
  }
  RETURN_IF_ERROR(GitStatus(git_diff_find_similar(diff.get(), nullptr), "looking for renames"));
  return diff;
}

absl::Status PrintPatch(git_diff* diff, const std::function<bool(char, absl::string_view)>& line) {
  const int result =
      git_diff_print(diff, GIT_DIFF_FORMAT_PATCH, &OnLine,
                     const_cast<std::function<bool(char, absl::string_view)>*>(&line));
  return result == GIT_EUSER ? absl::OkStatus() : GitStatus(result, "comparing");
}

absl::StatusOr<std::string> PrintStat(git_diff* diff, int width) {
  GitHandle<git_diff_stats, git_diff_stats_free> stats;
  RETURN_IF_ERROR(GitStatus(git_diff_get_stats(stats.out(), diff), "comparing"));
  GitBuffer text;
  RETURN_IF_ERROR(GitStatus(git_diff_stats_to_buf(text.get(), stats.get(), GIT_DIFF_STATS_FULL,
                                                  static_cast<size_t>(width)),
                            "comparing"));
  return text.str();
}

uint64_t FilesIn(git_diff* diff) { return git_diff_num_deltas(diff); }

}  // namespace handoff
