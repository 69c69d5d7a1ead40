#include "worker/agent/setup.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/text.h"
#include "worker/agent/failure_text.h"

namespace handoff {

ProbeVerdict VerdictFrom(const ProbeOutput& output, absl::string_view login) {
  ProbeVerdict verdict;
  const std::vector<absl::string_view> version =
      absl::StrSplit(output.version_out, '\n', absl::SkipWhitespace());
  if (!version.empty()) verdict.version = OneLine(version[0], 80);
  verdict.state = ProbeVerdict::State::kNeedsSetup;
  if (output.timed_out) {
    verdict.message = absl::StrCat("`", ShellQuote(output.executable),
                                   "` gave no answer in time when its version and `", login,
                                   "` were asked for; it is asked again");
  }
  return verdict;
}

Verdict DiagnoseWords(absl::string_view words, absl::string_view product, absl::string_view setup) {
  Verdict verdict = ClassifyErrorText(words);
  if (verdict.failure == FailureClass::kAgentNeedsSetup) {
    verdict.message = absl::StrCat(setup, ".");
  } else if (verdict.failure != FailureClass::kNone) {
    verdict.message = absl::StrCat(product, " said: ", verdict.message);
  }
  return verdict;
}

}  // namespace handoff
