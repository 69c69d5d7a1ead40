// What certificates are made of and for how long.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "coordinator/core/state.h"

namespace handoff::core {

// Of a credential that is issued now, in whole seconds as certificates have it.
absl::Time EndOfLife(CredentialPurpose purpose, absl::Time now);

// INVALID_ARGUMENT unless the serials are lower-case hex and no other credential's.
absl::Status CheckSerials(const State& state, bool of_worker, const std::string& serial,
                          const std::string& renewal_serial);

// The one to renew with that goes along with a worker's credential.
Credential RenewalFor(const Credential& credential, const std::string& serial);

std::string DescribeCredential(const Credential& credential);

}  // namespace handoff::core
