// X.509 as far as our credentials need it, through OpenSSL.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff {

struct CertificateFacts {
  std::string serial;             // lower-case hex, two digits a byte
  std::vector<std::string> uris;  // of its subject alternative names
  absl::Time not_before;
  absl::Time not_after;
};
// Of the first certificate in `pem`. INVALID_ARGUMENT for what is none, or has a name with control
// characters.
absl::StatusOr<CertificateFacts> ReadCertificate(absl::string_view pem);

enum class CredentialUse { kServer, kClient };

// What one side of a connection shows and trusts, as PEM.
struct CredentialSet {
  std::string authority;    // the certificates that peers' ones must come from
  std::string certificate;  // ours, then what stands between it and the authority
  std::string key;          // ours, not encrypted
};
struct CheckedCredentials {
  std::string authority;
  std::string identity;  // certificate and key in one text
  CertificateFacts facts;
};
// The same in a form that gRPC takes for certain, when the key belongs to the certificate, which
// comes from the authority, is for this use and in time, and OpenSSL's policy finds them strong
// enough. Otherwise INVALID_ARGUMENT with a sentence that says what is wrong.
absl::StatusOr<CheckedCredentials> CheckCredentials(const CredentialSet& set, CredentialUse use,
                                                    absl::Time now);

}  // namespace handoff
