// Whether a certificate is what it says.
#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/identity/certificate.h"

namespace handoff {

// OK when `authority` issued it, to a peer of its pool, for `use` and nothing else, and it is valid
// at `now`. Otherwise UNAUTHENTICATED with a sentence that says which of these fails, and, where it
// is a matter of time, since or until when. Whether it was revoked only the coordinator's store
// knows.
absl::Status VerifyCertificate(const Certificate& certificate, const Certificate& authority,
                               absl::Time now, CertificateUse use);

}  // namespace handoff
