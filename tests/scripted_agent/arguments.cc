#include "tests/scripted_agent/arguments.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff::scripted {
namespace {

absl::Status RunArguments(const std::vector<std::string>& argv, Arguments* out) {
  bool print = false, stream = false, prompt = false;
  for (size_t i = 1; i < argv.size(); ++i) {
    const std::string& flag = argv[i];
    const bool has_value =
        flag == "--resume" || flag == "--output-format" || flag == "--model" || flag == "--mode";
    if (has_value && i + 1 == argv.size()) {
      return absl::InvalidArgumentError(absl::StrCat(flag, " lacks its value"));
    }
    if (flag == "--resume") {
      out->session = argv[++i];
    } else if (flag == "--model") {
      out->model = argv[++i];
    } else if (flag == "--mode") {
      if (argv[++i] != "ask") return absl::InvalidArgumentError("the only mode is 'ask'");
      out->ask = true;
    } else if (flag == "--output-format") {
      stream = argv[++i] == "stream-json";
    } else if (flag == "--print" || flag == "-p") {
      print = true;
    } else if (absl::StartsWith(flag, "-") && flag != "--trust" && flag != "--yolo") {
      return absl::InvalidArgumentError(absl::StrCat("unknown option ", flag));
    } else if (!absl::StartsWith(flag, "-")) {
      if (prompt) return absl::InvalidArgumentError("two prompts");
      out->prompt = flag;
      prompt = true;
    }
  }
  if (out->ask && out->session.empty()) out->session = "asked";
  if (!print || !stream || out->session.empty()) {
    return absl::InvalidArgumentError(
        "only --resume ID --print --output-format stream-json is played, and --mode ask without "
        "ID");
  }
  if (prompt) return absl::OkStatus();
  ASSIGN_OR_RETURN(out->prompt, ReadFile("/dev/stdin"));
  return absl::OkStatus();
}

// What a prompt wants to hear that asks for two numbers; "" for any other.
std::string TwoNumbers(absl::string_view prompt) {
  std::vector<std::string> numbers;
  for (absl::string_view rest : absl::StrSplit(prompt, "the number ")) {
    rest = rest.substr(0, rest.find(','));
    if (rest.size() == 6 && rest.find_first_not_of("0123456789") == absl::string_view::npos)
      numbers.emplace_back(rest);
  }
  return numbers.size() == 2 ? absl::StrJoin(numbers, "-") : "";
}

}  // namespace

absl::StatusOr<Arguments> ParseArguments(const std::vector<std::string>& argv) {
  Arguments arguments;
  const std::string verb = argv.size() > 1 ? argv[1] : "";
  if (verb == "create-chat" || verb == "status") {
    arguments.verb = verb;
  } else if (verb == "--version" || verb == "--help") {
    arguments.verb = verb.substr(2);
  } else if (verb == "hold-on" && argv.size() == 3) {
    arguments.verb = verb;
    arguments.prompt = argv[2];
  } else if (verb == "play") {
    arguments.verb = verb;
    arguments.prompt = absl::StrJoin(argv.begin() + 2, argv.end(), "\n");
  } else {
    arguments.verb = "run";
    RETURN_IF_ERROR(RunArguments(argv, &arguments));
  }
  return arguments;
}

absl::StatusOr<std::vector<Step>> ReadScript(const Arguments& arguments) {
  if (arguments.verb == "play") return ParseScript(arguments.prompt);
  const std::string numbers = arguments.ask ? TwoNumbers(arguments.prompt) : "";
  const char* const variable = !numbers.empty() ? "HANDOFF_TURN_SCRIPT"
                               : arguments.ask  ? "HANDOFF_SUMMARY_SCRIPT"
                                                : "HANDOFF_SCRIPT";
  if (const char* path = std::getenv(variable); path != nullptr && *path != '\0') {
    ASSIGN_OR_RETURN(const std::string script, ReadFile(path));
    return ParseScript(script);
  }
  if (!numbers.empty()) return ParseScript(absl::StrCat("say ", numbers, "\nresult ok"));
  if (arguments.ask) return ParseScript("sections Not known.\nresult ok");
  const std::string script = ScriptInPrompt(arguments.prompt);
  return ParseScript(script.empty() ? "say There is no script in the prompt.\nresult ok" : script);
}

}  // namespace handoff::scripted
