// Encryption of what lies on disk: XChaCha20-Poly1305 with a key from a file. What is sealed says
// with which key, and opens only as what it was sealed as.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/identity/secret.h"

namespace handoff {

class SealingKey {
 public:
  static SealingKey Make();
  // 32 bytes in a file as ReadPrivateFile takes it.
  static absl::StatusOr<SealingKey> Load(const std::string& path);
  // The one at `path`, or a new one where there is nothing. Never overwrites.
  static absl::StatusOr<SealingKey> LoadOrCreate(const std::string& path);
  // Tells keys apart and gives nothing away: 16 hexadecimal digits.
  const std::string& id() const { return id_; }
  const Secret& key() const { return key_; }

 private:
  explicit SealingKey(Secret key);
  Secret key_;
  std::string id_;
};

// Bound into what is sealed: swapped between pools or purposes it does not open.
struct SealedAs {
  absl::string_view pool_id;
  absl::string_view what;  // for people, too: "the key of the pool's authority"
};

// Text without spaces, "handoff-sealed:v1:<key id>:<base64url>". At most 64 KiB - 1 are sealed.
absl::StatusOr<std::string> Seal(const SealingKey& key, const SealedAs& as,
                                 absl::string_view plain);
// FAILED_PRECONDITION when another key sealed it; DATA_LOSS when it is damaged, or was not sealed
// as this.
absl::StatusOr<Secret> Unseal(const SealingKey& key, const SealedAs& as, absl::string_view sealed);

}  // namespace handoff
