// GitHub's Copilot CLI, `copilot`.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "worker/agent/agent.h"

namespace handoff {

class CopilotAgent final : public Agent {
 public:
  absl::string_view name() const override { return "copilot"; }
  SessionOrigin session_origin() const override { return SessionOrigin::kChosen; }
  bool names_session_last() const override { return true; }
  bool needs_repository() const override { return true; }
  bool has_stream() const override { return true; }
  ProbeSpec Probe() const override;
  ProbeVerdict JudgeProbe(const std::optional<ProbeOutput>& output) const override;
  AgentCommand Command(const AgentRun& run) const override;
  std::optional<AgentCommand> SummaryCommand(const AgentRun& run) const override;
  std::unique_ptr<StreamParser> NewParser() const override;
  // A session is one folder, wherever the CLI ran.
  SessionFiles FilesOf(const SessionPlace& place) const override;
  Verdict Diagnose(const ProcessEnd& process, absl::string_view stderr_tail) const override;
};

}  // namespace handoff
