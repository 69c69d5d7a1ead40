// handoff man

#include <CLI/CLI.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "cli/help.h"
#include "cli/verb.h"
#include "common/file.h"
#include "common/man_page.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

struct ManFlags {
  std::vector<std::string> verb;
  std::string directory;
};

std::string PageName(const Verb& verb) {
  return absl::StrCat("handoff-", absl::StrReplaceAll(verb.name, {{" ", "-"}}));
}

ManSection ExitSection() {
  absl::string_view lines = ExitStatuses();
  lines.remove_prefix(lines.find('\n') + 1);
  return {"Exit status", {}, std::string(lines)};
}

ManSection EnvironmentSection() {
  return {"Environment",
          {},
          {},
          {{"HANDOFF_COORDINATOR", "Address of the coordinator; --coordinator wins over it."},
           {"HANDOFF_TOKEN", "A pipeline's way in, made by 'handoff token create'."},
           {"HANDOFF_CREDENTIALS", "A directory with a certificate, instead of a login."},
           {"HANDOFF_COMPLETION_TIMEOUT",
            "How long completion waits for the pool, such as 5s; 2s unless it is set."},
           {"HANDOFF_DATA_DIR", "Where 'handoff dev' keeps its pool."},
           {"VISUAL, EDITOR", "What a task, a message or handoff.md is written with."},
           {"NO_COLOR", "When set, nothing is coloured."},
           {"XDG_CONFIG_HOME, XDG_DATA_HOME", "Instead of ~/.config and ~/.local/share."}}};
}

ManSection FilesSection() {
  return {"Files",
          {},
          {},
          {{"~/.config/handoff/config.toml", "coordinator = and pool = of this person."},
           {"~/.config/handoff/pools", "The pools they are logged in to, with their keys."},
           {"~/.local/share/handoff/dev", "The pool of 'handoff dev'."},
           {".handoff.toml",
            "In a repository's root: what a submit from there does unless a flag "
            "says otherwise."}}};
}

std::string MainPage() {
  ManPage page;
  page.name = "handoff";
  page.summary = "give a coding task to an agent on your own build hosts";
  page.synopsis = "handoff [--coordinator HOST:PORT] VERB [...]";
  page.before.push_back({"Description", AboutUse()});
  ManSection verbs{"Verbs"};
  std::vector<std::string> names;
  for (const Verb& verb : Verbs()) {
    verbs.terms.emplace_back(
        verb.alias.empty() ? verb.name : absl::StrCat(verb.name, ", ", verb.alias), verb.summary);
    names.push_back(PageName(verb) + "(1)");
  }
  page.before.push_back(std::move(verbs));
  page.after = {ExitSection(), EnvironmentSection(), FilesSection()};
  page.see_also =
      absl::StrCat(absl::StrJoin(names, ", "), ", handoff-coordinator(8), handoff-worker(8)");
  return ToRoff(page, nullptr);
}

// "Usage: handoff show [OPTIONS] [ID]", as --help has it.
std::string SynopsisOf(const CLI::App& app, const Verb& verb) {
  const std::string help = app.help();
  const std::string usage = "Usage: ";
  const size_t at = help.find(usage) + usage.size();
  std::string line = help.substr(at, help.find('\n', at) - at);
  if (verb.takes_rest) line = absl::StrReplaceAll(line, {{"[TASK] [...]", "[TASK | -- ARGV...]"}});
  return verb.alias.empty() ? line : absl::StrCat(line, "\nhandoff ", verb.alias, " ...");
}

std::string VerbPage(const Verb& verb) {
  CLI::App app(std::string(verb.summary), absl::StrCat("handoff ", verb.name));
  std::string coordinator;
  bool json = false;
  const VerbRun run = DefineVerb(verb, app, coordinator, json);
  ManPage page;
  page.name = PageName(verb);
  page.summary = std::string(verb.summary);
  page.synopsis = SynopsisOf(app, verb);
  // Behind the commands, which are indented, stands what else is to be said.
  const size_t words = verb.examples.find("\n\n");
  const bool more = words != absl::string_view::npos;
  if (more) page.before.push_back({"Description", std::string(verb.examples.substr(words + 2))});
  page.after = {{"Examples", {}, std::string(verb.examples.substr(0, words))}, ExitSection()};
  page.see_also = "handoff(1)";
  return ToRoff(page, &app);
}

absl::StatusOr<Exit> WriteAllPages(const std::string& directory, Context& context) {
  const std::string into = directory + "/man1";
  RETURN_IF_ERROR(MakeDirectories(into));
  RETURN_IF_ERROR(WriteFileAtomically(into + "/handoff.1", MainPage(), 0644));
  for (const Verb& verb : Verbs()) {
    RETURN_IF_ERROR(
        WriteFileAtomically(absl::StrCat(into, "/", PageName(verb), ".1"), VerbPage(verb), 0644));
  }
  context.terminal.Say(absl::StrCat(Verbs().size() + 1, " pages are in ", OneLine(into, 300)));
  return Exit::kDone;
}

VerbResult Man(const ManFlags& flags, Context& context) {
  if (!flags.directory.empty()) return WriteAllPages(flags.directory, context);
  std::string name = absl::StrJoin(flags.verb, " ");
  if (name.empty()) {
    context.terminal.Out(MainPage());
    return Exit::kDone;
  }
  const Verb* verb = FindVerb(name);
  if (verb == nullptr) verb = FindVerb(absl::StrReplaceAll(name, {{"-", " "}}));
  if (verb == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no verb '", OneLine(name, 60), "'; 'handoff --help' lists them"));
  }
  context.terminal.Out(VerbPage(*verb));
  return Exit::kDone;
}

}  // namespace

VerbRun DefineMan(CLI::App& app) {
  const auto flags = std::make_shared<ManFlags>();
  const auto verb = app.add_option("VERB", flags->verb,
                                   "Of this verb, such as submit or worker-list; unless given, of "
                                   "handoff itself");
  app.add_option("--dir", flags->directory, "Write every page into man1 below this directory")
      ->type_name("DIR")
      ->excludes(verb);
  return [flags](Context& context) { return Man(*flags, context); };
}

}  // namespace handoff
