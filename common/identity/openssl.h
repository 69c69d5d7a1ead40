// OpenSSL's objects as this folder uses them: owned by types, errors as Status. For the sources of
// this folder only: its other headers know no OpenSSL.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace handoff {

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <typename T, auto Free>
using OpenSslHandle = std::unique_ptr<T, FreeWith<Free>>;

using BioHandle = OpenSslHandle<BIO, BIO_free>;
using KeyContextHandle = OpenSslHandle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using X509Handle = OpenSslHandle<X509, X509_free>;

// While one of these is there, what OpenSSL notes about failures is ours; with it all of it goes.
// Left behind it would be taken by the next user of this thread, gRPC, for a failure of its own.
class OpenSslErrors {
 public:
  OpenSslErrors();
  ~OpenSslErrors();
  OpenSslErrors(const OpenSslErrors&) = delete;
  OpenSslErrors& operator=(const OpenSslErrors&) = delete;
  // INTERNAL, "<what>: <OpenSSL's reason>".
  absl::Status ToStatus(absl::string_view what) const;
};

// Reads `text`, which must stay.
BioHandle ReadBio(absl::string_view text);
// Whether it has exactly one PEM block, of the kind `label`.
bool IsOnePem(absl::string_view text, absl::string_view label);
// What was written to a memory BIO; valid as long as it is.
absl::string_view BioText(BIO* bio);

inline const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// The DER of an object that `i2d` writes.
template <typename T>
std::string ToDerString(int (*i2d)(const T*, unsigned char**), const T* object) {
  std::string der(static_cast<size_t>(std::max(0, i2d(object, nullptr))), '\0');
  auto* to = reinterpret_cast<unsigned char*>(der.data());
  if (!der.empty()) i2d(object, &to);
  return der;
}

}  // namespace handoff
