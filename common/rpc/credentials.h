// What a server or a client shows to the other side and trusts of it: mutual TLS, from three files
// that may be replaced while everything runs.
//
// gRPC 1.51 watches files, but takes a broken or half-written one at once and then fails every
// handshake. So it gets copies in memory: a set is checked as a whole, and only one that is good
// replaces the one in use, in one step. A bad one changes nothing, is logged once and is in
// status(). New connections use new files some 2 s after they were written; connections that are
// open stay as they are.
#pragma once

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/clock.h"
#include "common/rpc/certificate.h"

namespace handoff {

struct CredentialFiles {
  std::string authority;
  std::string certificate;
  std::string key;  // only its owner may have access to it

  // authority.pem, certificate.pem and key.pem.
  static CredentialFiles In(const std::string& directory);
};

enum class ClientCertificate {
  kRequired,   // or there is no connection
  kRequested,  // a peer without one gets in as nobody; one that is not accepted does not
};

// Thread-safe; has a thread of its own that looks at the files every second.
class Credentials {
 public:
  // INVALID_ARGUMENT or the error of reading when the files are not good now. `clock` must outlive
  // this.
  static absl::StatusOr<std::shared_ptr<Credentials>> Load(const CredentialFiles& files,
                                                           CredentialUse use, const Clock& clock);
  // From texts instead of files: nothing is looked at again, and there is no thread.
  static absl::StatusOr<std::shared_ptr<Credentials>> FromPem(const CredentialSet& set,
                                                              CredentialUse use,
                                                              const Clock& clock);
  ~Credentials();

  // Why the files as they are now are not in use, or that what is in use is out of time.
  absl::Status status() const;
  // Of the certificate in use.
  CertificateFacts facts() const;
  // Looks at the files now: for who just wrote them.
  void Refresh();

  // TLS 1.2 or 1.3, 1.3 when both sides can. What was made from these goes on with the last set
  // when they are gone.
  std::shared_ptr<grpc::ServerCredentials> ForServer(ClientCertificate certificate) const;
  // Checks the name that the channel asks for (see MakeChannel), never the address.
  std::shared_ptr<grpc::ChannelCredentials> ForChannel() const;

 private:
  struct Impl;
  explicit Credentials(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

// What gRPC's words on a connection that failed mean, for a person; empty when they are not about
// TLS.
std::string ExplainHandshake(absl::string_view words);

}  // namespace handoff
