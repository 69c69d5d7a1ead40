// The job of a CI system in which the command runs, from the variables that the system sets. Pure.
// They are text of others: who opens a pull request chooses the name of its branch.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace handoff {

enum class CiSystem { kGitHub, kGitLab, kJenkins, kBuildkite };

struct CiJob {
  CiSystem system = CiSystem::kGitHub;
  std::string name;      // "github", as in labels
  std::string repo;      // its address without credentials; empty: not told
  std::string commit;    // 40 hex digits; empty: not told
  std::string ref;       // branch or tag, for people; empty: none that is valid
  bool request = false;  // of a pull or merge request: whether origin has the commit is not known
  // The commit is a merge that the system made, which is on no branch: how to have the request's
  // own one instead. Empty: it is none.
  std::string made_commit;
  std::string
      pipeline;         // its id: the same for all its jobs and for every time that it is run again
  std::string url;      // of the pipeline
  std::string job;      // its name in the pipeline
  std::string part;     // what tells it from others of that name; empty: nothing does
  std::string attempt;  // another one when it is run again
  // Files to write; empty: none. On GitHub they are appended to, elsewhere they are ours.
  std::string outputs, summary;
  std::string key;  // Buildkite: what our keys in the build's meta-data begin with
};

// INVALID_ARGUMENT where there is none, with what was looked for, and where a variable is missing
// without which a second job could not be told from the first.
absl::StatusOr<CiJob> FindCiJob(const std::vector<std::string>& environment);

// "GitHub Actions, job build, attempt 2", "GitLab CI, job build, job id 5101": on one line.
std::string CiWords(const CiJob& job);

// An idempotency key: the same for the same content submitted again by the same attempt of the
// job, and another one for everything else. No system tells the cells of a matrix apart for sure:
// those that submit the same share a handoff.
std::string CiKey(const CiJob& job, absl::string_view content);

// K=V for --label: ci, ci.run, ci.job, ci.attempt, as far as their values are ones.
std::vector<std::string> CiLabels(const CiJob& job);

}  // namespace handoff
