// The packets on a shim's socket (see shim_files.h), and the socket's address. Both sides use this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/handoff/outcome.h"
#include "common/unique_fd.h"
#include "worker/shim/shim_files.h"

namespace handoff {

struct ShimRequest {
  enum class Op { kRenew, kStop, kFinish, kState };
  Op op = Op::kState;
  BootTime deadline;
  EndedBy as = EndedBy::kCancel;
  std::string reason;
  int64_t grace_ms = 0;
};

struct ShimEvent {
  std::optional<uint64_t> log_bytes;
  std::string state;  // empty: not told
  std::optional<ShimExit> exit = std::nullopt;
};

// No packet is longer; of a longer one the rest would be cut and it would not parse.
inline constexpr size_t kMaxPacket = 16 << 10;

std::string Encode(const ShimRequest& request);
std::string Encode(const ShimEvent& event);
// INVALID_ARGUMENT for what this version does not know.
absl::StatusOr<ShimRequest> DecodeShimRequest(const std::string& packet);
absl::StatusOr<ShimEvent> DecodeShimEvent(const std::string& packet);

// DIR/sock, listening or connected; not blocking. The address goes through /proc/self/fd, because
// it may have only 108 bytes and a directory has more.
absl::StatusOr<UniqueFd> ListenOnShimSocket(const std::string& attempt_dir);
absl::StatusOr<UniqueFd> ConnectToShimSocket(const std::string& attempt_dir);

}  // namespace handoff
