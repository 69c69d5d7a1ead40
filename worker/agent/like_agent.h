// A CLI that speaks the dialect of one of ours under another name and at another path: a wrapper, a
// fork, a second account of the same program. Everything but the name is that agent's.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/agent/agent.h"

namespace handoff {

class LikeAgent final : public Agent {
 public:
  LikeAgent(std::string name, const Agent& model) : name_(std::move(name)), model_(model) {}

  absl::string_view name() const override { return name_; }
  SessionOrigin session_origin() const override { return model_.session_origin(); }
  bool needs_repository() const override { return model_.needs_repository(); }
  bool has_stream() const override { return model_.has_stream(); }
  ProbeSpec Probe() const override { return model_.Probe(); }
  // The version says which agent it is like; what is to be done speaks of its own section.
  ProbeVerdict JudgeProbe(const std::optional<ProbeOutput>& output) const override;
  std::vector<std::string> CreateSessionCommand(const AgentRun& run) const override {
    return model_.CreateSessionCommand(run);
  }
  absl::StatusOr<std::string> ParseSessionId(absl::string_view output) const override {
    return model_.ParseSessionId(output);
  }
  AgentCommand Command(const AgentRun& run) const override { return model_.Command(run); }
  std::optional<AgentCommand> SummaryCommand(const AgentRun& run) const override {
    return model_.SummaryCommand(run);
  }
  std::optional<AgentCommand> TurnCommand(const AgentRun& run) const override {
    return model_.TurnCommand(run);
  }
  std::unique_ptr<StreamParser> NewParser() const override { return model_.NewParser(); }
  SessionFiles FilesOf(const SessionPlace& place) const override { return model_.FilesOf(place); }
  std::string FileIn(const SessionPlace& place, const std::string& file) const override {
    return model_.FileIn(place, file);
  }
  std::map<std::string, std::string> FilesBeside(const SessionPlace& place) const override {
    return model_.FilesBeside(place);
  }
  std::optional<AgentCommand> SaveSessionCommand(const std::string& executable,
                                                 const SessionPlace& place) const override {
    return model_.SaveSessionCommand(executable, place);
  }
  std::optional<AgentCommand> LoadSessionCommand(const std::string& executable,
                                                 const SessionPlace& place) const override {
    return model_.LoadSessionCommand(executable, place);
  }
  bool names_session_last() const override { return model_.names_session_last(); }
  bool id_proves_session() const override { return model_.id_proves_session(); }
  bool forgets_interrupted() const override { return model_.forgets_interrupted(); }
  absl::Duration first_event_limit() const override { return model_.first_event_limit(); }
  absl::Duration finish_grace() const override { return model_.finish_grace(); }
  Verdict Diagnose(const ProcessEnd& process, absl::string_view stderr_tail) const override;

 private:
  std::string OwnWords(const std::string& message) const;

  const std::string name_;
  const Agent& model_;
};

}  // namespace handoff
