#include "cli/origin.h"

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/file.h"
#include "common/git/url.h"
#include "common/status.h"
#include "common/subprocess.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr absl::Duration kAskTimeout = absl::Seconds(20);
constexpr absl::Duration kFetchTimeout = absl::Seconds(60);

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

absl::StatusOr<std::string> RunGit(const std::string& root, std::vector<std::string> arguments,
                                   std::vector<std::string> settings, absl::Duration timeout) {
  SpawnOptions options;
  options.argv = {
      "git",       "-c", "core.fsmonitor=false",  "-c", "core.hooksPath=/dev/null", "-c",
      "gc.auto=0", "-c", "maintenance.auto=false"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  // A session of its own has no terminal, and these keep git from opening windows: it fails instead
  // of asking.
  settings.insert(settings.end(), {"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=",
                                   "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C"});
  options.env = Environment(std::move(settings));
  options.cwd = root;
  ASSIGN_OR_RETURN(const RunResult result, RunProcess(options, "", timeout));
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

}  // namespace

absl::StatusOr<OriginRefs> AskOrigin(const std::string& root, const std::string& remote) {
  ASSIGN_OR_RETURN(const std::string out,
                   RunGit(root, {"ls-remote", "--symref", "--", remote}, {}, kAskTimeout));
  OriginRefs answer;
  // The output may be cut in a repository with very many refs: the last line without an end is not
  // believed, and fewer refs only mean that more is sent.
  for (absl::string_view rest = out; rest.find('\n') != absl::string_view::npos;) {
    absl::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    if (absl::ConsumePrefix(&line, "ref: ")) {
      const std::pair<std::string, std::string> pair = absl::StrSplit(line, '\t');
      if (pair.second == "HEAD") answer.default_branch = pair.first;
      continue;
    }
    const std::pair<std::string, std::string> pair = absl::StrSplit(line, absl::MaxSplits('\t', 1));
    const auto id = ParseOid(pair.first);
    if (!id.ok()) continue;
    absl::string_view name = pair.second;
    // "^{}" is what an annotated tag points to; it comes after the tag itself and replaces it.
    absl::ConsumeSuffix(&name, "^{}");
    // Workers fetch heads and tags, nothing else.
    if (name == "HEAD" || absl::StartsWith(name, "refs/heads/") ||
        absl::StartsWith(name, "refs/tags/")) {
      answer.refs[std::string(name)] = *id;
    }
  }
  return answer;
}

absl::Status FetchHistory(const std::string& root, const std::string& remote,
                          const std::vector<std::string>& refs, const std::string& own_objects,
                          const std::string& objects) {
  RETURN_IF_ERROR(MakeDirectories(absl::StrCat(objects, "/pack")));
  std::vector<std::string> arguments = {"fetch",      "--quiet",
                                        "--no-tags",  "--no-write-fetch-head",
                                        "--refmap=",  "--no-recurse-submodules",
                                        "--no-prune", "--no-auto-gc",
                                        "--",         remote};
  arguments.insert(arguments.end(), refs.begin(), refs.end());
  return RunGit(root, arguments,
                {absl::StrCat("GIT_OBJECT_DIRECTORY=", objects),
                 absl::StrCat("GIT_ALTERNATE_OBJECT_DIRECTORIES=", own_objects)},
                kFetchTimeout)
      .status();
}

}  // namespace handoff
