// A coordinator as a worker's connections find it: TLS with a pool's certificate, services that
// tell who called. Certificates are made by common/identity, as the real ones are.
#pragma once

#include <grpcpp/server_context.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/identity/authority.h"
#include "common/mutex.h"
#include "common/rpc/server.h"
#include "handoff/v1/identity.grpc.pb.h"
#include "handoff/v1/pool.grpc.pb.h"

namespace handoff::worker {

inline constexpr char kTlsPool[] = "0123456789abcdef0123456789abcdef";
inline constexpr char kTlsWorker[] = "5d9a1c1e-4a43-4f3b-9d53-0a6a3d2f7b10";

// A certificate, valid for `life` from `begin` on.
std::string IssuePem(const Authority& authority, const PublicKey& key, PeerKind kind,
                     const std::string& name, absl::Time begin = absl::Now(),
                     absl::Duration life = absl::Hours(24));

// Says whom it was called by, and answers as it was told.
class TellingIdentity final : public v1::Identity::Service {
 public:
  explicit TellingIdentity(const Authority& authority) : authority_(authority) {}
  grpc::Status Redeem(grpc::ServerContext* context, const v1::RedeemRequest* request,
                      v1::IssuedCertificate* response) override;
  grpc::Status Renew(grpc::ServerContext* context, const v1::RenewRequest* request,
                     v1::IssuedCertificate* response) override;
  void Refuse(absl::Status status);
  v1::RedeemRequest redeemed();
  std::vector<std::string> callers();  // by the URI of their certificate

 private:
  grpc::Status Answer(const grpc::ServerContext& context, const std::string& request,
                      const std::string& uuid, v1::IssuedCertificate& response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

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
                    v1::SyncResponse* response) override;
  grpc::Status Report(grpc::ServerContext* context, const v1::ReportRequest* request,
                      v1::ReportResponse* response) override;
  grpc::Status SaveCheckpoint(grpc::ServerContext* context,
                              const v1::SaveCheckpointRequest* request,
                              v1::SaveCheckpointResponse* response) override;
  void Refuse(absl::Status status);
  std::vector<std::string> serials();
  int reports();

 private:
  Mutex mutex_;
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> serials_ ABSL_GUARDED_BY(mutex_);
  int reports_ ABSL_GUARDED_BY(mutex_) = 0;
};

class TlsPool {
 public:
  explicit TlsPool(const std::string& pool_id = kTlsPool,
                   const std::string& listen = "127.0.0.1:0");
  ~TlsPool() { server_->Stop(absl::ZeroDuration()); }

  // A directory of three files below the pool's own.
  std::string Write(const std::string& name, const PrivateKey& key,
                    const std::string& certificate) const;

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
