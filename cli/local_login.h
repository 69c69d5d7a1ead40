// In by the account on the coordinator's host: its unix socket gives a certificate of a day to whom
// its configuration knows by their uid, as often as they ask.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/credential_directory.h"

namespace handoff {

struct LocalLogin {
  StoredCredential credential;
  unsigned coordinator_uid = 0;  // whose process answered
};
// Kept below `pools`, by the pool's id. What answers at `socket` is believed to be a coordinator;
// from then on it has to be of the same pool. PERMISSION_DENIED when it does not know this account.
absl::StatusOr<LocalLogin> LogInHere(const std::string& socket, const std::string& pools);

// The next certificate for `credential`, of such a login, once half of its life is over. An error
// only when the one that there is cannot be used any more.
absl::Status KeepLoginHere(StoredCredential& credential, absl::Time now);

}  // namespace handoff
