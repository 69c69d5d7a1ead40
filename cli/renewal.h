// A person's certificate, made anew with the same key while a verb of theirs runs.
#pragma once

#include <memory>
#include <thread>

#include "absl/time/time.h"
#include "cli/client.h"
#include "cli/credential_directory.h"
#include "common/identity/key.h"

namespace handoff {

// Has a thread of its own. What fails is kept for `handoff doctor`, and tried again tomorrow.
class Renewal {
 public:
  // nullptr when it is not due, or another command is at it. `client` must outlive it.
  static std::unique_ptr<Renewal> Begin(const StoredCredential& credential, Client& client,
                                        absl::Time now);
  ~Renewal();  // waits for it, a few seconds at most

 private:
  explicit Renewal(std::thread thread) : thread_(std::move(thread)) {}
  std::thread thread_;
};

// What is put in place of a certificate that is good has to be as good: of the same pool, person
// and key.
absl::Status CheckRenewed(const StoredCredential& credential, const PrivateKey& key,
                          const std::string& pem);

// At once; the new certificate is in the directory when it returns OK.
absl::Status RenewNow(const StoredCredential& credential, Client& client);

}  // namespace handoff
