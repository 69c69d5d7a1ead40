// What a caller may do with one handoff. What somebody may not see is not found for them, in the
// very words that are used for what is not there.
#pragma once

#include <grpcpp/server_context.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/core/access.h"
#include "coordinator/service/door.h"
#include "coordinator/service/parts.h"

namespace handoff {

// A handoff that a request names, and who asks for it.
struct Found {
  Guest guest;
  std::string id;
  core::Handoff handoff;
};

// Enters (see Door), and finds. `part` is a full id or a part of one, as people type it. NOT_FOUND
// for what the caller may not see; PERMISSION_DENIED for what they see and may not do this with.
absl::StatusOr<Found> FindFor(const grpc::ServerContextBase& context, core::Method method,
                              const std::string& part, const ServiceParts& parts,
                              IdRule rule = IdRule::kPreferLive,
                              const absl::Status& valid = absl::OkStatus());

// Of a worker: it was given one of its attempts, or is asked for a summary of one.
bool IsOwn(const Guest& guest, const core::Handoff& handoff, const ServiceParts& parts);
// What a search of the store may find for them.
Eyes EyesOf(const Guest& guest);
core::Sight SightOf(const Guest& guest, const core::Handoff& handoff, const ServiceParts& parts);

// Enters; PERMISSION_DENIED unless the caller is this worker.
absl::StatusOr<Guest> CheckWorker(const grpc::ServerContextBase& context, core::Method method,
                                  const std::string& worker_uuid, const ServiceParts& parts,
                                  const absl::Status& valid);

// For a submit in the caller's name: whether their role has the repository.
absl::Status CheckRepository(const Guest& guest, const std::string& url);
// The same: whether their role goes so far before others.
absl::Status CheckPriority(const Guest& guest, int priority);

}  // namespace handoff
