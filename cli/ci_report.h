// Tells the CI system what became of a handoff: its outputs and its summary. What cannot be told
// is a warning: the handoff is not in danger.
#pragma once

#include <optional>

#include "cli/ci.h"
#include "cli/verb.h"

namespace handoff {

class CiReport {
 public:
  // `job` absent: nothing is told. `context` must outlive it.
  CiReport(std::optional<CiJob> job, Context& context) : job_(std::move(job)), context_(context) {}

  // What an earlier job left in the workspace is not this one's.
  void Begin() const;
  // It is kept. `stays`: Ended comes, unless the command is ended before.
  void Kept(const v1::Handoff& handoff, bool existing, bool stays);
  void Ended(const v1::Handoff& handoff);

 private:
  void Tell(const v1::Handoff& handoff, bool summary);
  absl::Status WriteOutputs(const v1::Handoff& handoff) const;
  absl::Status WriteSummary(const v1::Handoff& handoff) const;
  absl::Status RunAgent(const std::vector<std::string>& args, const std::string& input) const;

  const std::optional<CiJob> job_;
  Context& context_;
  bool existing_ = false;
};

}  // namespace handoff
