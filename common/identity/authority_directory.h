// Where a coordinator keeps its pool's authority: DIRECTORY/{sealing.key, authority.key.sealed,
// authority.pem}. The second holds key and certificate; the third is for people and programs to
// copy, and is written again from it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/identity/authority.h"
#include "common/identity/sealed.h"

namespace handoff {

struct PoolAuthority {
  SealingKey sealing_key;
  Authority authority;
};

// Whether there is an authority in `directory`, in whatever state: then none is made.
absl::StatusOr<bool> HasAuthority(const std::string& directory);

// The authority of pool `pool_id`, made when nothing of one is there. Killed at any step, or
// without power from it on, the next call finishes what was begun. Where a half is missing that no
// step leaves missing, or does not fit, it is refused with a sentence and nothing is made or
// changed: there is never a second authority beside what is left of the first. One caller at a
// time, or FAILED_PRECONDITION.
absl::StatusOr<PoolAuthority> OpenOrCreateAuthority(const std::string& directory,
                                                    absl::string_view pool_id, absl::Time now);

}  // namespace handoff
