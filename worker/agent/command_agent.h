// Any argv, or a script given as the task. No stream, no session: its exit status is all it says.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/agent/agent.h"

namespace handoff {

class CommandAgent final : public Agent {
 public:
  absl::string_view name() const override { return "command"; }
  SessionOrigin session_origin() const override { return SessionOrigin::kNone; }
  bool needs_repository() const override { return false; }
  bool has_stream() const override { return false; }
  ProbeSpec Probe() const override { return {}; }
  ProbeVerdict JudgeProbe(const std::optional<ProbeOutput>& output) const override;
  AgentCommand Command(const AgentRun& run) const override;
  std::unique_ptr<StreamParser> NewParser() const override;
  Verdict Diagnose(const ProcessEnd& process, absl::string_view stderr_tail) const override;
};

}  // namespace handoff
