#include "tests/fakes/fake_identity.h"

#include <algorithm>
#include <iterator>

#include "absl/time/clock.h"
#include "common/check.h"
#include "common/identity/signing_request.h"
#include "common/rpc/peer.h"
#include "common/rpc/proto_time.h"

namespace handoff {
namespace {

TicketKind KindOf(v1::Token::Purpose purpose) {
  switch (purpose) {
    case v1::Token::LOGIN:
      return TicketKind::kUser;
    case v1::Token::CI:
      return TicketKind::kCi;
    default:
      return TicketKind::kWorker;
  }
}

}  // namespace

std::string CallerOf(const grpc::ServerContext& context) {
  const PeerIdentity peer = IdentityOf(context);
  return peer.uris.size() == 1 ? ParsePeerName(peer.uris[0])->name : "";
}

void FakeIdentity::SetAddress(const std::string& address) {
  const MutexLock lock(mutex_);
  address_ = address;
}

std::string FakeIdentity::LoginLine(const std::string& user) {
  const MutexLock lock(mutex_);
  v1::Token token;
  token.set_purpose(v1::Token::LOGIN);
  token.set_user(user);
  return Give(token, TicketKind::kUser);
}

void FakeIdentity::Refuse(const grpc::Status& status) {
  const MutexLock lock(mutex_);
  refusal_ = status;
}

void FakeIdentity::SetUser(const v1::User& user) {
  const MutexLock lock(mutex_);
  users_[user.name()] = user;
}

void FakeIdentity::SetRevoked(int tokens, int credentials) {
  const MutexLock lock(mutex_);
  revoked_.set_revoked_tokens(tokens);
  revoked_.set_revoked_credentials(credentials);
}

void FakeIdentity::SetPage(size_t most) {
  const MutexLock lock(mutex_);
  page_ = most;
}

void FakeIdentity::AddAudit(const v1::AuditEntry& entry) {
  const MutexLock lock(mutex_);
  audit_.push_back(entry);
}

void FakeIdentity::SetBroken(const std::string& broken) {
  const MutexLock lock(mutex_);
  broken_ = broken;
}

std::vector<v1::RedeemRequest> FakeIdentity::redeems() const {
  const MutexLock lock(mutex_);
  return redeems_;
}

int FakeIdentity::renewals() const {
  const MutexLock lock(mutex_);
  return renewals_;
}

std::vector<v1::AddUserRequest> FakeIdentity::added() const {
  const MutexLock lock(mutex_);
  return added_;
}

std::vector<v1::ChangeUserRequest> FakeIdentity::changes() const {
  const MutexLock lock(mutex_);
  return changes_;
}

std::vector<v1::CreateTokensRequest> FakeIdentity::creates() const {
  const MutexLock lock(mutex_);
  return creates_;
}

std::vector<v1::RevokeRequest> FakeIdentity::revokes() const {
  const MutexLock lock(mutex_);
  return revokes_;
}

std::string FakeIdentity::Give(const v1::Token& like, TicketKind kind) {
  const Ticket ticket = authority_.MakeLine(kind, address_);
  Given given{like, HashSecret(ticket.secret)};
  given.token.set_id(ticket.token_id);
  *given.token.mutable_expires_at() = ToProto(ticket.expires);
  tokens_[ticket.token_id] = given;
  const auto line = EncodeTicket(ticket);
  CHECK(line.ok());
  return std::string(line->Reveal());
}

grpc::Status FakeIdentity::Redeem(grpc::ServerContext* context, const v1::RedeemRequest* request,
                                  v1::IssuedCertificate* response) {
  const MutexLock lock(mutex_);
  redeems_.push_back(*request);
  if (!refusal_.ok()) return refusal_;
  const PeerName bearer{authority_.pool_id(), PeerKind::kToken, request->token_id()};
  const PeerIdentity peer = IdentityOf(*context);
  const auto given = tokens_.find(request->token_id());
  const bool good = given != tokens_.end() && !given->second.used &&
                    peer.uris == std::vector<std::string>{ToUri(bearer)} &&
                    SecretMatches(Secret(request->secret()), given->second.secret_hash);
  const auto key = ReadSigningRequest(request->signing_request());
  if (!good || !key.ok()) {
    return {grpc::StatusCode::UNAUTHENTICATED, "this line is not good any more"};
  }
  given->second.used = true;
  const std::string& user = given->second.token.user();
  response->set_certificate(authority_.IssueUser(user, *key).ToPem());
  response->set_pool_id(authority_.pool_id());
  response->set_subject(user);
  return grpc::Status::OK;
}

grpc::Status FakeIdentity::Renew(grpc::ServerContext* context, const v1::RenewRequest* request,
                                 v1::IssuedCertificate* response) {
  const MutexLock lock(mutex_);
  ++renewals_;
  if (!refusal_.ok()) return refusal_;
  const PeerIdentity peer = IdentityOf(*context);
  const auto key = ReadSigningRequest(request->signing_request());
  if (peer.uris.size() != 1 || !key.ok()) return {grpc::StatusCode::INVALID_ARGUMENT, "no key"};
  const std::string user = CallerOf(*context);
  response->set_certificate(authority_.IssueUser(user, *key).ToPem());
  response->set_pool_id(authority_.pool_id());
  response->set_subject(user);
  return grpc::Status::OK;
}

grpc::Status FakeIdentity::AddUser(grpc::ServerContext*, const v1::AddUserRequest* request,
                                   v1::User* response) {
  const MutexLock lock(mutex_);
  added_.push_back(*request);
  if (!refusal_.ok()) return refusal_;
  if (users_.count(request->name()) > 0) {
    return {grpc::StatusCode::ALREADY_EXISTS, "there is a user of that name"};
  }
  response->set_name(request->name());
  response->set_role(request->role());
  *response->mutable_repos() = request->repos();
  users_[request->name()] = *response;
  return grpc::Status::OK;
}

grpc::Status FakeIdentity::ChangeUser(grpc::ServerContext*, const v1::ChangeUserRequest* request,
                                      v1::ChangeUserResponse* response) {
  const MutexLock lock(mutex_);
  changes_.push_back(*request);
  if (!refusal_.ok()) return refusal_;
  *response = revoked_;
  response->mutable_user()->set_name(request->name());
  if (request->has_role()) response->mutable_user()->set_role(request->role());
  return grpc::Status::OK;
}

grpc::Status FakeIdentity::ListUsers(grpc::ServerContext*, const v1::ListUsersRequest* request,
                                     v1::ListUsersResponse* response) {
  const MutexLock lock(mutex_);
  for (auto it = users_.upper_bound(request->page_token()); it != users_.end(); ++it) {
    if (!request->name().empty() && it->first != request->name()) continue;
    if (static_cast<size_t>(response->users_size()) == page_) {
      response->set_next_page_token(response->users().rbegin()->name());
      break;
    }
    *response->add_users() = it->second;
  }
  return refusal_;
}

grpc::Status FakeIdentity::CreateTokens(grpc::ServerContext*,
                                        const v1::CreateTokensRequest* request,
                                        v1::CreateTokensResponse* response) {
  const MutexLock lock(mutex_);
  creates_.push_back(*request);
  if (!refusal_.ok()) return refusal_;
  for (int i = 0; i < std::max(1, request->count()); ++i) {
    v1::Token token;
    token.set_purpose(request->purpose());
    token.set_user(request->user());
    *response->add_lines() = Give(token, KindOf(request->purpose()));
    token.mutable_expires_at()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 900);
    *response->add_tokens() = token;
  }
  return grpc::Status::OK;
}

grpc::Status FakeIdentity::ListTokens(grpc::ServerContext*, const v1::ListTokensRequest* request,
                                      v1::ListTokensResponse* response) {
  const MutexLock lock(mutex_);
  for (auto it = tokens_.upper_bound(request->page_token()); it != tokens_.end(); ++it) {
    if (static_cast<size_t>(response->tokens_size()) == page_) {
      response->set_next_page_token(std::prev(it)->first);
      break;
    }
    *response->add_tokens() = it->second.token;
  }
  return refusal_;
}

grpc::Status FakeIdentity::Revoke(grpc::ServerContext*, const v1::RevokeRequest* request,
                                  v1::RevokeResponse* response) {
  const MutexLock lock(mutex_);
  revokes_.push_back(*request);
  response->set_already(false);
  return refusal_;
}

grpc::Status FakeIdentity::ListAudit(grpc::ServerContext*, const v1::ListAuditRequest* request,
                                     v1::ListAuditResponse* response) {
  const MutexLock lock(mutex_);
  for (const v1::AuditEntry& entry : audit_) {
    if (entry.seq() > request->after() && response->entries_size() < request->page_size()) {
      *response->add_entries() = entry;
    }
  }
  response->set_last(audit_.empty() ? 0 : audit_.back().seq());
  if (request->verify()) response->set_broken(broken_);
  return refusal_;
}

}  // namespace handoff
