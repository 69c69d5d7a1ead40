#include "common/rpc/status.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/text.h"

namespace handoff {
namespace {

// Percent-encoded at worst three times as long, and then still below 8 KiB.
constexpr size_t kMaxStatusMessageBytes = 2000;

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  std::string message(status.message());
  if (message.size() > kMaxStatusMessageBytes) {
    message.resize(kMaxStatusMessageBytes);
    // A character cut in half goes too.
    while (!message.empty() && !IsValidUtf8(message) &&
           message.size() > kMaxStatusMessageBytes - 4) {
      message.pop_back();
    }
    absl::StrAppend(&message, "…");
  }
  // Both enumerations are the canonical codes with the same numbers.
  return grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()), message);
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace handoff
