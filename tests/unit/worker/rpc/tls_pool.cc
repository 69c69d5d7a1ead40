#include "tests/unit/worker/rpc/tls_pool.h"

#include <utility>

#include "common/check.h"
#include "common/identity/private_file.h"
#include "common/identity/signing_request.h"
#include "common/rpc/peer.h"
#include "common/rpc/status.h"

namespace handoff::worker {

std::string IssuePem(const Authority& authority, const PublicKey& key, PeerKind kind,
                     const std::string& name, absl::Time begin, absl::Duration life) {
  const std::string& pool_id = authority.certificate.pool_id();
  const auto issued =
      Issue(authority, key,
            {.peer = {pool_id, kind, name}, .not_before = begin, .not_after = begin + life});
  CHECK(issued.ok());
  return issued->ToPem();
}

grpc::Status TellingIdentity::Redeem(grpc::ServerContext* context, const v1::RedeemRequest* request,
                                     v1::IssuedCertificate* response) {
  MutexLock lock(mutex_);
  redeemed_ = *request;
  return Answer(*context, request->signing_request(), request->worker_uuid(), *response);
}

grpc::Status TellingIdentity::Renew(grpc::ServerContext* context, const v1::RenewRequest* request,
                                    v1::IssuedCertificate* response) {
  MutexLock lock(mutex_);
  return Answer(*context, request->signing_request(), kTlsWorker, *response);
}

void TellingIdentity::Refuse(absl::Status status) {
  MutexLock lock(mutex_);
  refusal_ = std::move(status);
}

v1::RedeemRequest TellingIdentity::redeemed() {
  MutexLock lock(mutex_);
  return redeemed_;
}

std::vector<std::string> TellingIdentity::callers() {
  MutexLock lock(mutex_);
  return callers_;
}

grpc::Status TellingIdentity::Answer(const grpc::ServerContext& context, const std::string& request,
                                     const std::string& uuid, v1::IssuedCertificate& response) {
  const PeerIdentity peer = IdentityOf(context);
  callers_.push_back(peer.uris.empty() ? "nobody" : peer.uris.front());
  if (!refusal_.ok()) return ToGrpc(refusal_);
  const auto key = ReadSigningRequest(request);
  if (!key.ok()) return ToGrpc(key.status());
  response.set_certificate(IssuePem(authority_, *key, PeerKind::kWorker, uuid));
  response.set_renewal_certificate(
      IssuePem(authority_, *key, PeerKind::kRenewal, uuid, absl::Now(), absl::Hours(24 * 90)));
  response.set_pool_id(authority_.certificate.pool_id());
  response.set_subject(uuid);
  (*response.mutable_labels())["gpu"] = "yes";
  return grpc::Status::OK;
}

grpc::Status TellingPool::Sync(grpc::ServerContext* context, const v1::SyncRequest* request,
                               v1::SyncResponse* response) {
  MutexLock lock(mutex_);
  serials_.push_back(IdentityOf(*context).serial);
  response->set_pool_id(kTlsPool);
  response->set_in_reply_to(request->seq());
  return ToGrpc(refusal_);
}

grpc::Status TellingPool::Report(grpc::ServerContext*, const v1::ReportRequest*,
                                 v1::ReportResponse* response) {
  MutexLock lock(mutex_);
  ++reports_;
  response->set_accepted(true);
  return ToGrpc(refusal_);
}

grpc::Status TellingPool::SaveCheckpoint(grpc::ServerContext*, const v1::SaveCheckpointRequest*,
                                         v1::SaveCheckpointResponse*) {
  MutexLock lock(mutex_);
  return ToGrpc(refusal_);
}

void TellingPool::Refuse(absl::Status status) {
  MutexLock lock(mutex_);
  refusal_ = std::move(status);
}

std::vector<std::string> TellingPool::serials() {
  MutexLock lock(mutex_);
  return serials_;
}

int TellingPool::reports() {
  MutexLock lock(mutex_);
  return reports_;
}

TlsPool::TlsPool(const std::string& pool_id, const std::string& listen)
    : authority_(MakeAuthority(pool_id, absl::Now()).value()), identity_(authority_) {
  const auto key = PrivateKey::Generate().value();
  Write("server", key, IssuePem(authority_, key.public_key(), PeerKind::kCoordinator, ""));
  auto credentials = Credentials::Load(CredentialFiles::In(dir_.path() + "/server"),
                                       CredentialUse::kServer, clock_);
  CHECK(credentials.ok());
  ServerOptions options;
  options.listen = listen;
  options.credentials = *std::move(credentials);
  auto server = RpcServer::Start(options, {&identity_, &pool_});
  CHECK(server.ok());
  server_ = *std::move(server);
}

std::string TlsPool::Write(const std::string& name, const PrivateKey& key,
                           const std::string& certificate) const {
  const std::string directory = dir_.path() + "/" + name;
  CHECK(MakeDirectories(directory).ok());
  CHECK(WritePrivateFile(directory + "/authority.pem", authority_.certificate.ToPem()).ok());
  const auto pem = key.ToPem();
  CHECK(pem.ok() && WritePrivateFile(directory + "/key.pem", pem->Reveal()).ok());
  CHECK(WritePrivateFile(directory + "/certificate.pem", certificate).ok());
  return directory;
}

}  // namespace handoff::worker
