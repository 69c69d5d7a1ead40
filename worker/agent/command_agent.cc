#include "worker/agent/command_agent.h"

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"

namespace handoff {
namespace {

class SilentStream final : public StreamParser {
 public:
  std::vector<AgentEvent> ParseLine(absl::string_view) override { return {}; }
};

// As the kernel reads "#!": a program and at most one argument. Named here, the script needs no
// executable bit, and a workspace mounted noexec does not matter.
std::vector<std::string> Interpreter(absl::string_view first_line) {
  if (!absl::ConsumePrefix(&first_line, "#!")) return {"/bin/sh"};
  first_line = absl::StripAsciiWhitespace(first_line);
  const size_t space = first_line.find_first_of(" \t");
  const absl::string_view program = first_line.substr(0, space);
  if (program.empty()) return {"/bin/sh"};
  if (space == absl::string_view::npos) return {std::string(program)};
  return {std::string(program),
          std::string(absl::StripLeadingAsciiWhitespace(first_line.substr(space)))};
}

}  // namespace

ProbeVerdict CommandAgent::JudgeProbe(const std::optional<ProbeOutput>&) const {
  ProbeVerdict verdict;
  verdict.state = ProbeVerdict::State::kReady;
  return verdict;
}

AgentCommand CommandAgent::Command(const AgentRun& run) const {
  AgentCommand command;
  command.prompt_on_stdin = false;
  command.argv = run.argv;
  if (command.argv.empty()) {
    command.argv = Interpreter(run.script_first_line);
    command.argv.push_back(run.script);
  }
  return command;
}

std::unique_ptr<StreamParser> CommandAgent::NewParser() const {
  return std::make_unique<SilentStream>();
}

Verdict CommandAgent::Diagnose(const ProcessEnd& process, absl::string_view) const {
  if (process.exit_code == 127) {
    return {FailureClass::kAgentError,
            "The command exited with status 127: a program was not found on that worker."};
  }
  if (process.exit_code == 126) {
    return {FailureClass::kAgentError,
            "The command exited with status 126: a program may not be executed on that worker."};
  }
  return {};
}

}  // namespace handoff
