#include "cli/completion_words.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/handoff/names.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr absl::string_view kCoordinator = "--coordinator";

// A word that no shell takes for anything else, wherever it puts it.
bool IsPlain(absl::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::StrContains("._:@/+=,-", absl::string_view(&c, 1));
  });
}

// Those that begin with `part`, or else contain it: any part of an id may be typed.
std::vector<Candidate> Matching(const std::vector<Candidate>& all, absl::string_view part) {
  std::vector<Candidate> begin, contain;
  for (const Candidate& each : all) {
    if (!IsPlain(each.word)) continue;
    if (absl::StartsWith(each.word, part)) begin.push_back(each);
    if (absl::StrContains(each.word, part)) contain.push_back(each);
  }
  return begin.empty() ? contain : begin;
}

std::vector<Candidate> Beginning(const std::vector<Candidate>& all, absl::string_view part) {
  std::vector<Candidate> begin;
  for (const Candidate& each : all) {
    if (IsPlain(each.word) && absl::StartsWith(each.word, part)) begin.push_back(each);
  }
  return begin;
}

std::vector<Candidate> WordsOf(absl::string_view list) {
  std::vector<Candidate> words;
  for (const absl::string_view word : absl::StrSplit(list, ' ')) {
    words.push_back({std::string(word), ""});
  }
  return words;
}

// Those of a closed list, by the parser's own check: it names them to who asks for anything else.
std::vector<Candidate> CheckedValues(CLI::Option& option) {
  std::vector<Candidate> values;
  try {
    std::string nothing = "\n";
    const std::string refusal = (*option.get_validator(0))(nothing);
    const size_t set = refusal.rfind(" not in {");
    absl::string_view list = refusal;
    if (set == std::string::npos || !absl::ConsumeSuffix(&list, "}")) return values;
    for (const absl::string_view word : absl::StrSplit(list.substr(set + 9), ',')) {
      values.push_back({std::string(word), ""});
    }
  } catch (const CLI::OptionNotFound&) {  // nothing checks it
  }
  return values;
}

std::vector<Candidate> Statuses() {
  std::vector<Candidate> words;
  const auto* const all = v1::Handoff::Status_descriptor();
  for (int i = 0; i < all->value_count(); ++i) {
    if (all->value(i)->number() == v1::Handoff::STATUS_UNSPECIFIED) continue;
    words.push_back({absl::AsciiStrToLower(std::string(all->value(i)->name())), ""});
  }
  return words;
}

std::vector<Candidate> Agents(PoolWords& pool) {
  std::vector<Candidate> words;
  for (const absl::string_view agent : kAgents) words.push_back({std::string(agent), ""});
  for (const Candidate& offered : pool.Agents()) {
    if (!IsKnownAgent(offered.word)) words.push_back(offered);
  }
  return words;
}

std::vector<Candidate> Variables(const std::vector<std::string>& environment) {
  std::vector<Candidate> words;
  for (const std::string& entry : environment) {
    const std::string name = entry.substr(0, entry.find('='));
    if (ValidateEnvName(name).ok()) words.push_back({name, ""});
  }
  return words;
}

// As `handoff man` takes them, in one word.
std::vector<Candidate> PageNames() {
  std::vector<Candidate> words;
  for (const Verb& verb : Verbs()) {
    words.push_back({absl::StrReplaceAll(verb.name, {{" ", "-"}}), std::string(verb.summary)});
  }
  return words;
}

// The verb, where it is, and what a word there means.
struct Place {
  const Verb& verb;
  const std::vector<std::string>& environment;
  PoolWords& pool;
};

// What an argument of this verb is, by the word that its help has for it; "" for one that is not
// known here.
absl::string_view MeaningOf(const Verb& verb, const CLI::Option& option) {
  const bool positional = option.get_positional();
  const absl::string_view group = verb.name.substr(0, verb.name.find(' '));
  if (positional && option.get_single_name() == "NAME") {
    // A new user has a name that nobody can know.
    if (verb.name == "user add") return "";
    return group == "worker" ? "WORKER" : group == "user" ? "USER" : "";
  }
  if (positional && option.get_single_name() == "ID" && group == "token") return "TOKEN";
  static const std::set<std::string>* const kByName =
      new std::set<std::string>{"ID", "DIR", "VERB"};
  if (positional) {
    const auto found = kByName->find(option.get_single_name());
    return found == kByName->end() ? "" : absl::string_view(*found);
  }
  return "";
}

Completion ValuesOf(const Place& place, CLI::Option& option, absl::string_view part) {
  Completion completion;
  const std::string named = option.get_type_name();
  std::string meaning(MeaningOf(place.verb, option));
  if (meaning.empty()) meaning = named;
  const auto take = [&](const std::vector<Candidate>& all) {
    completion.words = Matching(all, part);
    return completion;
  };
  if (const auto values = CheckedValues(option); !values.empty()) {
    completion.words = Beginning(values, part);
    return completion;
  }
  if (meaning == "FILE" || meaning == "F" || meaning == "PATH") {
    completion.kind = Completion::kFiles;
  } else if (meaning == "DIR" || meaning == "URL|PATH") {
    completion.kind = Completion::kDirectories;
  } else if (meaning == "ID") {
    return take(place.pool.HandoffIds(place.verb.ids, part));
  } else if (meaning == "VERB") {
    completion.words = Beginning(PageNames(), part);
  } else if (meaning == "WORKER") {
    return take(place.pool.Workers());
  } else if (meaning == "USER") {
    return take(place.pool.Users());
  } else if (meaning == "TOKEN") {
    return take(place.pool.Tokens());
  } else if (meaning == "A") {
    return take(Agents(place.pool));
  } else if (meaning == "K=V" && option.check_name("--require")) {
    completion.words = Beginning(place.pool.Labels(), part);
  } else if (meaning == "NAME[=V]") {
    completion.words = Beginning(Variables(place.environment), part);
  } else if (meaning == "STATUS") {
    completion.words = Beginning(Statuses(), part);
  } else if (meaning == "WHEN") {
    completion.words = Beginning(WordsOf("always auto never"), part);
  }
  return completion;
}

bool TakesValue(const CLI::Option& option) { return option.get_items_expected_max() > 0; }
bool IsRepeated(const CLI::Option& option) { return option.get_expected_max() > 1; }

// What stands before the word that is being typed.
struct Before {
  std::set<const CLI::Option*> used;
  std::vector<std::string> arguments;  // those without a flag
  CLI::Option* awaiting = nullptr;     // a flag whose value is being typed
  bool only_arguments = false;         // behind "--"
  size_t command = 0;                  // of a command behind "--"; 0: there is none
};

Before ReadBefore(const Verb& verb, CLI::App& app, const std::vector<std::string>& typed,
                  size_t from) {
  Before before;
  for (size_t i = from; i + 1 < typed.size(); ++i) {
    const std::string& word = typed[i];
    if (before.awaiting != nullptr) {
      before.awaiting = nullptr;
    } else if (before.only_arguments || word.size() < 2 || word[0] != '-') {
      before.arguments.push_back(word);
    } else if (word == "--") {
      before.only_arguments = true;
      if (verb.takes_rest) {
        before.command = i + 1;
        return before;
      }
    } else {
      CLI::Option* const option = app.get_option_no_throw(word.substr(0, word.find('=')));
      if (option == nullptr) continue;
      before.used.insert(option);
      if (TakesValue(*option) && !absl::StrContains(word, '=')) before.awaiting = option;
    }
  }
  return before;
}

std::vector<Candidate> Flags(CLI::App& app, const Before& before) {
  std::vector<Candidate> flags;
  for (CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty() || option->get_group().empty()) continue;
    if (before.used.count(option) > 0 && !IsRepeated(*option)) continue;
    const auto excludes = option->get_excludes();
    if (std::any_of(excludes.begin(), excludes.end(),
                    [&](const CLI::Option* other) { return before.used.count(other) > 0; })) {
      continue;
    }
    flags.push_back({"--" + option->get_lnames().front(), option->get_description()});
  }
  return flags;
}

Completion CompleteArgument(const Place& place, CLI::App& app, const Before& before,
                            const std::string& part) {
  size_t at = before.arguments.size();
  for (CLI::Option* option : app.get_options()) {
    if (!option->get_positional() || option->get_group().empty()) continue;
    if (at > 0 && !IsRepeated(*option)) {
      --at;
      continue;
    }
    Completion completion = ValuesOf(place, *option, part);
    auto& words = completion.words;
    words.erase(std::remove_if(words.begin(), words.end(),
                               [&](const Candidate& each) {
                                 return std::count(before.arguments.begin(), before.arguments.end(),
                                                   each.word) > 0;
                               }),
                words.end());
    return completion;
  }
  return {};
}

Completion CompleteVerb(const Place& place, const std::vector<std::string>& typed, size_t from) {
  CLI::App app;
  std::string coordinator;
  bool json = false;
  const VerbRun run = DefineVerb(place.verb, app, coordinator, json);
  const Before before = ReadBefore(place.verb, app, typed, from);
  const std::string& part = typed.back();
  if (before.command > 0) return {Completion::kCommand, {}, before.command};
  if (before.awaiting != nullptr) return ValuesOf(place, *before.awaiting, part);
  if (before.only_arguments || part.empty() || part[0] != '-') {
    return CompleteArgument(place, app, before, part);
  }
  const size_t equals = part.find('=');
  if (equals == std::string::npos) {
    Completion flags;
    flags.words = Beginning(Flags(app, before), part);
    return flags;
  }
  CLI::Option* const option = app.get_option_no_throw(part.substr(0, equals));
  if (option == nullptr || !TakesValue(*option)) return {};
  Completion values = ValuesOf(place, *option, absl::string_view(part).substr(equals + 1));
  for (Candidate& each : values.words) each.word.insert(0, part.substr(0, equals + 1));
  return values;
}

// First words, or second ones of `group`.
std::vector<Candidate> VerbWords(absl::string_view group, absl::string_view part) {
  std::vector<Candidate> names, aliases;
  std::set<std::string> groups;
  for (const Verb& verb : Verbs()) {
    absl::string_view name = verb.name;
    if (!group.empty() && !(absl::ConsumePrefix(&name, group) && absl::ConsumePrefix(&name, " "))) {
      continue;
    }
    const std::pair<std::string, std::string> words = absl::StrSplit(name, absl::MaxSplits(' ', 1));
    if (words.second.empty()) {
      names.push_back({words.first, std::string(verb.summary)});
    } else if (groups.insert(words.first).second) {
      names.push_back({words.first, absl::StrCat("verbs of ", words.first, "s")});
    }
    if (group.empty() && !verb.alias.empty()) {
      aliases.push_back({std::string(verb.alias), std::string(verb.summary)});
    }
  }
  if (group.empty()) names.push_back({"help", "how a verb is used"});
  // There is a name for each: they are offered to who types one.
  const auto matching = Beginning(names, part);
  return matching.empty() ? Beginning(aliases, part) : matching;
}

std::vector<Candidate> GlobalFlags(absl::string_view part) {
  return Beginning({{std::string(kCoordinator), "Address of the coordinator"},
                    {"--help", "the verbs"},
                    {"--version", ""}},
                   part);
}

}  // namespace

Completion CompleteLine(const std::vector<std::string>& typed,
                        const std::vector<std::string>& environment, PoolWords& pool) {
  if (typed.empty()) return {};
  const size_t last = typed.size() - 1;
  size_t at = 0;
  while (at < last && absl::StartsWith(typed[at], "-")) at += typed[at] == kCoordinator ? 2 : 1;
  if (at > last) return {};
  const bool help = at < last && typed[at] == "help";
  if (help) ++at;
  if (at == last) {
    Completion words;
    words.words =
        absl::StartsWith(typed[at], "-") ? GlobalFlags(typed[at]) : VerbWords("", typed[at]);
    return words;
  }
  const Verb* verb = FindVerb(typed[at]);
  const std::string group(verb == nullptr ? typed[at] : absl::StripSuffix(typed[at], "s"));
  ++at;
  if (IsVerbGroup(group)) {
    if (at == last && !absl::StartsWith(typed[at], "-")) {
      Completion words;
      words.words = VerbWords(group, typed[at]);
      return words;
    }
    const std::string action = typed[at] == "ls" ? "list" : typed[at];
    if (const Verb* const two = FindVerb(absl::StrCat(group, " ", action)); two != nullptr) {
      if (at == last) return {};
      verb = two;
      ++at;
    }
  }
  if (verb == nullptr || help) return {};
  return CompleteVerb({*verb, environment, pool}, typed, at);
}

std::string CoordinatorIn(const std::vector<std::string>& typed) {
  for (size_t i = 0; i + 1 < typed.size(); ++i) {
    absl::string_view word = typed[i];
    if (word == "--") break;
    if (word == kCoordinator && i + 2 < typed.size()) return typed[i + 1];
    if (absl::ConsumePrefix(&word, kCoordinator) && absl::ConsumePrefix(&word, "=")) {
      return std::string(word);
    }
  }
  return "";
}

}  // namespace handoff
