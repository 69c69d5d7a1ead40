#include "common/rpc/retry_after.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace handoff {
namespace {

// What is beyond says that the two do not understand each other.
constexpr absl::Duration kLongest = absl::Hours(24);

}  // namespace

void SendRetryAfter(const absl::Status& status, grpc::ServerContextBase& context) {
  const auto wait = RetryAfter(status);
  if (!wait.has_value()) return;
  const int64_t ms = absl::ToInt64Milliseconds(absl::Ceil(*wait, absl::Milliseconds(1)));
  context.AddTrailingMetadata(kRetryAfterTrailer, absl::StrCat(ms));
}

absl::Status TakeRetryAfter(absl::Status status, const grpc::ClientContext& context) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto told = trailers.find(kRetryAfterTrailer);
  int64_t ms = 0;
  if (status.ok() || told == trailers.end() ||
      !absl::SimpleAtoi(absl::string_view(told->second.data(), told->second.size()), &ms) ||
      ms < 0 || absl::Milliseconds(ms) > kLongest) {
    return status;
  }
  return WithRetryAfter(std::move(status), absl::Milliseconds(ms));
}

}  // namespace handoff
