#include "common/rpc/certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status.h"

namespace handoff {
namespace {

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(BIGNUM* p) const { BN_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(GENERAL_NAMES* p) const { GENERAL_NAMES_free(p); }
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(X509_STORE_CTX* p) const { X509_STORE_CTX_free(p); }
  void operator()(STACK_OF(X509) * p) const { sk_X509_free(p); }  // not what is in it
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;
using Certificates = std::vector<Owned<X509>>;

// OpenSSL's reason for the last failure; leaves its queue empty, which gRPC's threads expect.
std::string TakeOpenSslReason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason == nullptr ? "unknown" : reason;
}

// Without this OpenSSL asks on the terminal.
int NoPassword(char*, int, int, void*) { return -1; }

Owned<BIO> Reader(absl::string_view text) {
  Owned<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  CHECK(bio != nullptr);
  return bio;
}

size_t CountOf(absl::string_view text, absl::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != absl::string_view::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

absl::StatusOr<Certificates> ParseCertificates(absl::string_view pem, absl::string_view name) {
  Certificates result;
  const Owned<BIO> bio = Reader(pem);
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr)) {
    result.emplace_back(next);
  }
  ERR_clear_error();
  // Reading ends alike at the end and at a block that was cut or spoilt.
  if (result.empty() || result.size() != CountOf(pem, "-----BEGIN CERTIFICATE-----")) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is empty, incomplete or no certificate in PEM"));
  }
  return result;
}

absl::StatusOr<Owned<EVP_PKEY>> ParseKey(absl::string_view pem) {
  const Owned<BIO> bio = Reader(pem);
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  if (key == nullptr) {
    ERR_clear_error();
    return absl::InvalidArgumentError(
        "the key is empty, incomplete, encrypted or no private key in PEM");
  }
  return key;
}

absl::Time ToTime(const ASN1_TIME* time) {
  std::tm parts = {};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

std::string SerialOf(X509* certificate) {
  const Owned<BIGNUM> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  char* hex = number == nullptr ? nullptr : BN_bn2hex(number.get());
  if (hex == nullptr) return "";
  std::string result = absl::AsciiStrToLower(hex);
  OPENSSL_free(hex);
  return result;
}

absl::StatusOr<CertificateFacts> FactsOf(X509* certificate) {
  CertificateFacts facts;
  facts.serial = SerialOf(certificate);
  facts.not_before = ToTime(X509_get0_notBefore(certificate));
  facts.not_after = ToTime(X509_get0_notAfter(certificate));
  const Owned<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_STRING* text = name->d.uniformResourceIdentifier;
    std::string uri(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                    static_cast<size_t>(ASN1_STRING_length(text)));
    // "spiffe://pool/user/root\0…" must never be taken for its beginning.
    if (!std::all_of(uri.begin(), uri.end(), [](char c) { return c > ' ' && c < 0x7f; })) {
      return absl::InvalidArgumentError("the certificate has a name with control characters");
    }
    facts.uris.push_back(std::move(uri));
  }
  ERR_clear_error();
  return facts;
}

std::string AtTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone());
}

absl::Status Explain(X509_STORE_CTX* context, CredentialUse use) {
  X509* const wrong = X509_STORE_CTX_get_current_cert(context);
  const absl::string_view whose =
      X509_STORE_CTX_get_error_depth(context) == 0 ? "the certificate" : "the authority";
  const int error = X509_STORE_CTX_get_error(context);
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return absl::InvalidArgumentError(
          absl::StrCat(whose, " expired at ", AtTime(ToTime(X509_get0_notAfter(wrong)))));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return absl::InvalidArgumentError(
          absl::StrCat(whose, " is not valid before ", AtTime(ToTime(X509_get0_notBefore(wrong))),
                       ": compare this host's clock with that of the coordinator's"));
    case X509_V_ERR_INVALID_PURPOSE:
      return absl::InvalidArgumentError(absl::StrCat(
          whose, " is not made for a ", use == CredentialUse::kServer ? "server" : "client"));
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return absl::InvalidArgumentError(
          "the certificate was not issued by the authority beside it");
    default:
      return absl::InvalidArgumentError(
          absl::StrCat(whose, " is refused: ", X509_verify_cert_error_string(error)));
  }
}

absl::Status CheckChain(SSL_CTX* policy, const Certificates& chain, CredentialUse use,
                        absl::Time now) {
  const Owned<STACK_OF(X509)> between(sk_X509_new_null());
  for (size_t i = 1; i < chain.size(); ++i) sk_X509_push(between.get(), chain[i].get());
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  CHECK(context != nullptr);
  CHECK(X509_STORE_CTX_init(context.get(), SSL_CTX_get_cert_store(policy), chain[0].get(),
                            between.get()) == 1);
  X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, absl::ToTimeT(now));
  X509_VERIFY_PARAM_set_auth_level(parameters, SSL_CTX_get_security_level(policy));
  X509_VERIFY_PARAM_set_purpose(parameters, use == CredentialUse::kServer
                                                ? X509_PURPOSE_SSL_SERVER
                                                : X509_PURPOSE_SSL_CLIENT);
  const bool verified = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  return verified ? absl::OkStatus() : Explain(context.get(), use);
}

std::string Written(const Certificates& certificates, EVP_PKEY* key) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  CHECK(bio != nullptr);
  for (const Owned<X509>& certificate : certificates) {
    CHECK(PEM_write_bio_X509(bio.get(), certificate.get()) == 1);
  }
  if (key != nullptr) {
    CHECK(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  }
  char* data = nullptr;
  const auto size = static_cast<size_t>(BIO_get_mem_data(bio.get(), &data));
  std::string text(data, size);
  OPENSSL_cleanse(data, size);
  return text;
}

}  // namespace

absl::StatusOr<CertificateFacts> ReadCertificate(absl::string_view pem) {
  const Owned<BIO> bio = Reader(pem);
  const Owned<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr));
  ERR_clear_error();
  if (certificate == nullptr) return absl::InvalidArgumentError("this is no certificate in PEM");
  return FactsOf(certificate.get());
}

absl::StatusOr<CheckedCredentials> CheckCredentials(const CredentialSet& set, CredentialUse use,
                                                    absl::Time now) {
  ASSIGN_OR_RETURN(const Certificates authority,
                   ParseCertificates(set.authority, "the authority's file"));
  ASSIGN_OR_RETURN(const Certificates chain,
                   ParseCertificates(set.certificate, "the certificate's file"));
  ASSIGN_OR_RETURN(const Owned<EVP_PKEY> key, ParseKey(set.key));

  // As gRPC will: what this context takes, its own takes.
  const Owned<SSL_CTX> policy(SSL_CTX_new(TLS_method()));
  CHECK(policy != nullptr);
  if (SSL_CTX_use_certificate(policy.get(), chain.front().get()) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("the certificate is refused: ", TakeOpenSslReason()));
  }
  if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError("the key does not belong to the certificate");
  }
  if (SSL_CTX_use_PrivateKey(policy.get(), key.get()) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("the key is refused: ", TakeOpenSslReason()));
  }
  for (const Owned<X509>& root : authority) {
    if (X509_check_ca(root.get()) == 0) {
      return absl::InvalidArgumentError("the authority's file has a certificate of no authority");
    }
    X509_STORE_add_cert(SSL_CTX_get_cert_store(policy.get()), root.get());
  }
  RETURN_IF_ERROR(CheckChain(policy.get(), chain, use, now));
  ASSIGN_OR_RETURN(CertificateFacts facts, FactsOf(chain.front().get()));
  return CheckedCredentials{Written(authority, nullptr), Written(chain, key.get()),
                            std::move(facts)};
}

}  // namespace handoff
