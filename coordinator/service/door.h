// Who may come in, looked at with every call before anything of it is read: the certificate of the
// connection must be one that the pool knows and did not revoke, and its role must have the method
// (core/access.h). What a caller may do with one handoff is looked at where it is read (rights.h).
//
// The certificate alone is not believed: it may have been revoked since the connection was made.
#pragma once

#include <grpcpp/security/auth_metadata_processor.h>
#include <grpcpp/server_context.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "coordinator/core/access.h"
#include "coordinator/core/identity.h"
#include "coordinator/engine.h"

namespace handoff {

// Who calls, as the pool knows them.
struct Guest {
  core::Caller caller;
  core::CredentialPurpose purpose = core::CredentialPurpose::kBootstrap;
  std::string subject;  // a user's name, "ci/NAME", a worker's UUID, or a token's id
  core::Role role = core::Role::kViewer;  // of users and of ci
  std::vector<std::string> repos;         // patterns; empty: any
};

// Thread-safe.
class Door {
 public:
  // `refused` is told of each call that was turned away, on gRPC's threads.
  using Refused = std::function<void(const core::Caller&, core::Method, const std::string& why)>;
  Door(std::string pool_id, const Engine& engine, const Clock& clock, Refused refused);

  // UNAUTHENTICATED for a certificate that is none of the pool's or is not good any more.
  absl::StatusOr<Guest> GuestOf(const grpc::ServerContextBase& context) const;

  // For the server's credentials: turns away whoever may not call the method at all. Lives as long
  // as this.
  std::shared_ptr<grpc::AuthMetadataProcessor> Processor();

 private:
  class Porter;
  absl::StatusOr<Guest> Find(const std::string& serial, const std::vector<std::string>& uris,
                             absl::Time not_after) const;
  absl::Status Admit(const Guest& guest, absl::string_view path) const;

  const std::string pool_id_;
  const Engine& engine_;
  const Clock& clock_;
  const Refused refused_;
};

}  // namespace handoff
