// P-256 keys, the only kind there is in a pool.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/identity/secret.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace handoff {

struct FreeKey {
  void operator()(evp_pkey_st* key) const;
};
using KeyHandle = std::unique_ptr<evp_pkey_st, FreeKey>;

// A value. Only points that are on the curve are one.
class PublicKey {
 public:
  // The usual SubjectPublicKeyInfo: the curve by name, the point not compressed.
  static absl::StatusOr<PublicKey> FromDer(absl::string_view der);
  const std::string& der() const { return der_; }
  // For OpenSSL's functions; null only when memory is out.
  KeyHandle Open() const;
  friend bool operator==(const PublicKey&, const PublicKey&) = default;

 private:
  explicit PublicKey(std::string der) : der_(std::move(der)) {}
  std::string der_;
};

// OpenSSL wipes the number when it frees the key.
class PrivateKey {
 public:
  static absl::StatusOr<PrivateKey> Generate();
  // PKCS#8 without a password.
  static absl::StatusOr<PrivateKey> FromPem(absl::string_view pem);
  static absl::StatusOr<PrivateKey> FromDer(absl::string_view der);
  absl::StatusOr<Secret> ToPem() const;
  absl::StatusOr<Secret> ToDer() const;
  const PublicKey& public_key() const { return public_key_; }
  evp_pkey_st* handle() const { return handle_.get(); }

 private:
  PrivateKey(KeyHandle handle, PublicKey public_key)
      : handle_(std::move(handle)), public_key_(std::move(public_key)) {}
  static absl::StatusOr<PrivateKey> Take(KeyHandle handle);
  KeyHandle handle_;
  PublicKey public_key_;
};

}  // namespace handoff
