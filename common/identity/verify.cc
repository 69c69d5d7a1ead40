#include "common/identity/verify.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/identity/openssl.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

using StoreHandle = OpenSslHandle<X509_STORE, X509_STORE_free>;
using VerificationHandle = OpenSslHandle<X509_STORE_CTX, X509_STORE_CTX_free>;

absl::Status Refuse(const Certificate& certificate, absl::string_view why) {
  return absl::UnauthenticatedError(absl::StrCat(certificate.Describe(), " ", why));
}

std::string Moment(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone());
}
std::string Expired(const Certificate& certificate, absl::Time now) {
  return absl::StrCat("expired ", HumanDuration(now - certificate.not_after()), " ago, at ",
                      Moment(certificate.not_after()));
}
std::string NotYet(const Certificate& certificate, absl::Time now) {
  return absl::StrCat("is not valid before ", Moment(certificate.not_before()), ", in ",
                      HumanDuration(certificate.not_before() - now),
                      "; are the clocks of both hosts right?");
}

std::string Foreign(const Certificate& certificate, const Certificate& authority) {
  if (!certificate.pool_id().empty() && certificate.pool_id() != authority.pool_id()) {
    return absl::StrCat("is of another pool, ", certificate.pool_id(), "; this is pool ",
                        authority.pool_id());
  }
  return absl::StrCat("was not issued by the authority of pool ", authority.pool_id());
}

absl::string_view UseName(CertificateUse use) {
  return use == CertificateUse::kServer ? "server" : "client";
}

std::string WrongUse(CertificateUse use) {
  return absl::StrCat("is not for use as a ", UseName(use));
}

// What OpenSSL found, in our words.
absl::Status ToStatus(int error, int depth, const Certificate& certificate,
                      const Certificate& authority, absl::Time now, CertificateUse use) {
  const Certificate& at = depth == 0 ? certificate : authority;
  if (depth > 0 && error == X509_V_ERR_CERT_SIGNATURE_FAILURE) {
    return Refuse(authority, "is damaged: its signature does not fit");
  }
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return Refuse(at, Expired(at, now));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Refuse(at, NotYet(at, now));
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return Refuse(certificate, absl::StrCat("is signed by itself and not by the authority of "
                                              "pool ",
                                              authority.pool_id()));
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return Refuse(certificate, Foreign(certificate, authority));
    case X509_V_ERR_INVALID_PURPOSE:
      return Refuse(certificate, WrongUse(use));
    default:
      return Refuse(certificate,
                    absl::StrCat("is not valid: ", X509_verify_cert_error_string(error)));
  }
}

X509Handle Open(const Certificate& certificate) {
  const unsigned char* from = Bytes(certificate.der());
  return X509Handle(d2i_X509(nullptr, &from, static_cast<long>(certificate.der().size())));
}

absl::Status VerifyChain(const Certificate& certificate, const Certificate& authority,
                         absl::Time now, CertificateUse use) {
  const OpenSslErrors errors;
  const X509Handle leaf = Open(certificate), root = Open(authority);
  const StoreHandle store(X509_STORE_new());
  const VerificationHandle verification(X509_STORE_CTX_new());
  if (leaf == nullptr || root == nullptr || store == nullptr || verification == nullptr ||
      X509_STORE_add_cert(store.get(), root.get()) != 1 ||
      X509_STORE_CTX_init(verification.get(), store.get(), leaf.get(), nullptr) != 1) {
    return errors.ToStatus("checking a certificate");
  }
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(verification.get());
  X509_VERIFY_PARAM_set_time(rules, absl::ToTimeT(now));
  // The authority's own signature proves nothing, but that nobody damaged it.
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
  X509_VERIFY_PARAM_set_purpose(
      rules, use == CertificateUse::kServer ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT);
  if (X509_verify_cert(verification.get()) == 1) return absl::OkStatus();
  return ToStatus(X509_STORE_CTX_get_error(verification.get()),
                  X509_STORE_CTX_get_error_depth(verification.get()), certificate, authority, now,
                  use);
}

}  // namespace

absl::Status VerifyCertificate(const Certificate& certificate, const Certificate& authority,
                               absl::Time now, CertificateUse use) {
  if (!authority.is_authority() || authority.pool_id().empty()) {
    return Refuse(authority, "is not an authority's; nothing can be checked against it");
  }
  if (certificate.is_authority()) {
    return Refuse(certificate, "is an authority's own and speaks for nobody");
  }
  RETURN_IF_ERROR(VerifyChain(certificate, authority, now, use));
  // The chain alone would take one that may be used for everything, and names that are not ours.
  if (!certificate.IsOnlyFor(use)) return Refuse(certificate, WrongUse(use));
  if (!certificate.peer().has_value()) return Refuse(certificate, "cannot be used here");
  if (certificate.pool_id() != authority.pool_id()) {
    return Refuse(certificate, Foreign(certificate, authority));
  }
  if (UseOf(certificate.peer()->kind) != use) return Refuse(certificate, WrongUse(use));
  if (!certificate.public_key().has_value()) return Refuse(certificate, "has no P-256 key");
  return absl::OkStatus();
}

}  // namespace handoff
