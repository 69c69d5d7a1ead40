// Which connection a worker's calls go by: over mutual TLS, as certificates and addresses change.

#include "worker/rpc/coordinator_route.h"

#include <memory>
#include <string>
#include <vector>

#include "common/identity/private_file.h"
#include "common/rpc/protocol.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_clock.h"
#include "tests/unit/worker/rpc/tls_pool.h"
#include "worker/rpc/grpc_coordinator_client.h"

namespace handoff::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CoordinatorRouteTest : public ::testing::Test {
 protected:
  std::string Issue(absl::Time begin = absl::Now()) const {
    return IssuePem(pool_.authority(), key_.public_key(), PeerKind::kWorker, kTlsWorker, begin);
  }
  std::string SerialOf(const std::string& pem) const { return Certificate::FromPem(pem)->serial(); }
  void Open(const std::string& certificate, std::vector<std::string> coordinators) {
    directory_ = pool_.Write("worker", key_, certificate);
    route_ = std::make_shared<CoordinatorRoute>(
        CoordinatorRoute::Options{std::move(coordinators), PoolDnsName(kTlsPool),
                                  CredentialFiles::In(directory_)},
        clock_);
    client_ = std::make_unique<GrpcCoordinatorClient>(route_, Identity{kTlsWorker, 1, 2, "", ""});
  }
  void Open(const std::string& certificate) { Open(certificate, {pool_.address()}); }
  absl::Status Sync() {
    Mutex mutex;
    CondVar changed;
    bool done = false;
    absl::Status status;
    const auto call = client_->Sync({}, [&](absl::StatusOr<SyncAnswer> answer) {
      MutexLock lock(mutex);
      status = answer.status();
      done = true;
      changed.NotifyAll();
    });
    MutexLock lock(mutex);
    while (!done) changed.Wait(mutex);
    return status;
  }
  absl::Status Report() { return client_->Report({kTlsPool, {"h", 1}, 7, ""}, {}).status(); }

  FakeClock clock_{absl::Now()};
  TlsPool pool_;
  const PrivateKey key_ = PrivateKey::Generate().value();
  std::string directory_;
  std::shared_ptr<CoordinatorRoute> route_;
  std::unique_ptr<GrpcCoordinatorClient> client_;
};

TEST_F(CoordinatorRouteTest, CallsShowTheWorkersCertificate) {
  const std::string certificate = Issue();
  Open(certificate);
  ASSERT_TRUE(Sync().ok());
  EXPECT_TRUE(Report().ok());
  EXPECT_THAT(pool_.pool().serials(), ElementsAre(SerialOf(certificate)));
}

TEST_F(CoordinatorRouteTest, AHostThatWasOffBeginsWhenItsCertificateWasRenewed) {
  Open(Issue(absl::Now() - absl::Hours(60)));
  const absl::Status status = Sync();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("there is no certificate to show"));
  EXPECT_TRUE(absl::IsUnavailable(Report()));
  const auto stream = client_->OpenLog({"h", 1}, LogKind::kAgent, 7, [] {});
  EXPECT_TRUE(absl::IsUnavailable(stream->status()));
  const std::string renewed = Issue();
  ASSERT_TRUE(WritePrivateFile(directory_ + "/certificate.pem", renewed).ok());
  route_->Renewed();
  EXPECT_TRUE(Sync().ok());
  EXPECT_THAT(pool_.pool().serials(), ElementsAre(SerialOf(renewed)));
}

// An open connection shows what it was made with for as long as it lives; the coordinator takes
// that only until it expires.
TEST_F(CoordinatorRouteTest, AfterARenewalConnectionsAreMadeAnew) {
  Open(Issue());
  ASSERT_TRUE(Sync().ok());
  const std::string renewed = Issue();
  ASSERT_TRUE(WritePrivateFile(directory_ + "/certificate.pem", renewed).ok());
  route_->Renewed();
  ASSERT_TRUE(Sync().ok());
  EXPECT_NE(pool_.pool().serials().back(), SerialOf(renewed)) << "gRPC may not have it yet";
  clock_.Advance(absl::Seconds(6));
  // By the real clock gRPC takes its time; then it is this one.
  const absl::Time end = absl::Now() + absl::Seconds(60);
  while (pool_.pool().serials().back() != SerialOf(renewed)) {
    ASSERT_LT(absl::Now(), end);
    route_->Renewed();
    clock_.Advance(absl::Seconds(6));
    ASSERT_TRUE(Sync().ok());
  }
}

TEST_F(CoordinatorRouteTest, WhoIsNotLetInAsksBySyncAlone) {
  Open(Issue());
  ASSERT_TRUE(Sync().ok());
  pool_.pool().Refuse(absl::UnauthenticatedError("this worker was revoked"));
  // That says nothing of the attempt, so that its report is kept.
  EXPECT_EQ(Report(), absl::UnavailableError("this worker was revoked"));
  EXPECT_EQ(Sync(), absl::UnauthenticatedError("this worker was revoked"));
  const int before = pool_.pool().reports();
  EXPECT_EQ(Report(), absl::UnavailableError("this worker was revoked"));
  EXPECT_EQ(pool_.pool().reports(), before);
  pool_.pool().Refuse(absl::OkStatus());
  EXPECT_TRUE(Sync().ok());
  EXPECT_TRUE(Report().ok());
}

// The coordinator was upgraded first. What it would say of the attempt is not known, so that the
// last checkpoint and the report are kept until they understand each other.
TEST_F(CoordinatorRouteTest, OneOfAnotherProtocolSaysNothingOfAnAttempt) {
  Open(Issue());
  ASSERT_TRUE(Sync().ok());
  const absl::Status other = CheckProtocol("handoff/9.9 handoff-protocol/0");
  ASSERT_FALSE(other.ok());
  pool_.pool().Refuse(other);
  EXPECT_EQ(Sync(), other) << "which says what to install";
  EXPECT_EQ(Report(), absl::UnavailableError(other.message()));
  EXPECT_EQ(client_->SaveCheckpoint({kTlsPool, {"h", 1}, 7, ""}, {}).status(),
            absl::UnavailableError(other.message()));
  pool_.pool().Refuse(absl::OkStatus());
  EXPECT_TRUE(Report().ok());
  EXPECT_TRUE(client_->SaveCheckpoint({kTlsPool, {"h", 1}, 7, ""}, {}).ok());
}

TEST_F(CoordinatorRouteTest, TheNextAddressIsTriedWhenOneIsAway) {
  Open(Issue(), {"127.0.0.1:1", pool_.address()});
  EXPECT_TRUE(absl::IsUnavailable(Sync()));
  EXPECT_TRUE(Sync().ok());
  EXPECT_TRUE(Report().ok());
}

TEST_F(CoordinatorRouteTest, AnotherPoolsCoordinatorGetsNoCall) {
  TlsPool other;
  Open(Issue(), {other.address()});
  const absl::Status status = Sync();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("is not this pool's coordinator"));
  EXPECT_THAT(other.pool().serials(), IsEmpty());
}

TEST_F(CoordinatorRouteTest, ABadFileOnDiskChangesNothing) {
  const std::string certificate = Issue();
  Open(certificate);
  ASSERT_TRUE(Sync().ok());
  for (const char* file : {"certificate.pem", "key.pem", "authority.pem"}) {
    ASSERT_TRUE(WritePrivateFile(directory_ + "/" + file, "garbage").ok());
  }
  route_->Renewed();
  clock_.Advance(absl::Seconds(6));
  EXPECT_TRUE(Sync().ok());
  EXPECT_THAT(pool_.pool().serials(), ElementsAre(SerialOf(certificate), SerialOf(certificate)));
}

}  // namespace
}  // namespace handoff::worker
