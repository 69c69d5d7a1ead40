// A certificate, read. A value. Reading proves nothing: VerifyCertificate does.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/identity/key.h"
#include "common/identity/names.h"

namespace handoff {

enum class CertificateUse { kServer, kClient };

// Coordinators serve, all others are clients: a worker's certificate can never be a server's.
CertificateUse UseOf(PeerKind kind);

class Certificate {
 public:
  // Exactly one, at most 16 KiB.
  static absl::StatusOr<Certificate> FromPem(absl::string_view pem);
  static absl::StatusOr<Certificate> FromDer(absl::string_view der);

  const std::string& der() const { return der_; }
  std::string ToPem() const;
  // Lower-case hex, two digits a byte.
  const std::string& serial() const { return serial_; }
  absl::Time not_before() const { return not_before_; }
  absl::Time not_after() const { return not_after_; }
  bool is_authority() const { return is_authority_; }
  // Of the peer or of the authority; empty when it says neither.
  const std::string& pool_id() const { return pool_id_; }
  // Absent in an authority's, and in one that no pool of ours made.
  const std::optional<PeerName>& peer() const { return peer_; }
  const std::vector<std::string>& dns_names() const { return dns_names_; }
  // Absent when it is not P-256.
  const std::optional<PublicKey>& public_key() const { return public_key_; }
  // Whether it is for this and for nothing else.
  bool IsOnlyFor(CertificateUse use) const { return only_for_ == use; }
  // SHA-256 of its DER, lower-case hex.
  std::string Fingerprint() const;
  // For people: "the certificate of worker 0b6f…".
  std::string Describe() const;

 private:
  friend struct CertificateReader;
  Certificate() = default;
  std::string der_, serial_, pool_id_;
  absl::Time not_before_, not_after_;
  bool is_authority_ = false;
  std::optional<CertificateUse> only_for_;
  std::optional<PeerName> peer_;
  std::vector<std::string> dns_names_;
  std::optional<PublicKey> public_key_;
};

}  // namespace handoff
