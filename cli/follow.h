// An attempt's log from the coordinator, over restarts of either side: what was printed is never
// printed again, and nothing is left out.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/client.h"
#include "cli/terminal.h"

namespace handoff {

struct FollowOptions {
  std::string id;
  int attempt = 0;      // 0: the latest
  uint64_t offset = 0;  // where to begin
  bool follow = false;  // until the attempt ends
  bool checks = false;  // attempt-N.checks.log
};

// OK: all was read, or `each` returned false. `each` gets chunks in order without gap or overlap;
// markers come as they are. Says on the terminal when the coordinator is away and comes back.
absl::Status FollowLog(Client& client, StreamCall& call, Terminal& terminal, FollowOptions options,
                       const std::function<bool(const v1::LogChunk&)>& each);

// Where the last `lines` lines of the log begin; with none of them that is its end.
absl::StatusOr<uint64_t> OffsetOfTail(Client& client, StreamCall& call, const FollowOptions& log,
                                      uint64_t lines);

}  // namespace handoff
