#include "cli/snapshot/own_git.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "common/subprocess.h"
#include "common/text.h"

namespace handoff {
namespace {

// Set by a git that runs us as a hook, these would point the git that we run elsewhere.
constexpr absl::string_view kForeign[] = {"GIT_DIR",
                                          "GIT_WORK_TREE",
                                          "GIT_INDEX_FILE",
                                          "GIT_COMMON_DIR",
                                          "GIT_NAMESPACE",
                                          "GIT_OBJECT_DIRECTORY",
                                          "GIT_PREFIX",
                                          "GIT_ALTERNATE_OBJECT_DIRECTORIES",
                                          "GIT_QUARANTINE_PATH"};

// This process's variables with `settings` (NAME=value) in place of those of the same name.
std::vector<std::string> Environment(std::vector<std::string> settings) {
  std::set<absl::string_view> replaced(std::begin(kForeign), std::end(kForeign));
  for (const absl::string_view setting : settings) {
    replaced.insert(setting.substr(0, setting.find('=')));
  }
  std::vector<std::string> kept;
  for (const std::string& variable : CurrentEnvironment()) {
    const absl::string_view name = absl::string_view(variable).substr(0, variable.find('='));
    if (!replaced.contains(name)) kept.push_back(variable);
  }
  kept.insert(kept.end(), settings.begin(), settings.end());
  return kept;
}

}  // namespace

absl::StatusOr<std::string> RunOwnGit(const std::string& root, std::vector<std::string> arguments,
                                      std::vector<std::string> settings, absl::string_view input,
                                      absl::Duration timeout) {
  SpawnOptions options;
  options.argv = {
      "git",       "-c", "core.fsmonitor=false",  "-c", "core.hooksPath=/dev/null", "-c",
      "gc.auto=0", "-c", "maintenance.auto=false"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  // A session of its own has no terminal, and these keep git from opening windows: it fails instead
  // of asking.
  settings.insert(settings.end(), {"GIT_TERMINAL_PROMPT=0",
                                   "GIT_ASKPASS=", "SSH_ASKPASS=", "GIT_OPTIONAL_LOCKS=0"});
  options.env = Environment(std::move(settings));
  options.cwd = root;
  ASSIGN_OR_RETURN(const RunResult result, RunProcess(options, input, timeout));
  if (result.timed_out) {
    return absl::UnavailableError(
        absl::StrCat("it did not answer within ", absl::FormatDuration(timeout)));
  }
  if (!result.status.ok()) {
    const std::string words = OneLine(StripControls(result.err), 300);
    return absl::UnavailableError(words.empty() ? "git failed without a word" : words);
  }
  return result.out;
}

}  // namespace handoff
