#include "common/rpc/peer.h"

#include <grpcpp/security/auth_context.h>

#include <optional>

#include "absl/strings/strip.h"
#include "common/rpc/known_certificates.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr char kPemProperty[] = "x509_pem_cert";

// Only certificates that a handshake took come here. Never destroyed: gRPC's threads may outlive
// main.
KnownCertificates& OfPeers() {
  static auto* const known = new KnownCertificates();
  return *known;
}

}  // namespace

std::string PlainAddress(absl::string_view uri) {
  if (!absl::ConsumePrefix(&uri, "ipv4:")) absl::ConsumePrefix(&uri, "ipv6:");
  std::string plain;
  for (size_t i = 0; i < uri.size(); ++i) {
    const auto decoded =
        uri[i] == '%' && i + 2 < uri.size() ? FromHex(uri.substr(i + 1, 2)) : std::nullopt;
    if (decoded.has_value()) {
      plain += *decoded;
      i += 2;
    } else {
      plain += uri[i];
    }
  }
  return plain;
}

PeerIdentity IdentityOf(const grpc::ServerContextBase& context) {
  const auto auth = context.auth_context();
  PeerIdentity identity = auth == nullptr ? PeerIdentity() : IdentityOf(*auth);
  identity.address = PlainAddress(context.peer());
  return identity;
}

PeerIdentity IdentityOf(const grpc::AuthContext& context) {
  PeerIdentity identity;
  if (!context.IsPeerAuthenticated()) return identity;
  const auto pem = context.FindPropertyValues(kPemProperty);
  if (pem.size() != 1) return identity;
  const auto facts = OfPeers().Read(absl::string_view(pem[0].data(), pem[0].size()));
  if (!facts.ok() || (*facts)->serial.empty()) return identity;
  identity.authenticated = true;
  identity.uris = (*facts)->uris;
  identity.serial = (*facts)->serial;
  identity.not_after = (*facts)->not_after;
  identity.not_before = (*facts)->not_before;
  return identity;
}

}  // namespace handoff
