// The CLI of opencode, `opencode`. It keeps all sessions in one SQLite file, so one goes to another
// host by its own export and import.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "worker/agent/agent.h"

namespace handoff {

class OpencodeAgent final : public Agent {
 public:
  absl::string_view name() const override { return "opencode"; }
  SessionOrigin session_origin() const override { return SessionOrigin::kStream; }
  bool needs_repository() const override { return true; }
  bool has_stream() const override { return true; }
  ProbeSpec Probe() const override;
  ProbeVerdict JudgeProbe(const std::optional<ProbeOutput>& output) const override;
  AgentCommand Command(const AgentRun& run) const override;
  std::optional<AgentCommand> SummaryCommand(const AgentRun& run) const override;
  std::unique_ptr<StreamParser> NewParser() const override;
  // One file that the export wrote, whatever the directory.
  SessionFiles FilesOf(const SessionPlace& place) const override;
  std::optional<AgentCommand> SaveSessionCommand(const std::string& executable,
                                                 const SessionPlace& place) const override;
  std::optional<AgentCommand> LoadSessionCommand(const std::string& executable,
                                                 const SessionPlace& place) const override;
  // That one comes when the model has answered, which may take as long as any answer.
  absl::Duration first_event_limit() const override { return absl::Minutes(10); }
  // Its stream has no last event. A step that looks like it may be the summary of a conversation
  // that got too long, after which it waits for the model again.
  absl::Duration finish_grace() const override { return absl::Minutes(2); }
  Verdict Diagnose(const ProcessEnd& process, absl::string_view stderr_tail) const override;
};

}  // namespace handoff
