// The calls about identities of a coordinator in a test: lines are real, everything is kept as it
// came, and nobody is refused unless the test says so. Thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "handoff/v1/identity.grpc.pb.h"
#include "tests/fakes/fake_authority.h"

namespace handoff {

// Whom the caller's certificate names; "" without one.
std::string CallerOf(const grpc::ServerContext& context);

class FakeIdentity final : public v1::Identity::Service {
 public:
  explicit FakeIdentity(const FakeAuthority& authority) : authority_(authority) {}

  // Where the lines say that the coordinator is.
  void SetAddress(const std::string& address);
  // A line that logs this user in.
  std::string LoginLine(const std::string& user);
  // Every call from now on is answered so.
  void Refuse(const grpc::Status& status);
  void SetUser(const v1::User& user);
  // What every change from now on says that it revoked.
  void SetRevoked(int tokens, int credentials);
  // Lists answer with so many at a time.
  void SetPage(size_t most);
  void AddAudit(const v1::AuditEntry& entry);
  void SetBroken(const std::string& broken);

  std::vector<v1::RedeemRequest> redeems() const;
  int renewals() const;
  std::vector<v1::AddUserRequest> added() const;
  std::vector<v1::ChangeUserRequest> changes() const;
  std::vector<v1::CreateTokensRequest> creates() const;
  std::vector<v1::RevokeRequest> revokes() const;

  grpc::Status Redeem(grpc::ServerContext*, const v1::RedeemRequest*,
                      v1::IssuedCertificate*) override;
  grpc::Status Renew(grpc::ServerContext*, const v1::RenewRequest*,
                     v1::IssuedCertificate*) override;
  grpc::Status AddUser(grpc::ServerContext*, const v1::AddUserRequest*, v1::User*) override;
  grpc::Status ChangeUser(grpc::ServerContext*, const v1::ChangeUserRequest*,
                          v1::ChangeUserResponse*) override;
  grpc::Status ListUsers(grpc::ServerContext*, const v1::ListUsersRequest*,
                         v1::ListUsersResponse*) override;
  grpc::Status CreateTokens(grpc::ServerContext*, const v1::CreateTokensRequest*,
                            v1::CreateTokensResponse*) override;
  grpc::Status ListTokens(grpc::ServerContext*, const v1::ListTokensRequest*,
                          v1::ListTokensResponse*) override;
  grpc::Status Revoke(grpc::ServerContext*, const v1::RevokeRequest*, v1::RevokeResponse*) override;
  grpc::Status ListAudit(grpc::ServerContext*, const v1::ListAuditRequest*,
                         v1::ListAuditResponse*) override;

 private:
  struct Given {
    v1::Token token;
    std::string secret_hash;
    bool used = false;
  };
  std::string Give(const v1::Token& like, TicketKind kind) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const FakeAuthority& authority_;
  mutable Mutex mutex_;
  std::string address_ ABSL_GUARDED_BY(mutex_);
  grpc::Status refusal_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Given> tokens_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::User> users_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::AuditEntry> audit_ ABSL_GUARDED_BY(mutex_);
  std::string broken_ ABSL_GUARDED_BY(mutex_);
  size_t page_ ABSL_GUARDED_BY(mutex_) = 1000;
  int renewals_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<v1::RedeemRequest> redeems_ ABSL_GUARDED_BY(mutex_);
  v1::ChangeUserResponse revoked_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::AddUserRequest> added_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::ChangeUserRequest> changes_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::CreateTokensRequest> creates_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::RevokeRequest> revokes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff
