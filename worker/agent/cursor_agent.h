// Cursor's CLI, `cursor-agent` or `agent`.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/agent/agent.h"

namespace handoff {

class CursorAgent final : public Agent {
 public:
  absl::string_view name() const override { return "cursor"; }
  SessionOrigin session_origin() const override { return SessionOrigin::kCommand; }
  bool id_proves_session() const override { return false; }
  bool needs_repository() const override { return true; }
  bool has_stream() const override { return true; }
  ProbeSpec Probe() const override;
  ProbeVerdict JudgeProbe(const std::optional<ProbeOutput>& output) const override;
  std::vector<std::string> CreateSessionCommand(const AgentRun& run) const override;
  absl::StatusOr<std::string> ParseSessionId(absl::string_view output) const override;
  AgentCommand Command(const AgentRun& run) const override;
  std::optional<AgentCommand> SummaryCommand(const AgentRun& run) const override;
  std::unique_ptr<StreamParser> NewParser() const override;
  Verdict Diagnose(const ProcessEnd& process, absl::string_view stderr_tail) const override;
};

}  // namespace handoff
