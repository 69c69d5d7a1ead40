#include "common/identity/authority.h"

#include <openssl/bn.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/hash.h"
#include "common/identity/backdated.h"
#include "common/identity/openssl.h"
#include "common/status.h"

namespace handoff {
namespace {

using ExtensionHandle = OpenSslHandle<X509_EXTENSION, X509_EXTENSION_free>;
using NamesHandle = OpenSslHandle<GENERAL_NAMES, GENERAL_NAMES_free>;
using NameHandle = OpenSslHandle<GENERAL_NAME, GENERAL_NAME_free>;
using NumberHandle = OpenSslHandle<BIGNUM, BN_free>;

constexpr absl::Duration kAuthorityLife = absl::Hours(24 * 3652);

// A certificate while it is put together. Each step is a no-op after one that failed.
class Draft {
 public:
  Draft() : x509_(X509_new()) {
    Require(x509_ != nullptr && X509_set_version(x509_.get(), X509_VERSION_3) == 1);
  }

  void Serial(const std::string& hex) {
    BIGNUM* raw = nullptr;
    Require(BN_hex2bn(&raw, hex.c_str()) == static_cast<int>(hex.size()));
    const NumberHandle number(raw);
    Require(ok_ && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x509_.get())) != nullptr);
  }
  void Valid(absl::Time not_before, absl::Time not_after) {
    Require(ok_ && ASN1_TIME_set(X509_getm_notBefore(x509_.get()), absl::ToTimeT(not_before)) &&
            ASN1_TIME_set(X509_getm_notAfter(x509_.get()), absl::ToTimeT(not_after)));
  }
  void Key(const PublicKey& key) {
    const KeyHandle handle = key.Open();
    Require(ok_ && handle != nullptr && X509_set_pubkey(x509_.get(), handle.get()) == 1);
  }
  void SubjectPart(const char* field, const std::string& value) {
    Require(ok_ &&
            X509_NAME_add_entry_by_txt(X509_get_subject_name(x509_.get()), field, MBSTRING_UTF8,
                                       Bytes(value), static_cast<int>(value.size()), -1, 0) == 1);
  }
  // Null: itself.
  void IssuedBy(X509* issuer) {
    issuer_ = issuer != nullptr ? issuer : x509_.get();
    Require(ok_ && X509_set_issuer_name(x509_.get(), X509_get_subject_name(issuer_)) == 1);
  }
  // `value` is in openssl.cnf's language, which is why names do not come this way.
  void Extension(int nid, const char* value) {
    if (!ok_) return;
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer_, x509_.get(), nullptr, nullptr, 0);
    const ExtensionHandle extension(X509V3_EXT_nconf_nid(nullptr, &context, nid, value));
    Require(extension != nullptr && X509_add_ext(x509_.get(), extension.get(), -1) == 1);
  }
  void Names(const std::string& uri, const std::vector<std::string>& dns_names) {
    if (!ok_) return;
    const NamesHandle names(GENERAL_NAMES_new());
    Require(names != nullptr);
    AddName(names.get(), GEN_URI, uri);
    for (const std::string& name : dns_names) AddName(names.get(), GEN_DNS, name);
    Require(ok_ && X509_add1_ext_i2d(x509_.get(), NID_subject_alt_name, names.get(), 0,
                                     X509V3_ADD_DEFAULT) == 1);
  }
  absl::StatusOr<Certificate> Sign(const PrivateKey& key) {
    Require(ok_ && X509_sign(x509_.get(), key.handle(), EVP_sha256()) > 0);
    if (!ok_) return errors_.ToStatus("making a certificate");
    return Certificate::FromDer(ToDerString(i2d_X509, x509_.get()));
  }

 private:
  void Require(bool good) { ok_ = ok_ && good; }
  void AddName(GENERAL_NAMES* names, int kind, const std::string& value) {
    NameHandle name(GENERAL_NAME_new());
    OpenSslHandle<ASN1_IA5STRING, ASN1_IA5STRING_free> text(ASN1_IA5STRING_new());
    Require(ok_ && name != nullptr && text != nullptr &&
            ASN1_STRING_set(text.get(), value.data(), static_cast<int>(value.size())) == 1);
    if (!ok_) return;
    GENERAL_NAME_set0_value(name.get(), kind, text.release());
    Require(sk_GENERAL_NAME_push(names, name.get()) > 0);
    if (ok_) name.release();  // the list's
  }

  OpenSslErrors errors_;
  X509Handle x509_;
  X509* issuer_ = nullptr;
  bool ok_ = true;
};

bool IsSerial(absl::string_view text) {
  return text.size() == 32 && text[0] >= '4' && text[0] <= '7' &&
         text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

absl::Status CheckSpec(const Authority& authority, const IssueSpec& spec) {
  RETURN_IF_ERROR(CheckPeerName(spec.peer));
  if (spec.peer.pool_id != authority.certificate.pool_id()) {
    return absl::InvalidArgumentError(absl::StrCat("the authority of pool ",
                                                   authority.certificate.pool_id(),
                                                   " issues nothing for pool ", spec.peer.pool_id));
  }
  if (!spec.serial.empty() && !IsSerial(spec.serial)) {
    return absl::InvalidArgumentError("a serial number is 32 hexadecimal digits, as made for it");
  }
  if (spec.not_before >= std::min(spec.not_after, authority.certificate.not_after())) {
    return absl::InvalidArgumentError(
        absl::StrCat("a certificate for ", DescribePeer(spec.peer), " would end before it begins"));
  }
  if (UseOf(spec.peer.kind) != CertificateUse::kServer && !spec.dns_names.empty()) {
    return absl::InvalidArgumentError("only a coordinator has host names in its certificate");
  }
  for (const std::string& name : spec.dns_names) {
    if (!IsDnsName(name)) {
      return absl::InvalidArgumentError(
          "a host name in a certificate is of a-z, 0-9, '-' and '.', without a wildcard");
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> DnsNamesOf(const IssueSpec& spec) {
  if (UseOf(spec.peer.kind) != CertificateUse::kServer) return {};
  std::vector<std::string> names = {PoolDnsName(spec.peer.pool_id)};
  for (const std::string& name : spec.dns_names) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

}  // namespace

absl::StatusOr<Authority> MakeAuthority(absl::string_view pool_id, absl::Time now) {
  RETURN_IF_ERROR(CheckPoolId(pool_id));
  ASSIGN_OR_RETURN(PrivateKey key, PrivateKey::Generate());
  Draft draft;
  draft.Serial(NewSerial());
  draft.Valid(now - kBackdated, now + kAuthorityLife);
  draft.Key(key.public_key());
  draft.SubjectPart("CN", absl::StrCat("handoff pool ", pool_id));
  draft.IssuedBy(nullptr);
  draft.Extension(NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  draft.Extension(NID_key_usage, "critical,keyCertSign,cRLSign");
  draft.Extension(NID_subject_key_identifier, "hash");
  draft.Names(PoolUri(pool_id), {});
  ASSIGN_OR_RETURN(Certificate certificate, draft.Sign(key));
  return Authority{std::move(certificate), std::move(key)};
}

absl::StatusOr<Certificate> Issue(const Authority& authority, const PublicKey& key,
                                  const IssueSpec& spec) {
  RETURN_IF_ERROR(CheckSpec(authority, spec));
  const unsigned char* from = Bytes(authority.certificate.der());
  const X509Handle issuer(
      d2i_X509(nullptr, &from, static_cast<long>(authority.certificate.der().size())));
  if (issuer == nullptr) return absl::InternalError("the authority's certificate is not readable");
  const bool server = UseOf(spec.peer.kind) == CertificateUse::kServer;
  Draft draft;
  draft.Serial(spec.serial.empty() ? NewSerial() : spec.serial);
  draft.Valid(spec.not_before - kBackdated,
              std::min(spec.not_after, authority.certificate.not_after()));
  draft.Key(key);
  draft.SubjectPart("O", std::string(KindName(spec.peer.kind)));
  if (!spec.peer.name.empty()) draft.SubjectPart("CN", spec.peer.name);
  draft.IssuedBy(issuer.get());
  draft.Extension(NID_basic_constraints, "critical,CA:FALSE");
  draft.Extension(NID_key_usage, "critical,digitalSignature");
  draft.Extension(NID_ext_key_usage, server ? "serverAuth" : "clientAuth");
  draft.Extension(NID_subject_key_identifier, "hash");
  draft.Extension(NID_authority_key_identifier, "keyid:always");
  draft.Names(ToUri(spec.peer), DnsNamesOf(spec));
  return draft.Sign(authority.key);
}

std::string NewSerial() {
  std::string serial = RandomHex(16);
  serial[0] = "4567"[serial[0] % 4];  // positive, and never shorter
  return serial;
}

}  // namespace handoff
