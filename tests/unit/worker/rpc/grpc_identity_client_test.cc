// Redeem and Renew over mutual TLS, with the certificates that a pool makes.

#include "worker/rpc/grpc_identity_client.h"

#include <string>
#include <utility>

#include "common/file.h"
#include "common/identity/signing_request.h"
#include "common/identity/ticket.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/rpc/tls_pool.h"
#include "worker/identity.h"
#include "worker/joining/join.h"

namespace handoff::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class GrpcIdentityClientTest : public ::testing::Test {
 protected:
  ShownIdentity Shown(PeerKind kind, const std::string& name, absl::Time begin = absl::Now(),
                      absl::Duration life = absl::Hours(24)) const {
    return {kTlsPool, pool_.authority().certificate.ToPem(),
            IssuePem(pool_.authority(), key_.public_key(), kind, name, begin, life), *key_.ToPem()};
  }
  std::string Request() const { return MakeSigningRequest(key_).value(); }
  absl::StatusOr<IssuedPair> Renew(const ShownIdentity& shown) {
    return client_.Renew(pool_.address(), shown, Request(), {});
  }

  const RealClock clock_{};
  TlsPool pool_;
  const PrivateKey key_ = PrivateKey::Generate().value();
  Tunnels tunnels_;
  GrpcIdentityClient client_{clock_, tunnels_};
};

TEST_F(GrpcIdentityClientTest, ARedemptionShowsTheTokensCertificate) {
  const Secret secret = Secret::Random(32);
  const auto issued = client_.Redeem(pool_.address(), Shown(PeerKind::kToken, "0123"),
                                     {"0123", secret.Reveal(), Request(), kTlsWorker, "build-1"});
  ASSERT_TRUE(issued.ok()) << issued.status();
  EXPECT_THAT(pool_.identity().callers(), ElementsAre(ToUri({kTlsPool, PeerKind::kToken, "0123"})));
  const v1::RedeemRequest sent = pool_.identity().redeemed();
  EXPECT_EQ(sent.token_id(), "0123");
  EXPECT_EQ(sent.secret(), secret.Reveal());
  EXPECT_EQ(sent.worker_uuid(), kTlsWorker);
  EXPECT_EQ(sent.device(), "build-1");
  EXPECT_EQ(issued->subject, kTlsWorker);
  EXPECT_EQ(issued->labels.at("gpu"), "yes");
  EXPECT_EQ(Certificate::FromPem(issued->certificate)->public_key(), key_.public_key());
  EXPECT_EQ(Certificate::FromPem(issued->renewal)->peer()->kind, PeerKind::kRenewal);
}

// A token is used once: who was not reached has not used it, of who was nobody knows.
TEST_F(GrpcIdentityClientTest, ARedemptionSaysWhetherItMayHaveBeenDone) {
  const Secret secret = Secret::Random(32);
  const auto redeem = [&](const std::string& address) {
    return client_
        .Redeem(address, Shown(PeerKind::kToken, "0123"),
                {"0123", secret.Reveal(), Request(), kTlsWorker, "build-1"})
        .status();
  };
  const absl::Status nobody = redeem("127.0.0.1:1");
  EXPECT_TRUE(absl::IsUnavailable(nobody)) << nobody;
  TlsPool other;  // of the same id, by another authority
  const absl::Status twin = redeem(other.address());
  EXPECT_TRUE(absl::IsUnavailable(twin)) << twin;
  EXPECT_THAT(std::string(twin.message()), HasSubstr("is not this pool's coordinator"));
  // What comes from there and what its connection ends with look the same here.
  for (const absl::Status& broken :
       {absl::UnavailableError("Socket closed"), absl::DeadlineExceededError("Deadline Exceeded"),
        absl::InternalError("it broke"), absl::UnknownError("Stream removed")}) {
    pool_.identity().Refuse(broken);
    EXPECT_EQ(redeem(pool_.address()), absl::UnknownError(broken.message())) << broken;
  }
  const absl::Status refused = absl::UnauthenticatedError("this token is not good");
  pool_.identity().Refuse(refused);
  EXPECT_EQ(redeem(pool_.address()), refused);
}

TEST_F(GrpcIdentityClientTest, ARenewalShowsWhicheverItIsGiven) {
  EXPECT_TRUE(Renew(Shown(PeerKind::kWorker, kTlsWorker)).ok());
  EXPECT_TRUE(Renew(Shown(PeerKind::kRenewal, kTlsWorker)).ok());
  EXPECT_THAT(pool_.identity().callers(),
              ElementsAre(ToUri({kTlsPool, PeerKind::kWorker, kTlsWorker}),
                          ToUri({kTlsPool, PeerKind::kRenewal, kTlsWorker})));
}

TEST_F(GrpcIdentityClientTest, WhatTheCoordinatorSaysComesAsItIs) {
  pool_.identity().Refuse(absl::UnauthenticatedError("this worker was revoked"));
  const absl::Status refused = Renew(Shown(PeerKind::kWorker, kTlsWorker)).status();
  EXPECT_EQ(refused, absl::UnauthenticatedError("this worker was revoked"));
}

TEST_F(GrpcIdentityClientTest, AnotherPoolsCoordinatorIsNotBelieved) {
  TlsPool other;  // of the same id, by another authority
  const absl::Status twin =
      client_.Renew(other.address(), Shown(PeerKind::kWorker, kTlsWorker), Request(), {}).status();
  EXPECT_TRUE(absl::IsUnavailable(twin));
  EXPECT_THAT(std::string(twin.message()), HasSubstr("is not this pool's coordinator"));
  EXPECT_TRUE(other.identity().callers().empty());
  // By this authority, with another name.
  ShownIdentity misled = Shown(PeerKind::kWorker, kTlsWorker);
  misled.pool_id = "another";
  EXPECT_THAT(std::string(Renew(misled).status().message()), HasSubstr("has another name"));
  EXPECT_TRUE(pool_.identity().callers().empty());
}

TEST_F(GrpcIdentityClientTest, AWorkerIsNoCoordinator) {
  // A rogue server with a worker's certificate cannot even be made of one; with one for a server of
  // another use it is the handshake that fails, which credentials_test holds.
  const std::string directory = pool_.Write(
      "rogue", key_, IssuePem(pool_.authority(), key_.public_key(), PeerKind::kWorker, kTlsWorker));
  EXPECT_FALSE(
      Credentials::Load(CredentialFiles::In(directory), CredentialUse::kServer, clock_).ok());
}

TEST_F(GrpcIdentityClientTest, AnExpiredCertificateIsNotEvenShown) {
  const absl::Status status =
      Renew(Shown(PeerKind::kWorker, kTlsWorker, absl::Now() - absl::Hours(48))).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("expired"));
  EXPECT_TRUE(pool_.identity().callers().empty());
}

TEST_F(GrpcIdentityClientTest, NobodyThereIsUnavailable) {
  const absl::Status status =
      client_.Renew("127.0.0.1:1", Shown(PeerKind::kWorker, kTlsWorker), Request(), {}).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST_F(GrpcIdentityClientTest, AStopEndsACall) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled(
      client_
          .Renew(pool_.address(), Shown(PeerKind::kWorker, kTlsWorker), Request(), stop.get_token())
          .status()));
}

TEST_F(GrpcIdentityClientTest, AHostJoinsOverTls) {
  const absl::Time now = absl::Now();
  const auto ticket = MakeTicket(TicketKind::kWorker, {"127.0.0.1:1", pool_.address()},
                                 pool_.authority(), NewTokenId(), now, now + absl::Minutes(15));
  ASSERT_TRUE(ticket.ok());
  const Secret line = EncodeTicket(*ticket).value();
  const TempDir dir = *TempDir::Make("join-tls-");
  const auto joined = Join(
      {dir.path() + "/data", "build-1", {}},
      [&]() -> absl::StatusOr<Secret> { return line.Copy(); }, client_, clock_);
  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_THAT(joined->pool.coordinators, ElementsAre(pool_.address(), "127.0.0.1:1"));
  std::string uuid;
  EXPECT_TRUE(LoadJoined(dir.path() + "/data", uuid).ok());
  EXPECT_EQ(pool_.identity().redeemed().worker_uuid(), uuid);
}

}  // namespace
}  // namespace handoff::worker
