#include "cli/help.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cli/verb.h"

namespace handoff {
namespace {

// A manual page indents them; none breaks at 80 columns there.
constexpr absl::string_view kExitStatuses =
    "Exit status:\n"
    "  0    done; of submit --wait and wait: the handoff succeeded\n"
    "  1    the handoff failed\n"
    "  2    wrong usage\n"
    "  3    not found\n"
    "  4    coordinator unreachable\n"
    "  5    denied\n"
    "  6    conflict\n"
    "  7    the handoff was cancelled\n"
    "  8    timed out\n"
    "  9    a person is needed or has it\n"
    "  10   this command or the server failed\n"
    "  130  interrupted; a handoff goes on\n";

// The verbs that begin with `prefix`, each on a line.
std::string VerbLines(absl::string_view prefix) {
  std::vector<std::pair<std::string, absl::string_view>> lines;
  size_t widest = 0;
  for (const Verb& verb : Verbs()) {
    if (!absl::StartsWith(verb.name, prefix)) continue;
    lines.emplace_back(verb.alias.empty() ? std::string(verb.name)
                                          : absl::StrCat(verb.name, " (", verb.alias, ")"),
                       verb.summary);
    widest = std::max(widest, lines.back().first.size());
  }
  std::string out;
  for (const auto& [name, summary] : lines) {
    absl::StrAppend(&out, "  ", name, std::string(widest + 2 - name.size(), ' '), summary, "\n");
  }
  return out;
}

}  // namespace

std::string AboutUse() {
  return "An ID is any unique part of a handoff's id, or - for your last one in this repository.\n"
         "To look at, one that is live is meant before those that have ended; cancel and resume "
         "want\n"
         "a part that no other handoff has, or the full id.\n"
         "'handoff login' makes a pool yours: its address and your certificate are kept in\n"
         "~/.config/handoff/pools. Of several the last login counts, or pool = \"ID\" in\n"
         "~/.config/handoff/config.toml. Another way there, HOST:PORT of a tunnel or ssh://HOST:\n"
         "--coordinator, the variable HANDOFF_COORDINATOR, or coordinator = in config.toml. "
         "Pipelines "
         "set\n"
         "HANDOFF_TOKEN; HANDOFF_CREDENTIALS names a directory with a certificate. A running\n"
         "'handoff dev' is found by itself. 'handoff VERB --help' shows a verb's flags and "
         "examples.\n";
}

absl::string_view ExitStatuses() { return kExitStatuses; }

std::string MainHelp() {
  return absl::StrCat(
      "handoff: give a coding task to an agent on your own build hosts, and look in any time.\n\n"
      "Usage: handoff [--coordinator HOST:PORT] VERB [...]\n\n",
      VerbLines(""), "\n", AboutUse(), "\n", kExitStatuses);
}

// "list, show or remove".
std::string ActionsOf(absl::string_view group, absl::string_view between,
                      absl::string_view before_last) {
  std::vector<absl::string_view> actions;
  for (const Verb& verb : Verbs()) {
    absl::string_view name = verb.name;
    if (absl::ConsumePrefix(&name, group) && absl::ConsumePrefix(&name, " ")) {
      actions.push_back(name);
    }
  }
  const absl::string_view last = actions.back();
  actions.pop_back();
  return absl::StrCat(absl::StrJoin(actions, between), before_last, last);
}

std::string GroupHelp(absl::string_view group) {
  return absl::StrCat("Usage: handoff ", group, " ", ActionsOf(group, "|", "|"), " [...]\n\n",
                      VerbLines(absl::StrCat(group, " ")), "\n'handoff ", group,
                      " VERB --help' shows a verb's flags and examples.\n");
}

}  // namespace handoff
