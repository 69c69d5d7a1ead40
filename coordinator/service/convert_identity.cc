#include "coordinator/service/convert_identity.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/rpc/proto_time.h"
#include "common/status.h"
#include "coordinator/core/limits.h"
#include "coordinator/service/validate.h"

namespace handoff {
namespace {

constexpr size_t kMaxSigningRequest = 4096;
constexpr size_t kMaxLine = 1024;
constexpr int kMaxPage = 1000;
constexpr int kDefaultPage = 200;
constexpr size_t kMaxPageBytes = 2 << 20;
constexpr absl::Duration kJoinTtl = absl::Minutes(15);
constexpr absl::Duration kCiTtl = absl::Hours(1);

absl::StatusOr<core::Role> RoleOf(v1::User::Role role) {
  switch (role) {
    case v1::User::ADMIN:
      return core::Role::kAdmin;
    case v1::User::OPERATOR:
      return core::Role::kOperator;
    case v1::User::MEMBER:
      return core::Role::kMember;
    case v1::User::VIEWER:
      return core::Role::kViewer;
    case v1::User::CI:
      return core::Role::kCi;
    default:
      return absl::InvalidArgumentError(
          "role must be admin, operator, member, viewer or ci. Nothing was done");
  }
}

using Repos = google::protobuf::RepeatedPtrField<std::string>;

// So much only that the engine's thread copies nothing large; what is a pattern is the core's.
absl::Status ValidateRepos(const Repos& repos) {
  if (static_cast<size_t>(repos.size()) > core::kMaxPatterns) {
    return absl::InvalidArgumentError(absl::StrCat(repos.size(), " patterns in repos: use at most ",
                                                   core::kMaxPatterns, ". Nothing was done"));
  }
  const bool fits = std::all_of(repos.begin(), repos.end(), [](const std::string& pattern) {
    return pattern.size() <= core::kMaxPatternBytes;
  });
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "a pattern in repos has more than ", core::kMaxPatternBytes, " bytes. Nothing was done"));
}

absl::Status CheckPageSize(int size) {
  if (size >= 0 && size <= kMaxPage) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("page_size must be from 0 to ", kMaxPage));
}

size_t MostOf(int page_size) {
  return static_cast<size_t>(page_size == 0 ? kDefaultPage : page_size);
}

// The time when the token before was made, in nanoseconds, and its id.
std::string PageToken(const core::Token& last) {
  return absl::StrCat(absl::ToUnixNanos(last.created_at), ".", last.id);
}

absl::StatusOr<core::TokenPlace> PlaceFrom(const std::string& page_token) {
  core::TokenPlace place;
  if (page_token.empty()) return place;
  const std::vector<std::string> parts = absl::StrSplit(page_token, absl::MaxSplits('.', 1));
  int64_t nanos = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &nanos)) {
    return absl::InvalidArgumentError(
        "the page token is not one that a list returned; start the list again without it");
  }
  place.created_at = absl::FromUnixNanos(nanos);
  place.id = parts[1];
  return place;
}

void SetTime(absl::Time from, google::protobuf::Timestamp* (v1::Token::*to)(), v1::Token& token) {
  if (from != absl::InfinitePast()) *(token.*to)() = ToProto(from);
}

v1::Credential CredentialToProto(const core::Credential& credential) {
  v1::Credential out;
  out.set_serial(credential.serial);
  out.set_device(credential.device);
  *out.mutable_issued_at() = ToProto(credential.issued_at);
  *out.mutable_not_after() = ToProto(credential.not_after);
  if (credential.revoked_at != absl::InfinitePast())
    *out.mutable_revoked_at() = ToProto(credential.revoked_at);
  return out;
}

}  // namespace

absl::Status Validate(const v1::RedeemRequest& request) {
  // A secret of another length is a wrong one, which is said and logged as such.
  if (request.signing_request().empty() || request.signing_request().size() > kMaxSigningRequest) {
    return absl::InvalidArgumentError(absl::StrCat("signing_request must have 1 to ",
                                                   kMaxSigningRequest, " bytes. Nothing was done"));
  }
  RETURN_IF_ERROR(ValidateLine("token_id", request.token_id(), kMaxLine));
  RETURN_IF_ERROR(ValidateLine("worker_uuid", request.worker_uuid(), kMaxLine));
  return ValidateLine("device", request.device(), kMaxLine);
}

absl::Status Validate(const v1::CreateTokensRequest& request) {
  if (request.purpose() < v1::Token::WORKER || request.purpose() > v1::Token::CI) {
    return absl::InvalidArgumentError("purpose must be WORKER, LOGIN or CI. No token was made");
  }
  const int most = static_cast<int>(core::kMaxTokensAtOnce);
  if (request.count() < 0 || request.count() > most) {
    return absl::InvalidArgumentError(
        absl::StrCat("count must be from 1 to ", most, ". No token was made"));
  }
  if (request.purpose() == v1::Token::CI && request.count() > 1)
    return absl::InvalidArgumentError("one ci token is made at a time. No token was made");
  RETURN_IF_ERROR(FromProto(request.ttl(), "ttl").status());
  RETURN_IF_ERROR(ValidateLine("user", request.user(), kMaxLine));
  RETURN_IF_ERROR(ValidateLine("owner", request.owner(), kMaxLine));
  // Each token has a copy of them.
  RETURN_IF_ERROR(ValidateLabels(request.labels(), "labels"));
  return ValidateRepos(request.repos());
}

absl::Status Validate(const v1::RevokeRequest& request) {
  if (request.what_case() == v1::RevokeRequest::WHAT_NOT_SET) {
    return absl::InvalidArgumentError(
        "say what to revoke: a worker, a user, a token, a device or a serial. Nothing was revoked");
  }
  RETURN_IF_ERROR(ValidateLine("worker", request.worker(), kMaxLine));
  RETURN_IF_ERROR(ValidateLine("user", request.user(), kMaxLine));
  RETURN_IF_ERROR(ValidateLine("token", request.token(), kMaxLine));
  RETURN_IF_ERROR(ValidateLine("device.user", request.device().user(), kMaxLine));
  RETURN_IF_ERROR(ValidateLine("device.name", request.device().name(), kMaxLine));
  RETURN_IF_ERROR(ValidateLine("serial", request.serial(), kMaxLine));
  return ValidateLine("reason", request.reason(), kMaxLine);
}

absl::Status Validate(const v1::ListAuditRequest& request) {
  return CheckPageSize(request.page_size());
}

absl::StatusOr<core::AddUser> ToCore(const v1::AddUserRequest& request) {
  core::AddUser add;
  add.name = request.name();
  ASSIGN_OR_RETURN(add.role, RoleOf(request.role()));
  RETURN_IF_ERROR(ValidateRepos(request.repos()));
  add.repos.assign(request.repos().begin(), request.repos().end());
  return add;
}

absl::StatusOr<core::ChangeUser> ToCore(const v1::ChangeUserRequest& request) {
  core::ChangeUser change;
  change.name = request.name();
  if (request.has_role()) {
    ASSIGN_OR_RETURN(change.role, RoleOf(request.role()));
  }
  RETURN_IF_ERROR(ValidateRepos(request.repos()));
  if (request.set_repos()) change.repos.emplace(request.repos().begin(), request.repos().end());
  if (request.has_disabled()) change.disabled = request.disabled();
  return change;
}

absl::StatusOr<core::ListUsers> ToCore(const v1::ListUsersRequest& request) {
  RETURN_IF_ERROR(CheckPageSize(request.page_size()));
  RETURN_IF_ERROR(ValidateLine("name", request.name(), kMaxLine));
  RETURN_IF_ERROR(ValidateLine("page_token", request.page_token(), kMaxLine));
  core::ListUsers list;
  list.name = request.name();
  list.after = request.page_token();
  list.most = MostOf(request.page_size());
  return list;
}

absl::StatusOr<core::ListTokens> ToCore(const v1::ListTokensRequest& request) {
  RETURN_IF_ERROR(CheckPageSize(request.page_size()));
  RETURN_IF_ERROR(ValidateLine("page_token", request.page_token(), kMaxLine));
  core::ListTokens list;
  ASSIGN_OR_RETURN(list.after, PlaceFrom(request.page_token()));
  list.most = MostOf(request.page_size());
  return list;
}

core::CreateTokens ToCore(const v1::CreateTokensRequest& request) {
  core::CreateTokens create;
  create.purpose = static_cast<core::TokenPurpose>(request.purpose());
  const absl::Duration ttl = FromProto(request.ttl(), "ttl").value_or(absl::ZeroDuration());
  const bool ci = create.purpose == core::TokenPurpose::kCi;
  create.ttl = ttl != absl::ZeroDuration() ? ttl : ci ? kCiTtl : kJoinTtl;
  create.user = request.user();
  create.repos.assign(request.repos().begin(), request.repos().end());
  create.labels.insert(request.labels().begin(), request.labels().end());
  create.owner = request.owner();
  create.shared = request.shared();
  return create;
}

Revocation ToCore(const v1::RevokeRequest& request, const core::Caller& caller) {
  const std::string& reason = request.reason();
  switch (request.what_case()) {
    case v1::RevokeRequest::kWorker:
      return core::RevokeWorker{caller, request.worker(), reason};
    case v1::RevokeRequest::kUser:
      return core::RevokeUser{caller, request.user(), reason};
    case v1::RevokeRequest::kToken:
      return core::RevokeToken{caller, request.token(), reason};
    case v1::RevokeRequest::kDevice:
      return core::RevokeDevice{caller, request.device().user(), request.device().name(), reason};
    default:
      return core::RevokeCredential{caller, request.serial(), reason};
  }
}

v1::User ToProto(const core::User& user) {
  v1::User out;
  out.set_name(user.name);
  out.set_role(static_cast<v1::User::Role>(user.role));
  for (const std::string& pattern : user.repos) out.add_repos(pattern);
  out.set_disabled(user.disabled);
  *out.mutable_created_at() = ToProto(user.created_at);
  out.set_created_by(user.created_by);
  return out;
}

v1::ChangeUserResponse ToProto(const core::ChangeUser::Reply& reply) {
  v1::ChangeUserResponse out;
  *out.mutable_user() = ToProto(reply.user);
  out.set_revoked_tokens(static_cast<int32_t>(reply.revoked_tokens));
  out.set_revoked_credentials(static_cast<int32_t>(reply.revoked_credentials));
  return out;
}

v1::ListUsersResponse ToProto(const core::ListUsers::Reply& reply) {
  v1::ListUsersResponse out;
  size_t bytes = 0;
  for (const core::ListUsers::Item& item : reply.users) {
    v1::User user = ToProto(item.user);
    for (const core::Credential& credential : item.credentials)
      *user.add_credentials() = CredentialToProto(credential);
    bytes += user.ByteSizeLong();
    if (bytes > kMaxPageBytes && !out.users().empty()) break;
    *out.add_users() = std::move(user);
  }
  const auto shown = static_cast<size_t>(out.users_size());
  if (shown < reply.users.size() || (reply.more && shown > 0))
    out.set_next_page_token(reply.users[shown - 1].user.name);
  return out;
}

v1::Token ToProto(const core::Token& token) {
  v1::Token out;
  out.set_id(token.id);
  out.set_purpose(static_cast<v1::Token::Purpose>(token.purpose));
  out.set_user(token.user);
  for (const std::string& pattern : token.repos) out.add_repos(pattern);
  SetTime(token.expires_at, &v1::Token::mutable_expires_at, out);
  SetTime(token.created_at, &v1::Token::mutable_created_at, out);
  out.set_created_by(token.created_by);
  SetTime(token.used_at, &v1::Token::mutable_used_at, out);
  SetTime(token.revoked_at, &v1::Token::mutable_revoked_at, out);
  out.mutable_labels()->insert(token.labels.begin(), token.labels.end());
  out.set_owner(token.owner);
  out.set_shared(token.shared);
  return out;
}

v1::ListTokensResponse ToProto(const core::ListTokens::Reply& reply) {
  v1::ListTokensResponse out;
  size_t bytes = 0;
  for (const core::Token& from : reply.tokens) {
    v1::Token token = ToProto(from);
    bytes += token.ByteSizeLong();
    if (bytes > kMaxPageBytes && !out.tokens().empty()) break;
    *out.add_tokens() = std::move(token);
  }
  const auto shown = static_cast<size_t>(out.tokens_size());
  if (shown < reply.tokens.size() || (reply.more && shown > 0))
    out.set_next_page_token(PageToken(reply.tokens[shown - 1]));
  return out;
}

v1::AuditEntry ToProto(const core::AuditEntry& entry) {
  v1::AuditEntry out;
  out.set_seq(entry.seq);
  *out.mutable_at() = ToProto(entry.at);
  out.set_actor(entry.actor);
  out.set_serial(entry.serial);
  out.set_address(entry.address);
  out.set_action(entry.action);
  out.set_object(entry.object);
  out.set_refused(entry.outcome == core::AuditOutcome::kRefused);
  out.set_detail(entry.detail);
  out.set_hash(entry.hash);
  return out;
}

}  // namespace handoff
