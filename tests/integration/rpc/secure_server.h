// A server with credentials of a test authority, clients of it, and what both see.
#pragma once

#include <grpcpp/channel.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/file.h"
#include "common/mutex.h"
#include "common/rpc/channel.h"
#include "common/rpc/peer.h"
#include "common/rpc/server.h"
#include "gtest/gtest.h"
#include "handoff/v1/objects.grpc.pb.h"
#include "tests/fakes/test_authority.h"

namespace handoff {

// Answers every download with the serial of its caller's certificate ("nobody" without one).
class WhoAmI final : public v1::Objects::Service {
 public:
  grpc::Status Get(grpc::ServerContext* context, const v1::GetObjectRequest* request,
                   grpc::ServerWriter<v1::GetObjectResponse>* writer) override;
  int calls() const;
  PeerIdentity last() const;

 private:
  mutable Mutex mutex_;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  PeerIdentity last_ ABSL_GUARDED_BY(mutex_);
};

struct Answer {
  std::string caller;         // what the server says that we are
  std::string server_serial;  // of the certificate that it showed
};
// Of WhoAmI. Waits for a connection only when told so.
absl::StatusOr<Answer> Ask(const std::shared_ptr<grpc::Channel>& channel, bool wait = false,
                           absl::Duration deadline = absl::Seconds(60));

// What handoff's own checks would refuse to load: a client or a server with just these files.
std::shared_ptr<grpc::Channel> RawChannel(const std::string& address, const std::string& directory,
                                          bool certificate = true);
// One without a limit but gRPC's own; `address` gets where it listens.
std::unique_ptr<grpc::Server> RawServer(const std::string& directory, grpc::Service* service,
                                        std::string* address);

// The lines that the process logs while this lives.
class LogLines {
 public:
  LogLines();
  ~LogLines();
  // Those with `part`. What gRPC reports of one test may be told in the next, so that a test that
  // counts or knows each line names what its own have in common.
  std::vector<std::string> Get(absl::string_view part = "") const;
  // Waits until one has `part`; fails after a minute.
  void WaitFor(const std::string& part) const;

 private:
  struct Sink;
  const std::shared_ptr<spdlog::logger> before_;
  const std::shared_ptr<Sink> sink_;
};

class SecureServerTest : public ::testing::Test {
 protected:
  static constexpr char kPool[] = "pool.test";

  SecureServerTest();
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
  std::shared_ptr<Credentials> Load(const std::string& directory, CredentialUse use) const;
  // With the credentials in "authority/server".
  void Start(ClientCertificate certificate = ClientCertificate::kRequired);
  int port() const;
  std::shared_ptr<grpc::Channel> Worker() const;  // a new channel with good credentials

  const TempDir directory_;
  RealClock clock_;
  TestAuthority authority_;
  std::shared_ptr<Credentials> server_credentials_;
  std::shared_ptr<Credentials> worker_credentials_;
  WhoAmI service_;
  std::unique_ptr<RpcServer> server_;
};

}  // namespace handoff
