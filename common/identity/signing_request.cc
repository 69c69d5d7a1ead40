#include "common/identity/signing_request.h"

#include "absl/strings/str_cat.h"
#include "common/identity/openssl.h"

namespace handoff {
namespace {

using RequestHandle = OpenSslHandle<X509_REQ, X509_REQ_free>;

constexpr size_t kMostBytes = 4096;

absl::Status Refuse(absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("the request for a certificate ", why, "; no certificate was made"));
}

}  // namespace

absl::StatusOr<std::string> MakeSigningRequest(const PrivateKey& key) {
  const OpenSslErrors errors;
  const RequestHandle request(X509_REQ_new());
  if (request == nullptr || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.handle()) != 1 ||
      X509_REQ_sign(request.get(), key.handle(), EVP_sha256()) <= 0) {
    return errors.ToStatus("making a request for a certificate");
  }
  return ToDerString(i2d_X509_REQ, request.get());
}

absl::StatusOr<PublicKey> ReadSigningRequest(absl::string_view der) {
  const OpenSslErrors errors;
  // Before anything is computed from it.
  if (der.size() > kMostBytes) {
    return Refuse(absl::StrCat("is larger than the allowed ", kMostBytes, " bytes"));
  }
  const unsigned char* from = Bytes(der);
  const RequestHandle request(d2i_X509_REQ(nullptr, &from, static_cast<long>(der.size())));
  if (request == nullptr || from != Bytes(der) + der.size()) return Refuse("is not readable");
  auto key =
      PublicKey::FromDer(ToDerString(i2d_X509_PUBKEY, X509_REQ_get_X509_PUBKEY(request.get())));
  if (!key.ok()) return Refuse(absl::StrCat("cannot be taken: ", key.status().message()));
  const KeyHandle handle = key->Open();
  if (X509_REQ_get_signature_nid(request.get()) != NID_ecdsa_with_SHA256 ||
      X509_REQ_verify(request.get(), handle.get()) != 1) {
    return Refuse("does not prove that its sender has the private key");
  }
  return key;
}

}  // namespace handoff
