// The certificate authority of a pool, and what it issues.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/identity/certificate.h"
#include "common/identity/key.h"
#include "common/identity/names.h"

namespace handoff {

struct Authority {
  Certificate certificate;
  PrivateKey key;
};

// For 10 years from `now`; issues peers' certificates and no further authority.
absl::StatusOr<Authority> MakeAuthority(absl::string_view pool_id, absl::Time now);

struct IssueSpec {
  PeerName peer;            // also says whether it is a server's or a client's
  std::string serial = {};  // of NewSerial(); made when empty
  // The certificate says 5 minutes earlier, for clocks that are behind.
  absl::Time not_before;
  absl::Time not_after;                     // at most the authority's
  std::vector<std::string> dns_names = {};  // a coordinator's, beside the pool's own
};
// Only the key is taken from whoever asked; all else is the spec's.
absl::StatusOr<Certificate> Issue(const Authority& authority, const PublicKey& key,
                                  const IssueSpec& spec);

// 126 random bits as 32 hexadecimal digits.
std::string NewSerial();

}  // namespace handoff
