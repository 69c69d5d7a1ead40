#include "cli/ci_report.h"

#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/settings.h"
#include "cli/text/render_ci.h"
#include "common/file.h"
#include "common/status.h"
#include "common/subprocess.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr absl::Duration kAgentLimit = absl::Seconds(60);

// The system's own file, to which other steps write, too.
absl::Status Append(const std::string& path, const std::string& text) {
  ASSIGN_OR_RETURN(const UniqueFd file, OpenFile(path, O_WRONLY | O_APPEND | O_CREAT, 0644));
  return WriteAll(file.get(), text);
}

absl::Status Write(const CiJob& job, const std::string& path, const std::string& text) {
  if (job.system == CiSystem::kGitHub) return Append(path, text);
  // In the checkout, where anything may lie under that name: a link is replaced, not followed.
  return WriteFileAtomically(path, text, 0644);
}

}  // namespace

void CiReport::Begin() const {
  const bool own_files =
      job_.has_value() && (job_->system == CiSystem::kGitLab || job_->system == CiSystem::kJenkins);
  if (!own_files) return;
  for (const std::string& path : {job_->outputs, job_->summary}) {
    if (!path.empty()) ::unlink(path.c_str());
  }
}

void CiReport::Kept(const v1::Handoff& handoff, bool existing, bool stays) {
  existing_ = existing;
  Tell(handoff, /*summary=*/!stays);
}

void CiReport::Ended(const v1::Handoff& handoff) { Tell(handoff, /*summary=*/true); }

void CiReport::Tell(const v1::Handoff& handoff, bool summary) {
  if (!job_.has_value()) return;
  const auto warn = [&](const char* what, const absl::Status& status) {
    if (status.ok()) return;
    context_.terminal.Say(absl::StrCat("handoff: warning: the CI system got no ", what, ": ",
                                       OneLine(status.message(), 300)));
  };
  warn("outputs", WriteOutputs(handoff));
  if (summary) warn("summary", WriteSummary(handoff));
}

absl::Status CiReport::WriteOutputs(const v1::Handoff& handoff) const {
  if (job_->system == CiSystem::kBuildkite) {
    for (const auto& [name, value] : CiOutputs(handoff)) {
      if (value.empty()) continue;  // it takes none
      RETURN_IF_ERROR(
          RunAgent({"meta-data", "set", absl::StrCat(job_->key, "-", name), value}, ""));
    }
    return absl::OkStatus();
  }
  if (job_->outputs.empty()) return absl::NotFoundError("it named no file for them");
  return Write(*job_, job_->outputs, CiOutputLines(job_->system, handoff));
}

absl::Status CiReport::WriteSummary(const v1::Handoff& handoff) const {
  const std::string text = RenderCiSummary(handoff, job_->system, existing_);
  if (job_->system == CiSystem::kBuildkite) {
    return RunAgent({"annotate", "--style", CiStyle(handoff), "--context",
                     absl::StrCat("handoff-", handoff.id())},
                    text);
  }
  if (job_->summary.empty()) return absl::NotFoundError("it named no file for it");
  return Write(*job_, job_->summary, text);
}

absl::Status CiReport::RunAgent(const std::vector<std::string>& args,
                                const std::string& input) const {
  ASSIGN_OR_RETURN(const std::string program,
                   FindInPath("buildkite-agent", FromEnvironment(context_.environment, "PATH")));
  SpawnOptions options;
  options.argv = {program};
  options.argv.insert(options.argv.end(), args.begin(), args.end());
  for (const std::string& variable : context_.environment) {
    if (!absl::StartsWith(variable, "HANDOFF_TOKEN=")) options.env.push_back(variable);
  }
  ASSIGN_OR_RETURN(const RunResult result, RunProcess(options, input, kAgentLimit));
  if (result.timed_out) return absl::DeadlineExceededError("buildkite-agent does not end");
  if (result.status.ok()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("buildkite-agent ", args[0], " failed: ", OneLine(result.err, 300)));
}

}  // namespace handoff
