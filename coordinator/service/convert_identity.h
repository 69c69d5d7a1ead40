// Identities between the wire and the core. Of tokens' secrets nothing is here.
#pragma once

#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/core/audit.h"
#include "coordinator/core/identity_commands.h"
#include "coordinator/core/revoke_commands.h"
#include "handoff/v1/identity.pb.h"

namespace handoff {

absl::Status Validate(const v1::RedeemRequest& request);
absl::Status Validate(const v1::CreateTokensRequest& request);
absl::Status Validate(const v1::RevokeRequest& request);
absl::Status Validate(const v1::ListAuditRequest& request);

// INVALID_ARGUMENT for a role, or a purpose, that is none, repositories without bounds, or a page
// that no list named.
absl::StatusOr<core::AddUser> ToCore(const v1::AddUserRequest& request);
absl::StatusOr<core::ChangeUser> ToCore(const v1::ChangeUserRequest& request);
absl::StatusOr<core::ListUsers> ToCore(const v1::ListUsersRequest& request);
absl::StatusOr<core::ListTokens> ToCore(const v1::ListTokensRequest& request);
// But for the secrets, which the service makes. `request` was validated.
core::CreateTokens ToCore(const v1::CreateTokensRequest& request);

using Revocation = std::variant<core::RevokeWorker, core::RevokeUser, core::RevokeToken,
                                core::RevokeDevice, core::RevokeCredential>;
// `request` was validated.
Revocation ToCore(const v1::RevokeRequest& request, const core::Caller& caller);

v1::User ToProto(const core::User& user);
v1::ChangeUserResponse ToProto(const core::ChangeUser::Reply& reply);
// Of these two, as many as fit into a message.
v1::ListUsersResponse ToProto(const core::ListUsers::Reply& reply);
v1::Token ToProto(const core::Token& token);
v1::ListTokensResponse ToProto(const core::ListTokens::Reply& reply);
v1::AuditEntry ToProto(const core::AuditEntry& entry);

}  // namespace handoff
