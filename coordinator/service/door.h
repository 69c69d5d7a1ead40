// Who may come in, in two steps. Before anything of a call is read the caller must speak our
// protocol (common/rpc/protocol.h), the certificate of its connection must be one that the pool
// knows, that was not revoked and is in time, and the call one of the table (core/access.h). Then
// the first thing that each handler does is to Enter: the role must have the method. It is not one
// step because gRPC 1.51 does not tell the first where a call comes from, and a refusal without an
// address in the audit log is of little use. What a caller may do with one handoff is looked at
// where it is read (rights.h).
//
// The certificate alone is not believed: it may have been revoked since the connection was made.
#pragma once

#include <grpcpp/security/auth_metadata_processor.h>
#include <grpcpp/server_context.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/rpc/peer.h"
#include "coordinator/core/access.h"
#include "coordinator/core/identity.h"
#include "coordinator/core/identity_commands.h"
#include "coordinator/engine.h"

namespace handoff {

// Who calls, as the pool knows them.
struct Guest {
  core::Caller caller;
  core::CredentialPurpose purpose = core::CredentialPurpose::kBootstrap;
  std::string subject;  // a user's name, "ci/NAME", a worker's UUID, or a token's id
  core::Role role = core::Role::kViewer;  // of users and of ci
  std::vector<std::string> repos;         // patterns; empty: any
  // A worker's certificate that the records do not know. It is let in to be renewed, where it is
  // looked at again, and for nothing else.
  std::optional<core::UnknownCertificate> unknown;
};

// Thread-safe.
class Door {
 public:
  // `refused` is told of each call that somebody known was not allowed, on gRPC's threads.
  using Refused = std::function<void(const core::NoteRefusal&)>;
  Door(std::string pool_id, const Engine& engine, const Clock& clock, Refused refused);

  // UNAUTHENTICATED for a certificate that is none of the pool's or is not good any more,
  // PERMISSION_DENIED for one with which the method may not be called at all.
  // Only who may call it is told what is wrong with the request: `valid`.
  absl::StatusOr<Guest> Enter(const grpc::ServerContextBase& context, core::Method method,
                              const absl::Status& valid = absl::OkStatus()) const;
  // PERMISSION_DENIED with `why`, a sentence without its end, noted for `object`.
  absl::Status Refuse(const Guest& guest, core::Method method, const std::string& object,
                      const std::string& why) const;

  // For the server's credentials: turns away whoever is not known. Lives as long as this.
  std::shared_ptr<grpc::AuthMetadataProcessor> Processor();

 private:
  class Porter;
  absl::StatusOr<Guest> Find(const PeerIdentity& peer, std::optional<core::Method> method) const;
  absl::Status Admit(const PeerIdentity& peer, std::optional<core::Method> method,
                     Guest& guest) const;

  const std::string pool_id_;
  const Engine& engine_;
  const Clock& clock_;
  const Refused refused_;
  mutable std::atomic<bool> told_of_unknown_{false};
};

}  // namespace handoff
