// handoff completion

#include <CLI/CLI.hpp>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cli/verb.h"

namespace handoff {
namespace {

// "list" → "--all --owner …", also under the alias.
std::map<std::string, std::string> FlagsByVerb() {
  std::map<std::string, std::string> flags;
  for (const Verb& verb : Verbs()) {
    CLI::App app;
    verb.define(app);
    std::vector<std::string> names = {"--help", "--coordinator"};
    if (verb.json) names.push_back("--json");
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& name : option->get_lnames()) {
        if (name != "help") names.push_back("--" + name);
      }
    }
    flags[std::string(verb.name)] = absl::StrJoin(names, " ");
    if (!verb.alias.empty()) flags[std::string(verb.alias)] = absl::StrJoin(names, " ");
  }
  return flags;
}

std::vector<std::string> FirstWords() {
  std::vector<std::string> words;
  for (const auto& [name, flags] : FlagsByVerb()) {
    const std::string word = name.substr(0, name.find(' '));
    if (words.empty() || words.back() != word) words.push_back(word);
  }
  return words;
}

// "worker" → "list show …", of the verbs that are two words.
std::map<std::string, std::vector<std::string>> Groups() {
  std::map<std::string, std::vector<std::string>> groups;
  for (const Verb& verb : Verbs()) {
    const std::vector<std::string> words = absl::StrSplit(verb.name, ' ');
    if (words.size() == 2) groups[words[0]].push_back(words[1]);
  }
  return groups;
}

constexpr absl::string_view kIdVerbs =
    "show|status|logs|why|wait|cancel|resume|send|takeover|return|summary|fetch|diff|edit|sync|"
    "delete";
// A pipe gets the plain table, whose first column is the whole id.
constexpr absl::string_view kLiveIds = "handoff list 2>/dev/null | awk 'NR > 1 { print $1 }'";
constexpr absl::string_view kWorkers =
    "handoff worker list 2>/dev/null | awk 'NR > 1 { print $1 }'";

std::string Bash() {
  std::string cases;
  for (const auto& [name, flags] : FlagsByVerb()) {
    absl::StrAppend(&cases, "    '", name, "') flags='", flags, "' ;;\n");
  }
  std::string groups;
  for (const auto& [name, actions] : Groups()) {
    absl::StrAppend(&groups, "    ", name, "|", name, "s) verb=", name, " actions='",
                    absl::StrJoin(actions, " "), "' ;;\n");
  }
  return absl::StrReplaceAll(
      R"(# bash completion of handoff; made by: handoff completion bash
_handoff() {
  local word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} flags= ids=
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '@words@' -- "$word"))
    return
  fi
  local actions=
  case $verb in
@groups@  esac
  if [ -n "$actions" ]; then
    if [ "$COMP_CWORD" -eq 2 ]; then
      COMPREPLY=($(compgen -W "$actions" -- "$word"))
      return
    fi
    verb="$verb ${COMP_WORDS[2]}"
  fi
  case $verb in
@cases@  esac
  case $verb in
    'worker show'|'worker drain'|'worker undrain'|'worker remove'|'worker revoke')
      [[ $word == -* ]] || ids=$(@workers@) ;;
    @idverbs@) [[ $word == -* ]] || ids=$(@ids@) ;;
  esac
  if [[ $word == -* || -n $ids ]]; then
    COMPREPLY=($(compgen -W "$flags $ids" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -F _handoff handoff
)",
      {{"@words@", absl::StrJoin(FirstWords(), " ")},
       {"@groups@", groups},
       {"@workers@", kWorkers},
       {"@cases@", cases},
       {"@idverbs@", kIdVerbs},
       {"@ids@", kLiveIds}});
}

std::string Zsh() {
  return absl::StrCat(
      "#compdef handoff\n# zsh completion of handoff; made by: handoff completion zsh\n"
      "autoload -U +X bashcompinit && bashcompinit\n",
      Bash());
}

std::string Fish() {
  std::string out =
      "# fish completion of handoff; made by: handoff completion fish\n"
      "complete -c handoff -f\n";
  for (const Verb& verb : Verbs()) {
    const std::vector<std::string> words = absl::StrSplit(verb.name, ' ');
    const std::string of_first = absl::StrCat("__fish_seen_subcommand_from ", words[0]);
    const std::string condition =
        words.size() == 1 ? of_first
                          : absl::StrCat(of_first, "; and __fish_seen_subcommand_from ", words[1]);
    const std::string summary = absl::StrReplaceAll(verb.summary, {{"'", "\\'"}});
    if (words.size() == 1) {
      absl::StrAppend(&out, "complete -c handoff -n __fish_use_subcommand -a ", words[0], " -d '",
                      summary, "'\n");
    } else {
      absl::StrAppend(&out, "complete -c handoff -n '", of_first, "' -a ", words[1], " -d '",
                      summary, "'\n");
    }
    const auto flags = FlagsByVerb();
    for (const absl::string_view flag : absl::StrSplit(flags.at(std::string(verb.name)), ' ')) {
      absl::StrAppend(&out, "complete -c handoff -n '", condition, "' -l ", flag.substr(2), "\n");
    }
  }
  for (const auto& [name, actions] : Groups()) {
    absl::StrAppend(&out, "complete -c handoff -n __fish_use_subcommand -a ", name, "\n");
  }
  absl::StrAppend(&out, "complete -c handoff -n '__fish_seen_subcommand_from ",
                  absl::StrReplaceAll(kIdVerbs, {{"|", " "}}), "' -a \"(",
                  absl::StrReplaceAll(kLiveIds, {{"$", "\\$"}}), ")\"\n");
  return out;
}

VerbResult Completion(const std::string& shell, Context& context) {
  context.terminal.Out(shell == "bash" ? Bash() : shell == "zsh" ? Zsh() : Fish());
  return Exit::kDone;
}

}  // namespace

VerbRun DefineCompletion(CLI::App& app) {
  const auto shell = std::make_shared<std::string>();
  app.add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""))
      ->type_name("");
  return [shell](Context& context) { return Completion(*shell, context); };
}

}  // namespace handoff
