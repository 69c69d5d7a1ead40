#include "tests/e2e/renewal.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/identity/certificate.h"
#include "common/identity/key.h"
#include "common/identity/names.h"
#include "common/identity/private_file.h"
#include "common/identity/signing_request.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"
#include "common/status.h"
#include "handoff/v1/identity.grpc.pb.h"

namespace handoff::e2e {

absl::Status RenewCertificates(const std::string& directory, const std::string& address) {
  ASSIGN_OR_RETURN(const std::string authority, ReadFile(directory + "/authority.pem"));
  ASSIGN_OR_RETURN(const std::string certificate, ReadFile(directory + "/certificate.pem"));
  ASSIGN_OR_RETURN(const std::string key, ReadFile(directory + "/key.pem"));
  ASSIGN_OR_RETURN(const Certificate of_pool, Certificate::FromPem(authority));
  ASSIGN_OR_RETURN(const PrivateKey own, PrivateKey::FromPem(key));
  const RealClock clock;
  ASSIGN_OR_RETURN(const auto shown, Credentials::FromPem({authority, certificate, key},
                                                          CredentialUse::kClient, clock));
  v1::RenewRequest request;
  ASSIGN_OR_RETURN(*request.mutable_signing_request(), MakeSigningRequest(own));
  grpc::ClientContext context;
  SetDeadline(context);
  context.set_wait_for_ready(true);
  v1::IssuedCertificate issued;
  const auto channel = MakeChannel(address, *shown, PoolDnsName(of_pool.pool_id()));
  RETURN_IF_ERROR(FromGrpc(v1::Identity::NewStub(channel)->Renew(&context, request, &issued)));
  RETURN_IF_ERROR(WritePrivateFile(directory + "/renewal.pem", issued.renewal_certificate()));
  return WritePrivateFile(directory + "/certificate.pem", issued.certificate());
}

}  // namespace handoff::e2e
