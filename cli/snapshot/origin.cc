#include "cli/snapshot/origin.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cli/snapshot/own_git.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr absl::Duration kAskTimeout = absl::Seconds(20);
constexpr absl::Duration kFetchTimeout = absl::Seconds(60);

}  // namespace

absl::StatusOr<OriginRefs> AskOrigin(const std::string& root, const std::string& remote) {
  ASSIGN_OR_RETURN(const std::string out, RunOwnGit(root, {"ls-remote", "--symref", "--", remote},
                                                    {"LC_ALL=C"}, "", kAskTimeout));
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
  return RunOwnGit(root, arguments,
                   {"LC_ALL=C", absl::StrCat("GIT_OBJECT_DIRECTORY=", objects),
                    absl::StrCat("GIT_ALTERNATE_OBJECT_DIRECTORIES=", own_objects)},
                   "", kFetchTimeout)
      .status();
}

}  // namespace handoff
