#include "cli/renewal.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/file.h"
#include "common/identity/private_file.h"
#include "common/identity/signing_request.h"
#include "common/identity/verify.h"
#include "common/rpc/credentials.h"
#include "common/status.h"
#include "handoff/v1/identity.pb.h"

namespace handoff {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(5);
constexpr size_t kMostKeyBytes = 16 << 10;

}  // namespace

absl::Status CheckRenewed(const StoredCredential& credential, const PrivateKey& key,
                          const std::string& pem) {
  ASSIGN_OR_RETURN(const Certificate made, Certificate::FromPem(pem));
  RETURN_IF_ERROR(
      VerifyCertificate(made, credential.authority, absl::Now(), CertificateUse::kClient));
  if (made.peer() == credential.certificate.peer() && made.public_key() == key.public_key()) {
    return absl::OkStatus();
  }
  return absl::InternalError(absl::StrCat("the coordinator's answer is ", made.Describe(),
                                          " or of another key; it was not taken"));
}

absl::Status RenewNow(const StoredCredential& credential, Client& client) {
  const CredentialFiles files = CredentialFiles::In(credential.directory);
  ASSIGN_OR_RETURN(const Secret pem, ReadPrivateFile(files.key, kMostKeyBytes));
  ASSIGN_OR_RETURN(const PrivateKey key, PrivateKey::FromPem(pem.Reveal()));
  v1::RenewRequest request;
  ASSIGN_OR_RETURN(*request.mutable_signing_request(), MakeSigningRequest(key));
  ASSIGN_OR_RETURN(const v1::IssuedCertificate answer, client.Renew(request, kLimit));
  RETURN_IF_ERROR(CheckRenewed(credential, key, answer.certificate()));
  return WritePrivateFile(files.certificate, answer.certificate());
}

std::unique_ptr<Renewal> Renewal::Begin(const StoredCredential& credential, Client& client,
                                        absl::Time now) {
  if (!IsRenewalDue(credential, ReadRenewalRecord(credential.directory), now)) return nullptr;
  auto lock = LockFile(credential.directory + "/renewal.lock");
  if (!lock.ok()) return nullptr;
  // Before it is tried: a command that is killed meanwhile must not have the next ones try again.
  RenewalRecord record{now, ""};
  if (!WriteRenewalRecord(credential.directory, record).ok()) return nullptr;
  auto held = std::make_shared<UniqueFd>(*std::move(lock));
  std::thread thread([credential, &client, record, held]() mutable {
    const absl::Status status = RenewNow(credential, client);
    record.error = std::string(status.message());
    WriteRenewalRecord(credential.directory, record).IgnoreError();
  });
  return std::unique_ptr<Renewal>(new Renewal(std::move(thread)));
}

Renewal::~Renewal() { thread_.join(); }

}  // namespace handoff
