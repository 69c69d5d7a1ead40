// A host becomes a worker of a pool: a line that a person pasted buys it certificates for a key of
// its own, once.
//
// All that comes of it is put together in DATA/identity.joining, the key before anything is asked
// of the coordinator, and becomes DATA/identity by one rename. Killed at any step, the next join
// finishes what was whole, or begins anew.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/identity/secret.h"
#include "worker/joining/joined_files.h"
#include "worker/rpc/identity_client.h"

namespace handoff::worker {

struct JoinOptions {
  std::string data_dir;
  std::string name;  // of the worker in the pool
  std::map<std::string, std::string> labels;
  std::string coordinator = {};  // to be tried before the line's addresses; empty: those alone
};

struct JoinResult {
  std::string data_dir;  // absolute
  PoolFile pool;
  std::string takes;       // whose work, in words; empty: the pool did not say
  bool was_begun = false;  // an earlier join had got the certificates; no line was asked for
};

// `line` is asked for only when there is something to do with it. ALREADY_EXISTS when this data
// directory has joined; FAILED_PRECONDITION when it is somebody else's, or of another pool. Every
// error says what was not done. Blocks.
absl::StatusOr<JoinResult> Join(const JoinOptions& options,
                                const std::function<absl::StatusOr<Secret>()>& line,
                                IdentityClient& client, const Clock& clock);

}  // namespace handoff::worker
