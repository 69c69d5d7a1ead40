#include "tests/scripted_agent/script.h"

#include <csignal>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace handoff::scripted {
namespace {

enum class Rest { kNone, kOptional, kRequired };
struct Verb {
  absl::string_view name;
  size_t words;
  Rest rest;
};
constexpr Verb kVerbs[] = {
    {"say", 0, Rest::kRequired},      {"think", 0, Rest::kRequired},
    {"tool", 1, Rest::kRequired},     {"write", 1, Rest::kOptional},
    {"commit", 0, Rest::kRequired},   {"result", 1, Rest::kOptional},
    {"sections", 0, Rest::kRequired}, {"prompt", 1, Rest::kNone},
    {"line", 1, Rest::kNone},         {"raw", 0, Rest::kOptional},
    {"stderr", 0, Rest::kOptional},   {"spam", 2, Rest::kOptional},
    {"session", 1, Rest::kNone},      {"wait", 1, Rest::kNone},
    {"tell", 1, Rest::kOptional},     {"record", 2, Rest::kNone},
    {"grandchild", 1, Rest::kNone},   {"ignore", 1, Rest::kNone},
    {"crash", 1, Rest::kNone},        {"exit", 1, Rest::kNone},
    {"silence", 0, Rest::kNone},      {"no-exit", 0, Rest::kNone},
    {"first", 1, Rest::kRequired},
};

std::string TakeWord(absl::string_view* text) {
  *text = absl::StripLeadingAsciiWhitespace(*text);
  const std::string word(text->substr(0, text->find_first_of(" \t")));
  text->remove_prefix(word.size());
  return word;
}

bool IsNumber(const std::string& text, uint64_t most) {
  uint64_t number = 0;
  return absl::SimpleAtoi(text, &number) && number <= most;
}

// What the table cannot say; "" when it is right.
std::string Wrong(const Step& step) {
  if (step.verb == "tool" && step.words[0] != "shell") return "the only tool is 'shell'";
  if (step.verb == "result" && step.words[0] != "ok" && step.words[0] != "error") {
    return "a result is 'ok' or 'error'";
  }
  if (step.verb == "exit" && !IsNumber(step.words[0], 255)) return "an exit code is 0 to 255";
  if (step.verb == "line" && !IsNumber(step.words[0], 1 << 30)) return "a line has at most 1 GiB";
  const bool spam = step.verb == "spam";
  if (spam && !(IsNumber(step.words[0], uint64_t{1} << 40) && IsNumber(step.words[1], ~0ULL) &&
                (step.text.empty() || step.text == "out"))) {
    return "expected BYTES SEED [out]";
  }
  const bool signal = step.verb == "ignore" || step.verb == "crash";
  if (signal && SignalNumber(step.words[0]) == 0) return "there is no such signal";
  return "";
}

absl::StatusOr<Step> ParseStep(absl::string_view line) {
  Step step;
  step.verb = TakeWord(&line);
  const Verb* verb = nullptr;
  for (const Verb& v : kVerbs) {
    if (v.name == step.verb) verb = &v;
  }
  if (verb == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("unknown step '", step.verb, "'"));
  }
  for (size_t i = 0; i < verb->words; ++i) {
    step.words.push_back(TakeWord(&line));
    if (step.words.back().empty()) {
      return absl::InvalidArgumentError(absl::StrCat("'", step.verb, "' lacks an argument"));
    }
  }
  step.text = std::string(absl::StripAsciiWhitespace(line));
  if ((verb->rest == Rest::kRequired) == step.text.empty() && verb->rest != Rest::kOptional) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", step.verb, "' has ", step.text.empty() ? "too few" : "too many", " arguments"));
  }
  const std::string wrong = Wrong(step);
  if (!wrong.empty()) return absl::InvalidArgumentError(absl::StrCat(step.verb, ": ", wrong));
  if (step.verb == "first") {
    auto then = ParseStep(step.text);
    if (!then.ok()) return then.status();
    step.then = std::make_shared<const Step>(*std::move(then));
  }
  return step;
}

}  // namespace

absl::StatusOr<std::vector<Step>> ParseScript(absl::string_view text) {
  std::vector<Step> steps;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    auto step = ParseStep(line);
    if (!step.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("script line ", number, ": ", step.status().message()));
    }
    steps.push_back(*std::move(step));
  }
  return steps;
}

std::string ScriptInPrompt(absl::string_view prompt) {
  std::string script;
  for (absl::string_view line : absl::StrSplit(prompt, '\n')) {
    if (absl::ConsumePrefix(&line, "script: ")) absl::StrAppend(&script, line, "\n");
  }
  return script;
}

int SignalNumber(absl::string_view name) {
  int number = 0;
  if (absl::SimpleAtoi(name, &number)) return number > 0 && number < NSIG ? number : 0;
  absl::ConsumePrefix(&name, "SIG");
  for (const auto& [known, value] : {std::pair<absl::string_view, int>{"SEGV", SIGSEGV},
                                     {"KILL", SIGKILL},
                                     {"ABRT", SIGABRT},
                                     {"TERM", SIGTERM},
                                     {"INT", SIGINT},
                                     {"HUP", SIGHUP},
                                     {"PIPE", SIGPIPE},
                                     {"BUS", SIGBUS}}) {
    if (name == known) return value;
  }
  return 0;
}

}  // namespace handoff::scripted
