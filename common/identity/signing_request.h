// How a worker or a person asks for a certificate: their public key, and a proof that they have the
// private one.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/identity/key.h"

namespace handoff {

// PKCS#10, DER. It names nobody: who its sender is, the coordinator decides.
absl::StatusOr<std::string> MakeSigningRequest(const PrivateKey& key);

// The public key is all that is taken of it; names, extensions and wishes are not looked at.
// INVALID_ARGUMENT with a sentence for what is no request, above 4 KiB, of a key other than P-256,
// or without a proof.
absl::StatusOr<PublicKey> ReadSigningRequest(absl::string_view der);

}  // namespace handoff
