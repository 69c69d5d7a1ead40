#include "common/identity/key.h"

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "absl/strings/match.h"
#include "common/identity/openssl.h"
#include "common/status.h"

namespace handoff {
namespace {

using Pkcs8Handle = OpenSslHandle<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;

constexpr size_t kMostBytes = 16 << 10;
// What every P-256 key's SubjectPublicKeyInfo begins with; the two coordinates follow.
constexpr unsigned char kHead[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
constexpr size_t kDerBytes = sizeof(kHead) + 64;

KeyHandle Decode(absl::string_view der) {
  const unsigned char* from = Bytes(der);
  return KeyHandle(d2i_PUBKEY(nullptr, &from, static_cast<long>(der.size())));
}

absl::Status NoKey() {
  return absl::InvalidArgumentError("not a private key in PKCS#8 form without a password");
}

// Nobody is asked: a daemon has no terminal, and a key of ours has no password.
int NoPassword(char*, int, int, void*) { return -1; }

}  // namespace

void FreeKey::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

absl::StatusOr<PublicKey> PublicKey::FromDer(absl::string_view der) {
  const OpenSslErrors errors;
  const absl::string_view head(reinterpret_cast<const char*>(kHead), sizeof(kHead));
  if (der.size() != kDerBytes || !absl::StartsWith(der, head)) {
    return absl::InvalidArgumentError("the key is not of the kind P-256, the only one taken");
  }
  if (Decode(der) == nullptr) {
    return absl::InvalidArgumentError("the key is no point of the curve P-256");
  }
  return PublicKey(std::string(der));
}

KeyHandle PublicKey::Open() const { return Decode(der_); }

absl::StatusOr<PrivateKey> PrivateKey::Take(KeyHandle handle) {
  const OpenSslErrors errors;
  ASSIGN_OR_RETURN(PublicKey public_key, PublicKey::FromDer(ToDerString(i2d_PUBKEY, handle.get())));
  const KeyContextHandle context(EVP_PKEY_CTX_new_from_pkey(nullptr, handle.get(), nullptr));
  if (context == nullptr || EVP_PKEY_pairwise_check(context.get()) != 1) {
    return absl::InvalidArgumentError("the private key does not fit the public key beside it");
  }
  return PrivateKey(std::move(handle), std::move(public_key));
}

absl::StatusOr<PrivateKey> PrivateKey::Generate() {
  const OpenSslErrors errors;
  KeyHandle handle(EVP_EC_gen("P-256"));
  if (handle == nullptr) return errors.ToStatus("making a key");
  return Take(std::move(handle));
}

absl::StatusOr<PrivateKey> PrivateKey::FromPem(absl::string_view pem) {
  const OpenSslErrors errors;
  if (pem.size() > kMostBytes || !IsOnePem(pem, "PRIVATE KEY")) return NoKey();
  const BioHandle bio = ReadBio(pem);
  KeyHandle handle(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  if (handle == nullptr) return NoKey();
  return Take(std::move(handle));
}

absl::StatusOr<PrivateKey> PrivateKey::FromDer(absl::string_view der) {
  const OpenSslErrors errors;
  if (der.size() > kMostBytes) return NoKey();
  const unsigned char* from = Bytes(der);
  const Pkcs8Handle info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &from, static_cast<long>(der.size())));
  if (info == nullptr || from != Bytes(der) + der.size()) return NoKey();
  KeyHandle handle(EVP_PKCS82PKEY(info.get()));
  if (handle == nullptr) return NoKey();
  return Take(std::move(handle));
}

absl::StatusOr<Secret> PrivateKey::ToPem() const {
  const OpenSslErrors errors;
  const BioHandle bio(BIO_new(BIO_s_mem()));  // wiped when freed
  if (bio == nullptr || PEM_write_bio_PKCS8PrivateKey(bio.get(), handle_.get(), nullptr, nullptr, 0,
                                                      nullptr, nullptr) != 1) {
    return errors.ToStatus("writing a key");
  }
  return Secret(BioText(bio.get()));
}

absl::StatusOr<Secret> PrivateKey::ToDer() const {
  const OpenSslErrors errors;
  const Pkcs8Handle info(EVP_PKEY2PKCS8(handle_.get()));
  const int size = info == nullptr ? 0 : i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr);
  if (size <= 0) return errors.ToStatus("writing a key");
  Secret der = Secret::OfSize(static_cast<size_t>(size));
  unsigned char* to = der.bytes();
  i2d_PKCS8_PRIV_KEY_INFO(info.get(), &to);
  return der;
}

}  // namespace handoff
