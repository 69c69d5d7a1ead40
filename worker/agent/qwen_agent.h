// Qwen Code, `qwen`.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "worker/agent/agent.h"

namespace handoff {

class QwenAgent final : public Agent {
 public:
  absl::string_view name() const override { return "qwen"; }
  SessionOrigin session_origin() const override { return SessionOrigin::kChosen; }
  bool needs_repository() const override { return true; }
  bool has_stream() const override { return true; }
  ProbeSpec Probe() const override;
  ProbeVerdict JudgeProbe(const std::optional<ProbeOutput>& output) const override;
  AgentCommand Command(const AgentRun& run) const override;
  std::optional<AgentCommand> SummaryCommand(const AgentRun& run) const override;
  std::unique_ptr<StreamParser> NewParser() const override;
  // A session lies in a folder that is named after the one in which the CLI ran.
  SessionFiles FilesOf(const SessionPlace& place) const override;
  std::string FileIn(const SessionPlace& place, const std::string& file) const override;
  // A record without which it disowns a session whose first line names another directory.
  std::map<std::string, std::string> FilesBeside(const SessionPlace& place) const override;
  Verdict Diagnose(const ProcessEnd& process, absl::string_view stderr_tail) const override;
};

}  // namespace handoff
