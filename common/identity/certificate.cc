#include "common/identity/certificate.h"

#include <openssl/bn.h>
#include <openssl/pem.h>

#include <ctime>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/hash.h"
#include "common/identity/openssl.h"
#include "common/status.h"

namespace handoff {
namespace {

using NamesHandle = OpenSslHandle<GENERAL_NAMES, GENERAL_NAMES_free>;
using NumberHandle = OpenSslHandle<BIGNUM, BN_free>;

constexpr size_t kMostBytes = 16 << 10;

void FreeText(char* text) { OPENSSL_free(text); }

absl::Status NoCertificate() { return absl::InvalidArgumentError("not a certificate"); }

absl::StatusOr<std::string> SerialOf(const X509* x509) {
  const NumberHandle number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), nullptr));
  if (number == nullptr || BN_is_negative(number.get())) return NoCertificate();
  const OpenSslHandle<char, FreeText> hex(BN_bn2hex(number.get()));
  if (hex == nullptr) return NoCertificate();
  return absl::AsciiStrToLower(hex.get());
}

absl::StatusOr<absl::Time> TimeOf(const ASN1_TIME* time) {
  std::tm tm = {};
  if (ASN1_TIME_to_tm(time, &tm) != 1) return NoCertificate();
  return absl::FromTimeT(::timegm(&tm));
}

std::optional<CertificateUse> OnlyUseOf(X509* x509) {
  // Without the extension a certificate would be good for everything.
  if ((X509_get_extension_flags(x509) & EXFLAG_XKUSAGE) == 0) return std::nullopt;
  const uint32_t uses = X509_get_extended_key_usage(x509);
  if (uses == XKU_SSL_SERVER) return CertificateUse::kServer;
  if (uses == XKU_SSL_CLIENT) return CertificateUse::kClient;
  return std::nullopt;
}

// {URIs, DNS names} of the alternative names.
std::pair<std::vector<std::string>, std::vector<std::string>> NamesOf(const X509* x509) {
  std::vector<std::string> uris, dns_names;
  const NamesHandle names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int kind = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &kind);
    if (kind != GEN_URI && kind != GEN_DNS) continue;
    const auto* text = static_cast<const ASN1_STRING*>(value);
    (kind == GEN_URI ? uris : dns_names)
        .emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                      static_cast<size_t>(ASN1_STRING_length(text)));
  }
  return {std::move(uris), std::move(dns_names)};
}

}  // namespace

CertificateUse UseOf(PeerKind kind) {
  return kind == PeerKind::kCoordinator ? CertificateUse::kServer : CertificateUse::kClient;
}

struct CertificateReader {
  static absl::StatusOr<Certificate> Read(X509* x509) {
    Certificate certificate;
    certificate.der_ = ToDerString(i2d_X509, x509);
    ASSIGN_OR_RETURN(certificate.serial_, SerialOf(x509));
    ASSIGN_OR_RETURN(certificate.not_before_, TimeOf(X509_get0_notBefore(x509)));
    ASSIGN_OR_RETURN(certificate.not_after_, TimeOf(X509_get0_notAfter(x509)));
    certificate.is_authority_ = X509_check_ca(x509) == 1;
    certificate.only_for_ = OnlyUseOf(x509);
    const auto [uris, dns_names] = NamesOf(x509);
    certificate.dns_names_ = dns_names;
    // With two of them it could not be said for whom it speaks.
    if (uris.size() == 1) ReadName(uris[0], certificate);
    auto key = PublicKey::FromDer(ToDerString(i2d_X509_PUBKEY, X509_get_X509_PUBKEY(x509)));
    if (key.ok()) certificate.public_key_ = *std::move(key);
    return certificate;
  }
  static void ReadName(const std::string& uri, Certificate& certificate) {
    if (certificate.is_authority_) {
      certificate.pool_id_ = ParsePoolUri(uri).value_or("");
    } else if (auto peer = ParsePeerName(uri); peer.ok()) {
      certificate.pool_id_ = peer->pool_id;
      certificate.peer_ = *std::move(peer);
    }
  }
};

absl::StatusOr<Certificate> Certificate::FromPem(absl::string_view pem) {
  const OpenSslErrors errors;
  if (pem.size() > kMostBytes || !IsOnePem(pem, "CERTIFICATE")) return NoCertificate();
  const BioHandle bio = ReadBio(pem);
  const X509Handle x509(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (x509 == nullptr) return NoCertificate();
  return CertificateReader::Read(x509.get());
}

absl::StatusOr<Certificate> Certificate::FromDer(absl::string_view der) {
  const OpenSslErrors errors;
  if (der.size() > kMostBytes) return NoCertificate();
  const unsigned char* from = Bytes(der);
  const X509Handle x509(d2i_X509(nullptr, &from, static_cast<long>(der.size())));
  if (x509 == nullptr || from != Bytes(der) + der.size()) return NoCertificate();
  return CertificateReader::Read(x509.get());
}

std::string Certificate::ToPem() const {
  const OpenSslErrors errors;
  const BioHandle bio(BIO_new(BIO_s_mem()));
  PEM_write_bio(bio.get(), PEM_STRING_X509, "", Bytes(der_), static_cast<long>(der_.size()));
  return std::string(BioText(bio.get()));
}

std::string Certificate::Fingerprint() const { return Sha256Hex(der_); }

std::string Certificate::Describe() const {
  if (peer_.has_value()) return absl::StrCat("the certificate of ", DescribePeer(*peer_));
  if (is_authority_ && !pool_id_.empty()) return absl::StrCat("the authority of pool ", pool_id_);
  return absl::StrCat("a certificate that names nobody in a pool (serial ", serial_, ")");
}

}  // namespace handoff
