#include "worker/question.h"

#include <spdlog/spdlog.h>

#include <string>

#include "absl/strings/ascii.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff::worker {
namespace {

constexpr char kName[] = "question.md";
constexpr size_t kMaxBytes = 16 << 10;
constexpr uint64_t kMaxRead = 1 << 20;

void Warn(const Attempt& attempt, const absl::Status& status) {
  if (status.ok() || absl::IsNotFound(status)) return;
  SPDLOG_WARN("{}: {}", attempt.key.ToString(), std::string(status.message()));
}

}  // namespace

void DropOldQuestion(Attempt& attempt) { Warn(attempt, attempt.files.Remove(kName)); }

void TakeQuestion(Attempt& attempt) {
  attempt.end->clear_question();
  const auto text = attempt.files.Read(kName, kMaxRead);
  Warn(attempt, text.status());
  if (absl::IsResourceExhausted(text.status())) {
    attempt.end->set_question(
        "The agent asks at such length that only the workspace holds it: " + attempt.workspace +
        "/.cursor/agent-handoffs/" + attempt.key.handoff_id + "/" + kName);
  }
  if (!text.ok()) return;
  const std::string shown = StripControls(EscapeInvalidUtf8(*text));
  const absl::string_view question = absl::StripAsciiWhitespace(shown);
  if (!question.empty()) attempt.end->set_question(Clip(question, kMaxBytes));
}

}  // namespace handoff::worker
