#include "common/identity/sealed.h"

#include <sodium.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "common/hash.h"
#include "common/identity/base64.h"
#include "common/identity/parts.h"
#include "common/identity/private_file.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kMostPlain = 65535;
constexpr size_t kMostSealed = 100'000;
constexpr absl::string_view kMagic = "handoff-sealed";
constexpr absl::string_view kVersion = "v1";

// Picks the fastest code for this processor; the first call counts.
void StartSodium() {
  static const bool started = [] { return sodium_init() >= 0; }();
  CHECK(started);
}

Secret BoundData(const SealingKey& key, const SealedAs& as) {
  return PackParts({kMagic, kVersion, key.id(), as.pool_id, as.what});
}

absl::Status Damaged(const SealedAs& as) {
  return absl::DataLossError(
      absl::StrCat(as.what, " of pool ", as.pool_id,
                   " cannot be opened: what was kept is damaged, or is something else. It was not "
                   "used or changed. Restore it from a backup."));
}

absl::StatusOr<Secret> ReadKey(const std::string& path) {
  ASSIGN_OR_RETURN(Secret bytes, ReadPrivateFile(path, 4096));
  if (bytes.size() == kKeyBytes) return bytes;
  return absl::FailedPreconditionError(
      absl::StrCat(path, " is no sealing key: it has ", bytes.size(), " bytes and not ", kKeyBytes,
                   ". It was not used or changed. Restore it from a backup."));
}

}  // namespace

SealingKey::SealingKey(Secret key) : key_(std::move(key)) {
  Sha256 hash;
  hash.Update("handoff sealing key id:");
  hash.Update(key_.Reveal());
  id_ = hash.Hex().substr(0, 16);
}

SealingKey SealingKey::Make() { return SealingKey(Secret::Random(kKeyBytes)); }

absl::StatusOr<SealingKey> SealingKey::Load(const std::string& path) {
  ASSIGN_OR_RETURN(Secret bytes, ReadKey(path));
  return SealingKey(std::move(bytes));
}

absl::StatusOr<SealingKey> SealingKey::LoadOrCreate(const std::string& path) {
  auto loaded = Load(path);
  if (!absl::IsNotFound(loaded.status())) return loaded;
  const SealingKey made = Make();
  const absl::Status created = CreatePrivateFile(path, made.key().Reveal());
  // Somebody else was first: theirs counts.
  if (!created.ok() && !absl::IsAlreadyExists(created)) return created;
  return Load(path);
}

absl::StatusOr<std::string> Seal(const SealingKey& key, const SealedAs& as,
                                 absl::string_view plain) {
  StartSodium();
  if (plain.size() > kMostPlain) {
    return absl::InvalidArgumentError(absl::StrCat(as.what, " is too large to be sealed"));
  }
  const Secret bound = BoundData(key, as);
  Secret box = Secret::OfSize(kNonceBytes + plain.size() + kTagBytes);
  // 192 random bits do not repeat.
  randombytes_buf(box.bytes(), kNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      box.bytes() + kNonceBytes, nullptr, reinterpret_cast<const unsigned char*>(plain.data()),
      plain.size(), reinterpret_cast<const unsigned char*>(bound.Reveal().data()), bound.size(),
      nullptr, box.bytes(), reinterpret_cast<const unsigned char*>(key.key().Reveal().data()));
  const Secret text = ToBase64Url(box.Reveal());
  return absl::StrCat(kMagic, ":", kVersion, ":", key.id(), ":", text.Reveal());
}

absl::StatusOr<Secret> Unseal(const SealingKey& key, const SealedAs& as, absl::string_view sealed) {
  StartSodium();
  if (sealed.size() > kMostSealed) return Damaged(as);
  const std::vector<absl::string_view> parts = absl::StrSplit(sealed, ':');
  if (parts.size() != 4 || parts[0] != kMagic || parts[1] != kVersion) return Damaged(as);
  if (parts[2] != key.id()) {
    return absl::FailedPreconditionError(absl::StrCat(
        as.what, " of pool ", as.pool_id, " was sealed with another key than the one here (",
        key.id(), "). It was not used or changed. Restore the sealing key that belongs to it."));
  }
  const auto box = FromBase64Url(parts[3]);
  if (!box.has_value() || box->size() < kNonceBytes + kTagBytes) return Damaged(as);
  const Secret bound = BoundData(key, as);
  Secret plain = Secret::OfSize(box->size() - kNonceBytes - kTagBytes);
  const auto* from = reinterpret_cast<const unsigned char*>(box->Reveal().data());
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          plain.bytes(), nullptr, nullptr, from + kNonceBytes, box->size() - kNonceBytes,
          reinterpret_cast<const unsigned char*>(bound.Reveal().data()), bound.size(), from,
          reinterpret_cast<const unsigned char*>(key.key().Reveal().data())) != 0) {
    return Damaged(as);
  }
  return plain;
}

}  // namespace handoff
