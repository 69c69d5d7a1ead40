// A person's credential as it lies on disk: DIRECTORY/{authority.pem, certificate.pem, key.pem},
// and after a login pool.toml, which says where the coordinator is. What others could have changed
// is refused.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/identity/certificate.h"
#include "common/identity/secret.h"

namespace handoff {

struct StoredCredential {
  std::string directory;
  Certificate authority;
  Certificate certificate;             // of a user
  std::vector<std::string> addresses;  // of the coordinator, to be tried in this order
  std::string socket;                  // that gave it, by their uid; empty: none did
  bool is_login = false;               // made by `handoff login`: it is ours to renew and to remove

  const std::string& pool_id() const { return authority.pool_id(); }
  const std::string& user() const { return certificate.peer()->name; }
};

// NOT_FOUND when there is none. The key is not read.
absl::StatusOr<StoredCredential> ReadCredential(const std::string& directory);

// UNAUTHENTICATED with what to do when the certificate has expired, is not valid yet by this host's
// clock, or is not of its authority.
absl::Status CheckUsable(const StoredCredential& credential, absl::Time now);

struct NewCredential {
  std::string authority, certificate;  // PEM
  Secret key;                          // PEM
  std::vector<std::string> addresses;
  std::string user;
  std::string socket = {};
};
// Whole or not at all; replaces what was there.
absl::Status WriteCredential(const std::string& directory, const NewCredential& credential);

// What became of the last try to renew it.
struct RenewalRecord {
  absl::Time tried_at = absl::InfinitePast();
  std::string error;  // empty: it is not known that it failed
};
RenewalRecord ReadRenewalRecord(const std::string& directory);
absl::Status WriteRenewalRecord(const std::string& directory, const RenewalRecord& record);

// From when on it is renewed: the half of its life.
absl::Time RenewalTime(const Certificate& certificate);
// It is a login's by a line, that time has come, and it was not tried within the last day.
bool IsRenewalDue(const StoredCredential& credential, const RenewalRecord& last, absl::Time now);

}  // namespace handoff
