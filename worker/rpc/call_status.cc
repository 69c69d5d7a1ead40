#include "worker/rpc/call_status.h"

#include <string>

#include "absl/strings/string_view.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"

namespace handoff::worker {

absl::Status FromCall(const grpc::Status& status) {
  const absl::Status said = FromGrpc(status);
  if (!absl::IsUnavailable(said)) return said;
  const std::string explained = ExplainHandshake(said.message());
  return explained.empty() ? said : absl::UnavailableError(explained);
}

absl::Status FromAttemptCall(const grpc::Status& status) {
  const absl::Status said = FromGrpc(status);
  const bool of_attempt = !absl::IsUnauthenticated(said) && !absl::IsUnimplemented(said);
  return of_attempt ? said : absl::UnavailableError(said.message());
}

}  // namespace handoff::worker
