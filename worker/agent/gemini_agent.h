// Google's Gemini CLI, `gemini`.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "worker/agent/agent.h"

namespace handoff {

class GeminiAgent final : public Agent {
 public:
  absl::string_view name() const override { return "gemini"; }
  SessionOrigin session_origin() const override { return SessionOrigin::kChosen; }
  bool needs_repository() const override { return true; }
  bool has_stream() const override { return true; }
  ProbeSpec Probe() const override;
  ProbeVerdict JudgeProbe(const std::optional<ProbeOutput>& output) const override;
  AgentCommand Command(const AgentRun& run) const override;
  std::optional<AgentCommand> TurnCommand(const AgentRun& run) const override;
  // No SummaryCommand: in each of its modes a model can leave the mode and write.
  std::unique_ptr<StreamParser> NewParser() const override;
  // A session lies in a folder that the CLI's own register, a file, names for the directory.
  SessionFiles FilesOf(const SessionPlace& place) const override;
  std::string FileIn(const SessionPlace& place, const std::string& file) const override;
  bool forgets_interrupted() const override { return true; }  // measured with 0.61.0
  Verdict Diagnose(const ProcessEnd& process, absl::string_view stderr_tail) const override;
};

}  // namespace handoff
