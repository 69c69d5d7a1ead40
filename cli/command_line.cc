#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/verb.h"
#include "common/subprocess.h"
#include "common/text.h"
#include "common/version.h"

namespace handoff {
namespace {

constexpr absl::string_view kExitStatuses =
    "Exit status:\n"
    "  0 done (submit --wait, wait: succeeded)   1 the handoff failed    2 wrong usage\n"
    "  3 not found       4 coordinator unreachable   5 denied\n"
    "  6 conflict        7 the handoff was cancelled 8 timed out\n"
    "  9 a person is needed or has it           10 this command or the server failed\n"
    "  130 interrupted; a handoff goes on\n";

std::string MainHelp() {
  std::string out =
      "handoff: give a coding task to an agent on your own build hosts, and look in any time.\n\n"
      "Usage: handoff [--coordinator HOST:PORT] VERB [...]\n\n";
  for (const Verb& verb : Verbs()) {
    const std::string name = verb.alias.empty() ? std::string(verb.name)
                                                : absl::StrCat(verb.name, " (", verb.alias, ")");
    absl::StrAppend(&out, "  ", name, std::string(name.size() < 18 ? 18 - name.size() : 1, ' '),
                    verb.summary, "\n");
  }
  absl::StrAppend(
      &out,
      "\nAn ID is any unique part of a handoff's id, or - for your last one in this repository.\n"
      "To look at, one that is live is meant before those that have ended; cancel and resume want\n"
      "a part that no other handoff has, or the full id.\n"
      "The coordinator's address: --coordinator, the variable HANDOFF_COORDINATOR, or\n"
      "coordinator = \"HOST:PORT\" in ~/.config/handoff/config.toml; a running 'handoff dev' is\n"
      "found by itself. 'handoff VERB --help' shows a verb's flags and examples.\n\n",
      kExitStatuses);
  return out;
}

// Single-character changes that turn one into the other.
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

absl::Status UnknownVerb(const std::string& word) {
  std::string hint;
  for (const Verb& verb : Verbs()) {
    if (hint.empty() && Distance(word, verb.name) <= 2) {
      hint = absl::StrCat("; did you mean '", verb.name, "'?");
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("there is no verb '", OneLine(word, 60), "'", hint,
                                                 hint.empty() ? ";" : "",
                                                 " 'handoff --help' lists them"));
}

// What is asked for: global flags, a verb, and its arguments.
struct Asked {
  bool help = false, version = false;
  std::string coordinator;
  const Verb* verb = nullptr;
  std::vector<std::string> arguments;
};

const Verb* FindVerb(absl::string_view name) {
  const auto found = std::find_if(Verbs().begin(), Verbs().end(), [&](const Verb& verb) {
    return verb.name == name || (!verb.alias.empty() && verb.alias == name);
  });
  return found == Verbs().end() ? nullptr : &*found;
}

absl::StatusOr<Asked> Split(const std::vector<std::string>& arguments) {
  Asked asked;
  size_t at = 0;
  for (; at < arguments.size() && arguments[at].size() > 1 && arguments[at][0] == '-'; ++at) {
    const absl::string_view flag = arguments[at];
    if (flag == "--help" || flag == "-h") {
      asked.help = true;
    } else if (flag == "--version") {
      asked.version = true;
    } else if (flag == "--coordinator" && at + 1 < arguments.size()) {
      asked.coordinator = arguments[++at];
    } else if (flag.substr(0, 14) == "--coordinator=") {
      asked.coordinator = std::string(flag.substr(14));
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("'", OneLine(flag, 60),
                       "' stands before the verb, where only --coordinator "
                       "ADDR, --help and --version may; 'handoff --help' shows the verbs"));
    }
  }
  if (asked.version || asked.help || at == arguments.size()) return asked;
  const std::string word = arguments[at++];
  if (word == "help") {
    asked.help = true;
    return asked;
  }
  asked.verb = FindVerb(word);
  if (word == "worker" || word == "workers") {
    const Verb* two =
        at < arguments.size() ? FindVerb(absl::StrCat("worker ", arguments[at])) : nullptr;
    if (two != nullptr) {
      asked.verb = two;
      ++at;
    } else if (word == "worker") {
      return absl::InvalidArgumentError(
          "say what to do with workers: handoff worker list, show, drain, undrain or remove");
    }
  }
  if (asked.verb == nullptr) return UnknownVerb(word);
  asked.arguments.assign(arguments.begin() + static_cast<std::ptrdiff_t>(at), arguments.end());
  return asked;
}

VerbResult RunVerb(Asked asked, Context& context) {
  const Verb& verb = *asked.verb;
  CLI::App app(std::string(verb.summary), absl::StrCat("handoff ", verb.name));
  app.get_formatter()->column_width(30);
  const VerbRun run = verb.define(app);
  app.add_option("--coordinator", context.coordinator, "Address of the coordinator")
      ->type_name("HOST:PORT");
  if (verb.json) app.add_flag("--json", context.json, "Print protobuf JSON, one object a line");
  app.footer(absl::StrCat(verb.examples.empty() ? "" : "Examples:\n", verb.examples));
  std::vector<std::string>& arguments = asked.arguments;
  if (verb.takes_rest) {
    const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
    if (dashes != arguments.end()) {
      context.rest.assign(dashes + 1, arguments.end());
      if (context.rest.empty()) {
        return absl::InvalidArgumentError("nothing stands behind '--': give the command to run");
      }
      arguments.erase(dashes, arguments.end());
    }
  }
  std::reverse(arguments.begin(), arguments.end());
  try {
    app.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    context.terminal.Out(app.help());
    return Exit::kDone;
  } catch (const CLI::Error& error) {
    return absl::InvalidArgumentError(absl::StrCat(OneLine(error.what(), 300),
                                                   ". Nothing was done; 'handoff ", verb.name,
                                                   " --help' shows the flags"));
  }
  return run(context);
}

}  // namespace

int RunCommandLine(const std::vector<std::string>& arguments, Terminal& terminal,
                   Interrupt& interrupt) {
  const auto fail = [&](const absl::Status& status) {
    // The server's sentence may quote an agent or a repository.
    terminal.Say(absl::StrCat("handoff: ", StripControls(status.message())));
    return static_cast<int>(ExitFor(status));
  };
  absl::StatusOr<Asked> asked = Split(arguments);
  if (!asked.ok()) return fail(asked.status());
  if (asked->version) {
    terminal.Out(absl::StrCat("handoff ", kVersion, "\n"));
    return 0;
  }
  if (asked->verb == nullptr) {
    if (!asked->help) {
      terminal.Say(MainHelp());
      return static_cast<int>(Exit::kUsage);
    }
    terminal.Out(MainHelp());
    return 0;
  }
  Context context{terminal, interrupt, CurrentEnvironment(), asked->coordinator};
  const VerbResult result = RunVerb(*std::move(asked), context);
  terminal.EndProgress();
  return result.ok() ? static_cast<int>(*result) : fail(result.status());
}

}  // namespace handoff
