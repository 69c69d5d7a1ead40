// From flags to the spec that the coordinator gets, refusing what it would refuse, with the same
// sentences, before anything leaves this machine. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/settings.h"

namespace handoff {

namespace v1 {
class HandoffSpec;
}

struct SubmitFlags {
  std::string task, file;
  bool has_task = false;             // an empty one was given, too
  std::vector<std::string> surplus;  // further words: the task was not quoted
  std::string agent, model;
  std::string from;  // "" is "worktree"
  std::string repo, ref;
  std::vector<std::string> include;
  std::vector<std::string> labels, require, env;
  std::string on, prefer;
  bool exclusive = false;
  std::string id, idempotency_key, dedupe_key;
  bool reuse = false, allow_duplicate = false;
  std::vector<std::string> notify;
  bool push = false, no_push = false;
  bool is_private = false;
  bool child = false;
  int priority = 0;
  std::string timeout, deadline, stall_timeout, lease;
  std::optional<int> retries;
  std::vector<std::string> checks;
  std::string check_timeout;
  std::optional<int> check_retries;
  std::string summaries, summary_model;
  std::vector<std::string> attach;
  std::vector<std::string> ci_labels;      // K=V of the pipeline; those of others win
  std::vector<std::string> named_secrets;  // those of `attach`, and `file`, that --include names
  bool ci = false;
  // By the job's variables, see UseCiJob: the branch that it is for, and where it starts.
  std::string ci_branch, ci_repo, ci_commit;
  bool full = false, dry_run = false, follow = false, wait = false;
};

// Once the repository is known: that there is something to push to.
absl::Status CheckPush(const v1::HandoffSpec& spec);

// Everything but the repository. `argv` is what stood behind "--".
absl::StatusOr<v1::HandoffSpec> BuildSpec(const SubmitFlags& flags, const ProjectDefaults& defaults,
                                          const std::string& task,
                                          const std::vector<std::string>& argv,
                                          const std::vector<std::string>& environment);

}  // namespace handoff
