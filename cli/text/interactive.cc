#include "cli/text/interactive.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/text.h"

namespace handoff {
namespace {

struct Cli {
  absl::string_view agent;
  std::vector<std::string> programs;
  std::vector<std::string> resume;  // the session's id follows the last one
  bool joined = false;              // as one word with it
  // Goes before a prompt, which would else be answered and end, or be taken for a folder.
  std::vector<std::string> prompt = {};
};

const Cli* Find(absl::string_view agent) {
  // The value of cursor's --resume is optional: as a word of its own it would be a prompt.
  static const auto* const all =
      new std::vector<Cli>{{"cursor", {"cursor-agent", "agent"}, {"--resume="}, true},
                           {"claude", {"claude"}, {"--resume"}},
                           {"codex", {"codex"}, {"resume"}},
                           {"gemini", {"gemini"}, {"--resume"}},
                           {"opencode", {"opencode"}, {"--session"}, false, {"--prompt"}},
                           {"copilot", {"copilot"}, {"--resume="}, true, {"--interactive"}},
                           {"qwen", {"qwen"}, {"--resume"}, false, {"-i"}}};
  const auto found =
      std::find_if(all->begin(), all->end(), [&](const Cli& cli) { return cli.agent == agent; });
  return found == all->end() ? nullptr : &*found;
}

// Up to the prompt.
std::vector<std::string> Opening(const Cli& cli, const std::string& program,
                                 const std::string& model) {
  std::vector<std::string> argv = {program};
  if (!model.empty()) argv.insert(argv.end(), {"--model", model});
  argv.insert(argv.end(), cli.prompt.begin(), cli.prompt.end());
  return argv;
}

}  // namespace

std::vector<std::string> ProgramsOf(absl::string_view agent) {
  const Cli* const cli = Find(agent);
  return cli == nullptr ? std::vector<std::string>() : cli->programs;
}

std::string PromptArgument(const std::string& prompt) {
  return absl::StrCat(prompt.rfind('-', 0) == 0 ? " " : "", prompt);
}

std::vector<std::string> OpenWithPrompt(absl::string_view agent, const std::string& program,
                                        const std::string& model, const std::string& prompt) {
  const Cli* const cli = Find(agent);
  if (cli == nullptr) return {};
  std::vector<std::string> argv = Opening(*cli, program, model);
  argv.push_back(PromptArgument(prompt));
  return argv;
}

std::string OpenWithPromptFile(absl::string_view agent, const std::string& program,
                               const std::string& model, const std::string& file) {
  const Cli* const cli = Find(agent);
  if (cli == nullptr) return "";
  return absl::StrCat(ShellJoin(Opening(*cli, program, model)), " \"$(cat ", ShellQuote(file),
                      ")\"");
}

std::vector<std::string> OpenSession(absl::string_view agent, const std::string& program,
                                     const std::string& session) {
  const Cli* const cli = Find(agent);
  if (cli == nullptr || session.empty()) return {};
  std::vector<std::string> argv = {program};
  argv.insert(argv.end(), cli->resume.begin(), cli->resume.end());
  if (cli->joined) {
    argv.back() += session;
  } else {
    argv.push_back(session);
  }
  return argv;
}

std::vector<std::string> OpenOnHost(const std::string& target, const std::string& folder,
                                    const std::vector<std::string>& command) {
  const std::string then = command.empty() ? "exec \"$SHELL\" -l" : ShellJoin(command);
  return {"ssh", target, "-t", absl::StrCat("cd ", ShellQuote(folder), " && ", then)};
}

}  // namespace handoff
