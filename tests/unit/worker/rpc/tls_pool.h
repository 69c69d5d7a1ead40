// A coordinator as a worker's connections find it: TLS with a pool's certificate, services that
// tell who called. Certificates are made by common/identity, as the real ones are.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/identity/authority.h"
#include "common/identity/private_file.h"
#include "common/identity/signing_request.h"
#include "common/mutex.h"
#include "common/rpc/peer.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "handoff/v1/identity.grpc.pb.h"
#include "handoff/v1/pool.grpc.pb.h"

namespace handoff::worker {

inline constexpr char kTlsPool[] = "0123456789abcdef0123456789abcdef";
inline constexpr char kTlsWorker[] = "5d9a1c1e-4a43-4f3b-9d53-0a6a3d2f7b10";

// A certificate, valid for `life` from `begin` on.
inline std::string IssuePem(const Authority& authority, const PublicKey& key, PeerKind kind,
                            const std::string& name, absl::Time begin = absl::Now(),
                            absl::Duration life = absl::Hours(24)) {
  const std::string& pool_id = authority.certificate.pool_id();
  IssueSpec spec{.peer = {pool_id, kind, name}, .not_before = begin, .not_after = begin + life};
  const auto issued = Issue(authority, key, spec);
  CHECK(issued.ok());
  return issued->ToPem();
}

// Says whom it was called by, and answers as it was told.
class TellingIdentity final : public v1::Identity::Service {
 public:
  explicit TellingIdentity(const Authority& authority) : authority_(authority) {}
  grpc::Status Redeem(grpc::ServerContext* context, const v1::RedeemRequest* request,
                      v1::IssuedCertificate* response) override {
    MutexLock lock(mutex_);
    redeemed_ = *request;
    return Answer(*context, request->signing_request(), request->worker_uuid(), *response);
  }
  grpc::Status Renew(grpc::ServerContext* context, const v1::RenewRequest* request,
                     v1::IssuedCertificate* response) override {
    MutexLock lock(mutex_);
    return Answer(*context, request->signing_request(), kTlsWorker, *response);
  }
  void Refuse(absl::Status status) {
    MutexLock lock(mutex_);
    refusal_ = std::move(status);
  }
  v1::RedeemRequest redeemed() {
    MutexLock lock(mutex_);
    return redeemed_;
  }
  std::vector<std::string> callers() {  // by the URI of their certificate
    MutexLock lock(mutex_);
    return callers_;
  }

 private:
  grpc::Status Answer(const grpc::ServerContext& context, const std::string& request,
                      const std::string& uuid, v1::IssuedCertificate& response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
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

  const Authority& authority_;
  Mutex mutex_;
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  v1::RedeemRequest redeemed_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> callers_ ABSL_GUARDED_BY(mutex_);
};

// Each Sync is answered at once, or refused; keeps the serials that were shown.
class TellingPool final : public v1::Pool::Service {
 public:
  grpc::Status Sync(grpc::ServerContext* context, const v1::SyncRequest* request,
                    v1::SyncResponse* response) override {
    MutexLock lock(mutex_);
    serials_.push_back(IdentityOf(*context).serial);
    response->set_pool_id(kTlsPool);
    response->set_in_reply_to(request->seq());
    return ToGrpc(refusal_);
  }
  grpc::Status Report(grpc::ServerContext*, const v1::ReportRequest*,
                      v1::ReportResponse* response) override {
    MutexLock lock(mutex_);
    ++reports_;
    response->set_accepted(true);
    return ToGrpc(refusal_);
  }
  void Refuse(absl::Status status) {
    MutexLock lock(mutex_);
    refusal_ = std::move(status);
  }
  std::vector<std::string> serials() {
    MutexLock lock(mutex_);
    return serials_;
  }
  int reports() {
    MutexLock lock(mutex_);
    return reports_;
  }

 private:
  Mutex mutex_;
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> serials_ ABSL_GUARDED_BY(mutex_);
  int reports_ ABSL_GUARDED_BY(mutex_) = 0;
};

class TlsPool {
 public:
  explicit TlsPool(const std::string& pool_id = kTlsPool)
      : authority_(MakeAuthority(pool_id, absl::Now()).value()), identity_(authority_) {
    const auto key = PrivateKey::Generate().value();
    const absl::Time now = absl::Now();
    IssueSpec spec{.peer = {pool_id, PeerKind::kCoordinator, ""},
                   .not_before = now,
                   .not_after = now + absl::Hours(24)};
    const auto issued = Issue(authority_, key.public_key(), spec);
    CHECK(issued.ok());
    Write("server", key, issued->ToPem());
    auto credentials = Credentials::Load(CredentialFiles::In(dir_.path() + "/server"),
                                         CredentialUse::kServer, clock_);
    CHECK(credentials.ok());
    ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.credentials = *std::move(credentials);
    auto server = RpcServer::Start(options, {&identity_, &pool_});
    CHECK(server.ok());
    server_ = *std::move(server);
  }
  ~TlsPool() { server_->Stop(absl::ZeroDuration()); }

  // A directory of three files below the pool's own.
  std::string Write(const std::string& name, const PrivateKey& key,
                    const std::string& certificate) const {
    const std::string directory = dir_.path() + "/" + name;
    CHECK(MakeDirectories(directory).ok());
    CHECK(WritePrivateFile(directory + "/authority.pem", authority_.certificate.ToPem()).ok());
    CHECK(WritePrivateFile(directory + "/key.pem", key.ToPem()->Reveal()).ok());
    CHECK(WritePrivateFile(directory + "/certificate.pem", certificate).ok());
    return directory;
  }
  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }

  const Authority& authority() const { return authority_; }
  std::string address() const { return server_->address(); }
  TellingIdentity& identity() { return identity_; }
  TellingPool& pool() { return pool_; }

 private:
  const TempDir dir_ = *TempDir::Make("tls-pool-");
  const RealClock clock_{};
  const Authority authority_;
  TellingIdentity identity_;
  TellingPool pool_;
  std::unique_ptr<RpcServer> server_;
};

}  // namespace handoff::worker
