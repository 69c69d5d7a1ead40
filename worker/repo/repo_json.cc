#include "worker/repo/repo_json.h"

#include "absl/strings/str_cat.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr absl::StatusCode kCodes[] = {
    absl::StatusCode::kCancelled,         absl::StatusCode::kInvalidArgument,
    absl::StatusCode::kNotFound,          absl::StatusCode::kAlreadyExists,
    absl::StatusCode::kPermissionDenied,  absl::StatusCode::kUnauthenticated,
    absl::StatusCode::kResourceExhausted, absl::StatusCode::kFailedPrecondition,
    absl::StatusCode::kUnavailable,       absl::StatusCode::kInternal,
};

}  // namespace

nlohmann::json ErrorToJson(const absl::Status& status) {
  return {{"error", std::string(status.message())},
          {"code", absl::StatusCodeToString(status.code())}};
}

absl::Status ErrorFromJson(const nlohmann::json& line) {
  const std::string name = line.value("code", "INTERNAL");
  const std::string message = line.value("error", "handoff-repo gave no reason");
  for (const absl::StatusCode code : kCodes) {
    if (absl::StatusCodeToString(code) == name) return absl::Status(code, message);
  }
  return absl::InternalError(message);
}

std::string JsonLine(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string ProgressText(const nlohmann::json& line) {
  std::string text = line.value("progress", "");
  const int percent = line.value("percent", -1);
  const uint64_t bytes = line.value("bytes", uint64_t{0});
  if (percent >= 0) absl::StrAppend(&text, " ", percent, " %");
  if (bytes > 0) absl::StrAppend(&text, ", ", HumanBytes(bytes));
  return text;
}

absl::StatusOr<nlohmann::json> ParseJsonLine(const std::string& line) {
  nlohmann::json value = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded() || !value.is_object()) {
    return absl::InternalError("handoff-repo wrote a line that is not a JSON object");
  }
  return value;
}

}  // namespace handoff
