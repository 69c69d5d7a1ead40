#include "worker/agent/like_agent.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace handoff {

std::string LikeAgent::OwnWords(const std::string& message) const {
  return absl::StrReplaceAll(
      message,
      {{absl::StrCat("[agents.", model_.name(), "]"), absl::StrCat("[agents.", name_, "]")},
       {absl::StrCat("[agents.", model_.name(), "."), absl::StrCat("[agents.", name_, ".")}});
}

ProbeVerdict LikeAgent::JudgeProbe(const std::optional<ProbeOutput>& output) const {
  ProbeVerdict verdict = model_.JudgeProbe(output);
  if (!output) {
    verdict.message = absl::StrCat("the program that [agents.", name_, "] names as binary, like ",
                                   model_.name(), ", is not on this worker or does not run");
    return verdict;
  }
  verdict.version =
      absl::StrCat(verdict.version, verdict.version.empty() ? "" : ", ", "like ", model_.name());
  verdict.message = OwnWords(verdict.message);
  return verdict;
}

Verdict LikeAgent::Diagnose(const ProcessEnd& process, absl::string_view stderr_tail) const {
  Verdict verdict = model_.Diagnose(process, stderr_tail);
  verdict.message = OwnWords(verdict.message);
  return verdict;
}

}  // namespace handoff
