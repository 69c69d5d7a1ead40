// handoff completion, and what its scripts ask for

#include "cli/completion.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "cli/asked_pool.h"
#include "cli/completion_words.h"
#include "cli/settings.h"
#include "cli/text/options.h"
#include "cli/verb.h"
#include "common/text.h"

namespace handoff {
namespace {

// Whoever presses a key waits for it. A pool that is far away may need more.
constexpr absl::Duration kMostWait = absl::Seconds(2);

absl::Duration MostWait(const std::vector<std::string>& environment) {
  constexpr absl::string_view kName = "HANDOFF_COMPLETION_TIMEOUT";
  return ParseDuration(kName, FromEnvironment(environment, std::string(kName))).value_or(kMostWait);
}
constexpr size_t kMostAbout = 100;

// Each script brings what was typed into whole words, asks `handoff __complete`, and hands the
// answer to its shell. What a verb takes is in the program: nothing of it stands here.
constexpr absl::string_view kBash =
    R"(# bash completion of handoff; made by: handoff completion bash
_handoff() {
  # Readline splits at = and :, which are parts of a word here.
  local words=() rest=${COMP_LINE:0:COMP_POINT} piece= stripped i
  for ((i = 0; i <= COMP_CWORD; i++)); do
    stripped=${rest#"${rest%%[![:space:]]*}"}
    piece=${COMP_WORDS[i]}
    ((i == COMP_CWORD)) && piece=$stripped
    if ((i > 0)) && [[ $stripped == "$rest" ]]; then
      words[${#words[@]}-1]+=$piece
    else
      words+=("$piece")
    fi
    rest=${stripped#"$piece"}
  done
  # What readline replaces begins behind the last such place.
  local word=${words[${#words[@]}-1]} cut
  [[ $piece == [=:] ]] && piece=
  cut=${word%"$piece"}
  local line todo=
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ -z $todo ]]; then
      todo=$line
      continue
    fi
    line=${line%%$'\t'*}
    COMPREPLY+=("${line#"$cut"}")
  done < <(command handoff __complete "${words[@]:1}" 2>/dev/null </dev/null)
  case $todo in
    files) compopt -o default ;;
    directories) compopt -o dirnames ;;
    'command '*) _handoff_command ;;
  esac
}
# Behind -- stands another command.
_handoff_command() {
  local i
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ ${COMP_WORDS[i]} == -- ]] && break
  done
  if declare -F _comp_command_offset >/dev/null; then
    _comp_command_offset $((i + 1))
  elif declare -F _command_offset >/dev/null; then
    _command_offset $((i + 1))
  elif ((COMP_CWORD == i + 1)); then
    COMPREPLY=($(compgen -c -- "${COMP_WORDS[COMP_CWORD]}"))
  else
    compopt -o default
  fi
}
complete -F _handoff handoff
)";

constexpr absl::string_view kZsh = R"(#compdef handoff
# zsh completion of handoff; made by: handoff completion zsh
_handoff() {
  local -a typed lines values shown
  local line todo
  integer from
  (( CURRENT > 2 )) && typed=("${(@Q)words[2,CURRENT-1]}")
  lines=("${(@f)$(command handoff __complete "${typed[@]}" "${(Q)PREFIX}" 2>/dev/null </dev/null)}")
  todo=${lines[1]}
  shift lines
  case $todo in
    (files|directories)
      [[ $PREFIX == --*=* ]] && compset -P 1 '*='
      if [[ $todo == files ]]; then _files; else _files -/; fi
      return ;;
    (command*)
      from=$(( ${todo#command } + 1 ))
      shift $from words
      (( CURRENT -= from ))
      _normal
      return ;;
  esac
  for line in "${lines[@]}"; do
    [[ -n $line ]] || continue
    values+=("${line%%$'\t'*}")
    shown+=("${line/$'\t'/  -- }")
  done
  # Chosen already; of an id any part may have been typed.
  (( $#values )) && compadd -U -l -d shown -a values
}
if [[ $funcstack[1] == _handoff ]]; then
  _handoff "$@"
else
  compdef _handoff handoff
fi
)";

constexpr absl::string_view kFish =
    R"(# fish completion of handoff; made by: handoff completion fish
function __handoff_complete
    set -l typed (commandline -opc)
    set -e typed[1]
    set -l now (commandline -ct)
    set -l lines (command handoff __complete $typed "$now" 2>/dev/null </dev/null)
    set -l todo $lines[1]
    set -e lines[1]
    switch "$todo"
        case files directories
            set -l flag (string match -r -- '^--[^=]*=' "$now")
            set -l part (string replace -r -- '^--[^=]*=' '' "$now")
            set -l paths
            if test "$todo" = files
                set paths (__fish_complete_path "$part")
            else
                set paths (__fish_complete_directories "$part")
            end
            for path in $paths
                printf '%s%s\n' "$flag" $path
            end
        case 'command *'
            set -l from (string replace 'command ' '' -- $todo)
            set -e typed[1..$from]
            complete -C (string join ' ' -- (string escape -- $typed) "$now")
        case '*'
            test (count $lines) -gt 0; and printf '%s\n' $lines
    end
end
complete -c handoff -f -a '(__handoff_complete)'
)";

// Where no pool answers in time.
class NoPool final : public PoolWords {
 public:
  std::vector<Candidate> HandoffIds(Ids, absl::string_view) override { return {}; }
  std::vector<Candidate> Workers() override { return {}; }
  std::vector<Candidate> Labels() override { return {}; }
  std::vector<Candidate> Agents() override { return {}; }
  std::vector<Candidate> Users() override { return {}; }
  std::vector<Candidate> Tokens() override { return {}; }
};

std::string InLines(const Completion& completion) {
  std::string out;
  switch (completion.kind) {
    case Completion::kWords:
      out = "words\n";
      break;
    case Completion::kFiles:
      out = "files\n";
      break;
    case Completion::kDirectories:
      out = "directories\n";
      break;
    case Completion::kCommand:
      out = absl::StrCat("command ", completion.command, "\n");
      break;
  }
  for (const Candidate& each : completion.words) {
    const std::string about = OneLine(EscapeInvalidUtf8(each.about), kMostAbout);
    absl::StrAppend(&out, each.word, about.empty() ? "" : "\t", about, "\n");
  }
  return out;
}

VerbResult PrintScript(const std::string& shell, Context& context) {
  context.terminal.Out(shell == "bash" ? kBash : shell == "zsh" ? kZsh : kFish);
  return Exit::kDone;
}

}  // namespace

int PrintCompletion(const std::vector<std::string>& typed,
                    const std::vector<std::string>& environment, Terminal& terminal) {
  std::promise<Completion> made;
  std::future<Completion> answer = made.get_future();
  std::thread asking([typed, environment, made = std::move(made)]() mutable {
    Completion completion;
    {
      AskedPool pool(CoordinatorIn(typed), environment);
      completion = CompleteLine(typed, environment, pool);
    }
    made.set_value(std::move(completion));
  });
  if (answer.wait_for(absl::ToChronoNanoseconds(MostWait(environment))) ==
      std::future_status::ready) {
    terminal.Out(InLines(answer.get()));
    asking.join();
    return 0;
  }
  NoPool none;
  terminal.Out(InLines(CompleteLine(typed, environment, none)));
  ::_exit(0);  // it may wait for long yet
}

VerbRun DefineCompletion(CLI::App& app) {
  const auto shell = std::make_shared<std::string>();
  app.add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""))
      ->type_name("");
  return [shell](Context& context) { return PrintScript(*shell, context); };
}

}  // namespace handoff
