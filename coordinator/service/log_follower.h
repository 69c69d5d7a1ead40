// One ReadLog stream: durable bytes from the file, then waiting for more, until the attempt has
// ended and all was sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "coordinator/log_store.h"
#include "coordinator/service/followers.h"
#include "coordinator/service/reactor.h"
#include "coordinator/store/reader.h"
#include "handoff/v1/control.pb.h"

namespace handoff {

// Owned by itself (reactor.h); what it refers to outlives the server.
class LogFollower final : public PulledStream<v1::LogChunk> {
 public:
  // `request` was validated and names the handoff by its full id.
  LogFollower(v1::ReadLogRequest request, Reader& reader, LogStore& logs, Followers& followers);
  ~LogFollower() override;

  // Before Begin: what wakes it needs a pointer to it.
  void Subscribe();

 private:
  enum class Phase { kLocate, kRead, kEnded };
  Next Pull(v1::LogChunk& chunk, absl::Status& status) override;
  // Finds the attempt and where to start. Nothing: reading may begin.
  std::optional<Next> Locate(v1::LogChunk& chunk, absl::Status& status);
  absl::Status StartAtTail();
  Next ReadMore(v1::LogChunk& chunk, absl::Status& status);
  Next Wait(absl::Status& status);
  // The attempt that is read, or the one to read; NOT_FOUND when there is none.
  absl::StatusOr<core::Attempt> FindAttempt();
  LogKey Key() const { return {request_.id(), attempt_, request_.checks()}; }
  void FollowLog();

  const v1::ReadLogRequest request_;
  Reader& reader_;
  LogStore& logs_;
  Followers& followers_;
  uint64_t events_token_ = 0;
  uint64_t log_token_ = 0;
  Phase phase_ = Phase::kLocate;
  int attempt_ = 0;
  uint64_t offset_ = 0;
  bool told_to_wait_ = false;
};

}  // namespace handoff
