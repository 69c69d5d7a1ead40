// Who may come in. Each handler translates, asks the engine, and signs what the engine agreed to.
#pragma once

#include "coordinator/identity/issuer.h"
#include "coordinator/service/parts.h"
#include "coordinator/store/audit_reader.h"
#include "handoff/v1/identity.grpc.pb.h"

namespace handoff {

class IdentityService final : public v1::Identity::CallbackService {
 public:
  IdentityService(const ServiceParts& parts, const Issuer& issuer, AuditReader& audit)
      : parts_(parts), issuer_(issuer), audit_(audit) {}

 private:
  using Context = grpc::CallbackServerContext;
  using Unary = grpc::ServerUnaryReactor;

  Unary* Redeem(Context*, const v1::RedeemRequest*, v1::IssuedCertificate*) override;
  Unary* Renew(Context*, const v1::RenewRequest*, v1::IssuedCertificate*) override;
  Unary* AddUser(Context*, const v1::AddUserRequest*, v1::User*) override;
  Unary* ChangeUser(Context*, const v1::ChangeUserRequest*, v1::ChangeUserResponse*) override;
  Unary* ListUsers(Context*, const v1::ListUsersRequest*, v1::ListUsersResponse*) override;
  Unary* CreateTokens(Context*, const v1::CreateTokensRequest*, v1::CreateTokensResponse*) override;
  Unary* ListTokens(Context*, const v1::ListTokensRequest*, v1::ListTokensResponse*) override;
  Unary* Revoke(Context*, const v1::RevokeRequest*, v1::RevokeResponse*) override;
  Unary* ListAudit(Context*, const v1::ListAuditRequest*, v1::ListAuditResponse*) override;

  void RedeemForCi(const Ticket& ticket, Unary* reactor);
  absl::StatusOr<v1::ListAuditResponse> AuditPage(const v1::ListAuditRequest& request) const;

  const ServiceParts parts_;
  const Issuer& issuer_;
  AuditReader& audit_;
};

}  // namespace handoff
