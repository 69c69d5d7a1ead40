// What a worker does by itself every few hours, at once.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace handoff::e2e {

// The certificates in `directory`, a worker's DATA/identity, are renewed at `address`, with the
// worker's certificate and key. Its daemon does not run.
absl::Status RenewCertificates(const std::string& directory, const std::string& address);

}  // namespace handoff::e2e
