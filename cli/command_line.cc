#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "cli/ci_fence.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/text/children.h"
#include "cli/verb.h"
#include "common/status.h"
#include "common/subprocess.h"
#include "common/text.h"
#include "common/version.h"

namespace handoff {
namespace {

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
  std::string show;  // a text to print, instead of a verb
  bool version = false;
  std::string coordinator;
  const Verb* verb = nullptr;
  std::vector<std::string> arguments;
};

bool AsksForHelp(absl::string_view word) { return word == "--help" || word == "-h"; }

// The flags before the verb; `at` is where that stands.
absl::Status TakeGlobalFlags(const std::vector<std::string>& arguments, size_t& at, Asked& asked) {
  constexpr absl::string_view kCoordinator = "--coordinator";
  for (; at < arguments.size() && arguments[at].size() > 1 && arguments[at][0] == '-'; ++at) {
    absl::string_view flag = arguments[at];
    if (AsksForHelp(flag)) {
      asked.show = MainHelp();
    } else if (flag == "--version") {
      asked.version = true;
    } else if (flag == kCoordinator || absl::StartsWith(flag, "--coordinator=")) {
      if (flag == kCoordinator) {
        asked.coordinator = at + 1 < arguments.size() ? arguments[++at] : "";
      } else {
        asked.coordinator = std::string(flag.substr(kCoordinator.size() + 1));
      }
      if (asked.coordinator.empty()) {
        return absl::InvalidArgumentError("--coordinator needs an address: HOST:PORT");
      }
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("'", OneLine(flag, 60),
                       "' stands before the verb, where only --coordinator "
                       "ADDR, --help and --version may; 'handoff --help' shows the verbs"));
    }
  }
  return absl::OkStatus();
}

// The verb that `arguments` name from `at` on, which then is behind it.
absl::Status TakeVerb(const std::vector<std::string>& arguments, size_t& at, Asked& asked) {
  const std::string word = arguments[at++];
  asked.verb = FindVerb(word);
  // "workers" alone is a verb, and followed by another word it is the group.
  const std::string group(asked.verb == nullptr ? word : absl::StripSuffix(word, "s"));
  if (IsVerbGroup(group)) {
    std::string action = at < arguments.size() ? arguments[at] : "";
    if (action == "ls") action = "list";
    if (const Verb* const two = FindVerb(absl::StrCat(group, " ", action))) {
      asked.verb = two;
      ++at;
    } else if (asked.verb == nullptr && AsksForHelp(action)) {
      asked.show = GroupHelp(group);
    } else if (asked.verb == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("say what to do: handoff ", group, " ", ActionsOf(group, ", ", " or ")));
    }
  }
  return asked.verb == nullptr && asked.show.empty() ? UnknownVerb(word) : absl::OkStatus();
}

absl::StatusOr<Asked> Split(std::vector<std::string> arguments) {
  Asked asked;
  size_t at = 0;
  RETURN_IF_ERROR(TakeGlobalFlags(arguments, at, asked));
  if (asked.version || !asked.show.empty() || at == arguments.size()) return asked;
  if (arguments[at] == "help") {
    // "help VERB" is "VERB --help".
    arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(at));
    arguments.push_back("--help");
    if (AsksForHelp(arguments[at])) {
      asked.show = MainHelp();
      return asked;
    }
  }
  RETURN_IF_ERROR(TakeVerb(arguments, at, asked));
  asked.arguments.assign(arguments.begin() + static_cast<std::ptrdiff_t>(at), arguments.end());
  return asked;
}

// The library's words for a value that it does not take, in ours.
std::string PlainWords(absl::string_view words) {
  if (absl::ConsumePrefix(&words, "Could not convert: ")) {
    const size_t equals = words.find(" = ");
    return absl::StrCat(words.substr(0, equals), " '",
                        equals == absl::string_view::npos ? "" : words.substr(equals + 3),
                        "' is not a whole number");
  }
  const size_t colon = words.find(": ");
  const size_t set = words.rfind(" not in {");
  if (set == absl::string_view::npos || colon > set || !absl::ConsumeSuffix(&words, "}")) {
    return std::string(words);
  }
  return absl::StrCat(words.substr(0, colon), " '", words.substr(colon + 2, set - colon - 2),
                      "' is none of ", absl::StrReplaceAll(words.substr(set + 9), {{",", ", "}}));
}

std::string HelpOf(const CLI::App& app, const Verb& verb) {
  // The hidden words behind TASK, which are refused, are shown by the library all the same.
  return verb.takes_rest
             ? absl::StrReplaceAll(app.help(), {{"[TASK] [...]", "[TASK | -- ARGV...]"}})
             : app.help();
}

// Of `--name=` the library takes the next word for the value, which may be a flag: `--check="$NONE"
// --private` would not be private.
absl::Status GiveEmptyValues(const CLI::App& app, std::vector<std::string>& arguments) {
  std::vector<std::string> given;
  for (auto word = arguments.begin(); word != arguments.end(); ++word) {
    if (*word == "--") {
      given.insert(given.end(), word, arguments.end());
      break;
    }
    const bool empty = absl::StartsWith(*word, "--") && absl::EndsWith(*word, "=") &&
                       std::count(word->begin(), word->end(), '=') == 1;
    given.push_back(empty ? word->substr(0, word->size() - 1) : *word);
    if (!empty) continue;
    const CLI::Option* const option = app.get_option_no_throw(given.back());
    if (option != nullptr && option->get_items_expected_max() == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(given.back(), " takes no value. Nothing was done; leave out the '='"));
    }
    given.emplace_back();
  }
  arguments = std::move(given);
  return absl::OkStatus();
}

// A variable that is not set is no number, time or host: the usual one would be taken without a
// word.
absl::Status RefuseEmptyValues(const CLI::App& app) {
  static const auto* const kNeverEmpty =
      new std::set<std::string>{"N", "D", "TIME", "OFFSET", "REVISION", "WORKER"};
  for (const CLI::Option* option : app.get_options()) {
    const std::string type = option->get_type_name();  // with what checks it, behind a colon
    if (kNeverEmpty->count(type.substr(0, type.find(':'))) == 0) continue;
    for (const std::string& value : option->results()) {
      if (!value.empty()) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          option->get_name(),
          " has an empty value. Nothing was done; leave it out for what is usual, or give one"));
    }
  }
  return absl::OkStatus();
}

VerbResult RunVerb(Asked asked, Context& context) {
  const Verb& verb = *asked.verb;
  // Any verb may print what agents wrote, and a refusal what it was given.
  FenceOffRunner(context);
  CLI::App app(std::string(verb.summary), absl::StrCat("handoff ", verb.name));
  app.get_formatter()->column_width(30);
  const VerbRun run = DefineVerb(verb, app, context.coordinator, context.json);
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
  RETURN_IF_ERROR(GiveEmptyValues(app, arguments));
  std::reverse(arguments.begin(), arguments.end());
  try {
    app.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    context.terminal.Out(HelpOf(app, verb));
    return Exit::kDone;
  } catch (const CLI::Error& error) {
    return absl::InvalidArgumentError(absl::StrCat(OneLine(PlainWords(error.what()), 300),
                                                   ". Nothing was done; 'handoff ", verb.name,
                                                   " --help' shows the flags"));
  }
  RETURN_IF_ERROR(RefuseEmptyValues(app));
  RETURN_IF_ERROR(CheckMayHandOff(verb.name, context.environment));
  return run(context);
}

// Whether a line of `handoff worker invite` and the like, or most of one, stands in it.
bool HoldsTicket(absl::string_view text) {
  constexpr absl::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (const absl::string_view prefix : {"hfu1_", "hfw1_", "hfc1_"}) {
    const size_t at = text.find(prefix);
    if (at == 0) return true;
    if (at == absl::string_view::npos) continue;
    const size_t end = std::min(text.find_first_not_of(kLetters, at), text.size());
    if (end - at > 200) return true;
  }
  return false;
}

// Everybody on this host can read what stands there, and the shell keeps it. Not printed again.
absl::Status RefuseTickets(const std::vector<std::string>& arguments) {
  if (std::none_of(arguments.begin(), arguments.end(), HoldsTicket)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "a line that lets somebody in stands on the command line, where every user of this host can "
      "read it. Nothing was done. Have it revoked ('handoff token list'), and paste a new one at "
      "the prompt ('handoff login', 'handoff-worker join'), or set HANDOFF_TOKEN");
}

}  // namespace

int RunCommandLine(const std::vector<std::string>& arguments, Terminal& terminal,
                   Interrupt& interrupt) {
  const auto fail = [&](const absl::Status& status) {
    // The server's sentence may quote an agent or a repository.
    terminal.Say(absl::StrCat("handoff: ", StripControls(status.message())));
    return static_cast<int>(ExitFor(status));
  };
  if (const absl::Status secret = RefuseTickets(arguments); !secret.ok()) return fail(secret);
  if (!arguments.empty() && arguments[0] == kCompleteWord) {
    return PrintCompletion({arguments.begin() + 1, arguments.end()}, CurrentEnvironment(),
                           terminal);
  }
  absl::StatusOr<Asked> asked = Split(arguments);
  if (!asked.ok()) return fail(asked.status());
  VerbResult result = Exit::kDone;
  if (asked->version) {
    terminal.Out(absl::StrCat("handoff ", kVersion, "\n"));
  } else if (!asked->show.empty()) {
    terminal.Out(asked->show);
  } else if (asked->verb == nullptr) {
    terminal.Say(MainHelp());
    return static_cast<int>(Exit::kUsage);
  } else {
    Context context{terminal, interrupt, CurrentEnvironment(), asked->coordinator};
    result = RunVerb(*std::move(asked), context);
    terminal.EndProgress();
  }
  // What was printed is what was asked for: without it nothing succeeded.
  if (result.ok() && !terminal.out_error().ok()) return fail(terminal.out_error());
  return result.ok() ? static_cast<int>(*result) : fail(result.status());
}

}  // namespace handoff
