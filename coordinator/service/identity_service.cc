#include "coordinator/service/identity_service.h"

#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "common/identity/authority.h"
#include "common/identity/signing_request.h"
#include "common/status.h"
#include "coordinator/service/answer.h"
#include "coordinator/service/convert_identity.h"
#include "coordinator/service/door.h"

namespace handoff {
namespace {

using Unary = grpc::ServerUnaryReactor;

constexpr int kAuditPage = 200;

PeerKind KindOf(core::CredentialPurpose purpose) {
  switch (purpose) {
    case core::CredentialPurpose::kWorker:
      return PeerKind::kWorker;
    case core::CredentialPurpose::kRenewal:
      return PeerKind::kRenewal;
    default:
      return PeerKind::kUser;
  }
}

// What the engine has stored by now. An answer that is lost, or a signature that fails, leaves a
// credential that nobody has: it is replaced by the next renewal, or expires.
absl::Status Sign(const Issuer& issuer, const PublicKey& key, const core::Credential& credential,
                  const std::optional<core::Credential>& renewal, v1::IssuedCertificate& out) {
  const auto issue = [&](const core::Credential& made) {
    return issuer.IssueTo(key, KindOf(made.purpose), made.subject, made.serial, made.not_after);
  };
  ASSIGN_OR_RETURN(*out.mutable_certificate(), issue(credential));
  if (renewal.has_value()) {
    ASSIGN_OR_RETURN(*out.mutable_renewal_certificate(), issue(*renewal));
  }
  out.set_pool_id(issuer.pool_id());
  out.set_subject(credential.subject);
  return absl::OkStatus();
}

// What the host that joined learns of what was decided for it.
void TellTerms(const core::Token& token, v1::IssuedCertificate& out) {
  if (token.purpose != core::TokenPurpose::kWorker) return;
  out.mutable_labels()->insert(token.labels.begin(), token.labels.end());
  out.set_owner(token.owner);
  out.set_shared(token.shared);
  out.mutable_repos()->Assign(token.repos.begin(), token.repos.end());
}

core::TokenPurpose PurposeOf(const v1::RedeemRequest& request) {
  return request.worker_uuid().empty() ? core::TokenPurpose::kLogin : core::TokenPurpose::kWorker;
}

TicketKind TicketKindOf(core::TokenPurpose purpose) {
  switch (purpose) {
    case core::TokenPurpose::kWorker:
      return TicketKind::kWorker;
    case core::TokenPurpose::kLogin:
      return TicketKind::kUser;
    case core::TokenPurpose::kCi:
      return TicketKind::kCi;
  }
  return TicketKind::kUser;
}

absl::Status Encode(const std::vector<Ticket>& tickets, v1::CreateTokensResponse& response) {
  for (const Ticket& ticket : tickets) {
    ASSIGN_OR_RETURN(const Secret line, EncodeTicket(ticket));
    response.add_lines(std::string(line.Reveal()));
  }
  return absl::OkStatus();
}

}  // namespace

Unary* IdentityService::Redeem(Context* context, const v1::RedeemRequest* request,
                               v1::IssuedCertificate* response) {
  const auto guest = parts_.door.Enter(*context, core::Method::kRedeem, Validate(*request));
  if (!guest.ok()) return Answer(context, guest.status());
  auto key = ReadSigningRequest(request->signing_request());
  if (!key.ok()) return Answer(context, key.status());
  core::RedeemToken redeem;
  redeem.caller = guest->caller;
  redeem.token_id = request->token_id();
  redeem.secret_hash = HashSecret(Secret(request->secret()));
  redeem.purpose = PurposeOf(*request);
  redeem.worker_uuid = request->worker_uuid();
  redeem.device = request->device();
  redeem.serial = NewSerial();
  if (!redeem.worker_uuid.empty()) redeem.renewal_serial = NewSerial();
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(std::move(redeem),
                     AnswerWith(reactor, [this, key = *std::move(key),
                                          response](const core::RedeemToken::Reply& reply) {
                       TellTerms(reply.token, *response);
                       return Sign(issuer_, key, reply.credential, reply.renewal, *response);
                     }));
  return reactor;
}

Unary* IdentityService::Renew(Context* context, const v1::RenewRequest* request,
                              v1::IssuedCertificate* response) {
  const auto guest = parts_.door.Enter(*context, core::Method::kRenew);
  if (!guest.ok()) return Answer(context, guest.status());
  auto key = ReadSigningRequest(request->signing_request());
  if (!key.ok()) return Answer(context, key.status());
  const bool worker = guest->purpose == core::CredentialPurpose::kWorker ||
                      guest->purpose == core::CredentialPurpose::kRenewal;
  core::RenewCredential renew;
  renew.caller = guest->caller;
  renew.unknown = guest->unknown;
  renew.serial = NewSerial();
  if (worker) renew.renewal_serial = NewSerial();
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(std::move(renew),
                     AnswerWith(reactor, [this, key = *std::move(key),
                                          response](const core::RenewCredential::Reply& reply) {
                       return Sign(issuer_, key, reply.credential, reply.renewal, *response);
                     }));
  return reactor;
}

Unary* IdentityService::AddUser(Context* context, const v1::AddUserRequest* request,
                                v1::User* response) {
  const auto guest = parts_.door.Enter(*context, core::Method::kAddUser);
  if (!guest.ok()) return Answer(context, guest.status());
  auto add = ToCore(*request);
  if (!add.ok()) return Answer(context, add.status());
  add->caller = guest->caller;
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(*std::move(add),
                     AnswerWith(reactor, [response](const core::AddUser::Reply& reply) {
                       *response = ToProto(reply.user);
                       return absl::OkStatus();
                     }));
  return reactor;
}

Unary* IdentityService::ChangeUser(Context* context, const v1::ChangeUserRequest* request,
                                   v1::ChangeUserResponse* response) {
  const auto guest = parts_.door.Enter(*context, core::Method::kChangeUser);
  if (!guest.ok()) return Answer(context, guest.status());
  auto change = ToCore(*request);
  if (!change.ok()) return Answer(context, change.status());
  change->caller = guest->caller;
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(*std::move(change),
                     AnswerWith(reactor, [response](const core::ChangeUser::Reply& reply) {
                       *response = ToProto(reply);
                       return absl::OkStatus();
                     }));
  return reactor;
}

Unary* IdentityService::ListUsers(Context* context, const v1::ListUsersRequest* request,
                                  v1::ListUsersResponse* response) {
  auto list = ToCore(*request);
  const auto guest = parts_.door.Enter(*context, core::Method::kListUsers, list.status());
  if (!guest.ok()) return Answer(context, guest.status());
  list->caller = guest->caller;
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(*std::move(list),
                     AnswerWith(reactor, [response](const core::ListUsers::Reply& reply) {
                       *response = ToProto(reply);
                       return absl::OkStatus();
                     }));
  return reactor;
}

Unary* IdentityService::CreateTokens(Context* context, const v1::CreateTokensRequest* request,
                                     v1::CreateTokensResponse* response) {
  const auto guest = parts_.door.Enter(*context, core::Method::kCreateTokens, Validate(*request));
  if (!guest.ok()) return Answer(context, guest.status());
  core::CreateTokens create = ToCore(*request);
  create.caller = guest->caller;
  std::vector<Ticket> tickets;
  for (int i = 0; i < std::max(1, request->count()); ++i) {
    auto ticket = issuer_.MakeTicket(TicketKindOf(create.purpose), create.ttl);
    if (!ticket.ok()) return Answer(context, ticket.status());
    create.secrets.push_back({ticket->token_id, HashSecret(ticket->secret)});
    tickets.push_back(*std::move(ticket));
  }
  Unary* const reactor = context->DefaultReactor();
  const bool ci = create.purpose == core::TokenPurpose::kCi;
  parts_.engine.Post(std::move(create), [this, ci, reactor, tickets = std::move(tickets),
                                         response](auto reply) mutable {
    absl::Status status = FromEngine(reply.status());
    if (status.ok()) status = Encode(tickets, *response);
    if (!status.ok()) return reactor->Finish(ToGrpc(status));
    for (const core::Token& token : reply->tokens) *response->add_tokens() = ToProto(token);
    if (!ci) return reactor->Finish(grpc::Status::OK);
    RedeemForCi(tickets[0], reactor);
  });
  return reactor;
}

// The coordinator redeems a ci token as soon as it is made: the certificate in the line is the
// credential, good until it expires and as often as it is used.
void IdentityService::RedeemForCi(const Ticket& ticket, Unary* reactor) {
  core::RedeemToken redeem;
  redeem.caller.is_coordinator = true;
  redeem.token_id = ticket.token_id;
  redeem.secret_hash = HashSecret(ticket.secret);
  redeem.purpose = core::TokenPurpose::kCi;
  redeem.serial = ticket.certificate.serial();
  parts_.engine.Post(std::move(redeem), AnswerWith(reactor, [](const core::RedeemToken::Reply&) {
                       return absl::OkStatus();
                     }));
}

Unary* IdentityService::ListTokens(Context* context, const v1::ListTokensRequest* request,
                                   v1::ListTokensResponse* response) {
  auto list = ToCore(*request);
  const auto guest = parts_.door.Enter(*context, core::Method::kListTokens, list.status());
  if (!guest.ok()) return Answer(context, guest.status());
  list->caller = guest->caller;
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(*std::move(list),
                     AnswerWith(reactor, [response](const core::ListTokens::Reply& reply) {
                       *response = ToProto(reply);
                       return absl::OkStatus();
                     }));
  return reactor;
}

Unary* IdentityService::Revoke(Context* context, const v1::RevokeRequest* request,
                               v1::RevokeResponse* response) {
  const auto guest = parts_.door.Enter(*context, core::Method::kRevoke, Validate(*request));
  if (!guest.ok()) return Answer(context, guest.status());
  Unary* const reactor = context->DefaultReactor();
  std::visit(
      [&](auto command) {
        parts_.engine.Post(std::move(command), AnswerWith(reactor, [response](const auto& reply) {
                             response->set_already(reply.already);
                             return absl::OkStatus();
                           }));
      },
      ToCore(*request, guest->caller));
  return reactor;
}

Unary* IdentityService::ListAudit(Context* context, const v1::ListAuditRequest* request,
                                  v1::ListAuditResponse* response) {
  const auto guest = parts_.door.Enter(*context, core::Method::kListAudit, Validate(*request));
  if (!guest.ok()) return Answer(context, guest.status());
  return Answer(context, AuditPage(*request), response);
}

absl::StatusOr<v1::ListAuditResponse> IdentityService::AuditPage(
    const v1::ListAuditRequest& request) const {
  v1::ListAuditResponse response;
  const int limit = request.page_size() == 0 ? kAuditPage : request.page_size();
  ASSIGN_OR_RETURN(const std::vector<core::AuditEntry> entries,
                   audit_.Audit(request.after(), limit));
  for (const core::AuditEntry& entry : entries) *response.add_entries() = ToProto(entry);
  ASSIGN_OR_RETURN(const core::AuditHead head, audit_.Head());
  response.set_last(head.seq);
  if (request.verify()) {
    ASSIGN_OR_RETURN(const AuditVerdict verdict, VerifyAudit(audit_));
    response.set_broken(verdict.finding);
  }
  return response;
}

}  // namespace handoff
