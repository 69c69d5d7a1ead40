// Certificates that are good for little or no more, and what the audit log says of who was refused.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/identity/certificate.h"
#include "common/identity/private_file.h"
#include "common/identity/signing_request.h"
#include "common/identity/ticket.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "handoff/v1/identity.grpc.pb.h"
#include "tests/fakes/fake_clock.h"
#include "tests/integration/coordinator/any_call.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class DoorTest : public CoordinatorTest {
 protected:
  DoorTest() { Restart(); }  // with this clock
  ~DoorTest() override { coordinator_.reset(); }
  const Clock& clock() const override { return time_; }

  std::string Guest(const std::string& name) const { return dir_.path() + "/guests/" + name; }
  // The directory of a certificate and its key, as guests_ takes it.
  std::string Keep(const std::string& name, const std::string& certificate, const PrivateKey& key) {
    const std::string authority = config().data_dir + "/identity/authority.pem";
    EXPECT_TRUE(MakeDirectories(Guest(name)).ok());
    EXPECT_TRUE(
        WriteFileAtomically(Guest(name) + "/authority.pem", *ReadFile(authority, 1 << 16)).ok());
    EXPECT_TRUE(WriteFileAtomically(Guest(name) + "/certificate.pem", certificate).ok());
    EXPECT_TRUE(WritePrivateFile(Guest(name) + "/key.pem", key.ToPem()->Reveal()).ok());
    return Guest(name);
  }
  absl::StatusOr<v1::IssuedCertificate> Renew(const Channel& channel, const PrivateKey& key) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::RenewRequest request;
    request.set_signing_request(*MakeSigningRequest(key));
    v1::IssuedCertificate issued;
    const absl::Status status =
        FromGrpc(v1::Identity::NewStub(channel)->Renew(&context, request, &issued));
    if (!status.ok()) return status;
    return issued;
  }
  // With what a worker may do nothing but renew.
  Channel Renewal(const std::string& worker_uuid, const std::string& worker_name) {
    const auto issued = Renew(guests_.Worker(worker_uuid, worker_name), key_);
    EXPECT_TRUE(issued.ok()) << issued.status();
    return guests_.ChannelWith(Keep("renewal", issued->renewal_certificate(), key_));
  }
  // With a line that nobody has pasted yet.
  Channel Bootstrap() {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::CreateTokensRequest request;
    request.set_purpose(v1::Token::WORKER);
    v1::CreateTokensResponse response;
    const absl::Status made = FromGrpc(
        v1::Identity::NewStub(guests_.Admin())->CreateTokens(&context, request, &response));
    EXPECT_TRUE(made.ok()) << made;
    const Ticket ticket = *DecodeTicket(response.lines(0), TicketKind::kWorker, time_.Now());
    return guests_.ChannelWith(Keep("bootstrap", ticket.certificate.ToPem(), ticket.key));
  }
  // A worker of somebody's own, as they invite it and never as it runs.
  void JoinFor(const std::string& owner, const std::string& uuid, const std::string& name) {
    grpc::ClientContext context, redeeming;
    SetDeadline(context);
    v1::CreateTokensRequest wish;
    wish.set_purpose(v1::Token::WORKER);
    v1::CreateTokensResponse made;
    const absl::Status created =
        FromGrpc(v1::Identity::NewStub(guests_.User(owner))->CreateTokens(&context, wish, &made));
    ASSERT_TRUE(created.ok()) << created;
    const Ticket ticket = *DecodeTicket(made.lines(0), TicketKind::kWorker, time_.Now());
    v1::RedeemRequest redeem;
    redeem.set_token_id(ticket.token_id);
    redeem.set_secret(std::string(ticket.secret.Reveal()));
    redeem.set_signing_request(*MakeSigningRequest(key_));
    redeem.set_worker_uuid(uuid);
    redeem.set_device(name);
    SetDeadline(redeeming);
    v1::IssuedCertificate issued;
    const Channel channel =
        guests_.ChannelWith(Keep("ticket-" + name, ticket.certificate.ToPem(), ticket.key));
    const absl::Status joined =
        FromGrpc(v1::Identity::NewStub(channel)->Redeem(&redeeming, redeem, &issued));
    ASSERT_TRUE(joined.ok()) << joined;
  }
  absl::Status Drain(const std::string& who, const std::string& worker) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::DrainWorkerRequest request;
    request.set_name(worker);
    v1::Worker drained;
    return FromGrpc(
        v1::Control::NewStub(guests_.User(who))->DrainWorker(&context, request, &drained));
  }
  absl::Status Remove(const std::string& who, const std::string& worker) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::RemoveWorkerRequest request;
    request.set_name(worker);
    v1::RemoveWorkerResponse removed;
    return FromGrpc(
        v1::Control::NewStub(guests_.User(who))->RemoveWorker(&context, request, &removed));
  }
  absl::Status Revoke(const std::string& who, const std::string& worker) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::RevokeRequest request;
    request.set_worker(worker);
    v1::RevokeResponse revoked;
    return FromGrpc(v1::Identity::NewStub(guests_.User(who))->Revoke(&context, request, &revoked));
  }
  // In order. What was refused is stored after the caller was told; the next commit is after it.
  std::vector<v1::AuditEntry> Refused() {
    EXPECT_TRUE(CallEmpty(guests_.Admin(), PathOf(core::Method::kGetPool)).ok());
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListAuditRequest request;
    request.set_page_size(1000);
    v1::ListAuditResponse response;
    EXPECT_TRUE(
        v1::Identity::NewStub(guests_.Admin())->ListAudit(&context, request, &response).ok());
    std::vector<v1::AuditEntry> refused;
    std::copy_if(response.entries().begin(), response.entries().end(), std::back_inserter(refused),
                 [](const v1::AuditEntry& entry) { return entry.refused(); });
    return refused;
  }
  std::string SerialIn(const std::string& directory) {
    return Certificate::FromPem(*ReadFile(directory + "/certificate.pem", 1 << 16))->serial();
  }

  FakeClock time_{absl::Now()};
  const PrivateKey key_ = *PrivateKey::Generate();
};

TEST_F(DoorTest, WhatIsOnlyToComeInWithIsGoodForNothingElse) {
  const struct {
    core::CredentialPurpose purpose;
    Channel channel;
  } kinds[] = {{core::CredentialPurpose::kRenewal, Renewal("0a1b", "host-a")},
               {core::CredentialPurpose::kBootstrap, Bootstrap()}};
  for (const auto& kind : kinds) {
    for (const core::Method method : core::AllMethods()) {
      if (PathOf(method).empty()) continue;
      EXPECT_EQ(TurnedAway(CallEmpty(kind.channel, PathOf(method))),
                !core::MayCall(kind.purpose, method))
          << core::NameOf(kind.purpose) << " " << core::NameOf(method);
    }
  }
}

// As in a TLS session that is resumed: only the coordinator's clock says that the time is over.
TEST_F(DoorTest, AConnectionThatIsOpenWhenItsCertificateExpiresIsGoodForNothing) {
  ScriptedWorker daemon(guests_, "host-a");
  const auto sync = [&] {
    daemon.StartAgain();  // or it is held, and this clock stands still
    return daemon.Sync(daemon.Request()).status();
  };
  ASSERT_TRUE(sync().ok());
  const Channel worker = guests_.Worker(daemon.uuid(), "host-a");
  const Channel renewal = Renewal(daemon.uuid(), "host-a"), user = guests_.User("bea");
  const std::string get_pool = PathOf(core::Method::kGetPool);
  time_.Advance(absl::Hours(24) - absl::Minutes(1));
  EXPECT_TRUE(sync().ok());
  time_.Advance(absl::Minutes(2));
  const absl::Status expired = sync();
  EXPECT_TRUE(absl::IsUnauthenticated(expired)) << expired;
  EXPECT_THAT(std::string(expired.message()), HasSubstr("this certificate expired at "));
  for (const core::Method method : core::AllMethods()) {
    if (PathOf(method).empty()) continue;
    EXPECT_TRUE(absl::IsUnauthenticated(CallEmpty(worker, PathOf(method))))
        << core::NameOf(method) << ", to renew included";
  }
  EXPECT_TRUE(Renew(renewal, key_).ok()) << "for that it is there";
  EXPECT_TRUE(TurnedAway(CallEmpty(renewal, PathOf(core::Method::kSync))));
  EXPECT_TRUE(CallEmpty(user, get_pool).ok());
  time_.Advance(absl::Hours(24 * 90 - 1));
  EXPECT_TRUE(absl::IsUnauthenticated(CallEmpty(user, get_pool)));
  EXPECT_TRUE(Renew(renewal, key_).ok()) << "its last day";
  time_.Advance(absl::Hours(24));
  EXPECT_TRUE(absl::IsUnauthenticated(Renew(renewal, key_).status()));
}

TEST_F(DoorTest, ARefusalIsInTheLogWithWhoItWasAndFromWhere) {
  EXPECT_THAT(Refused(), IsEmpty());
  const Channel bea = guests_.User("bea"), worker = guests_.Worker("0a1b", "host-a");
  EXPECT_TRUE(TurnedAway(CallEmpty(bea, PathOf(core::Method::kAddUser))));
  EXPECT_TRUE(TurnedAway(CallEmpty(bea, PathOf(core::Method::kAppendLog))));
  EXPECT_FALSE(TurnedAway(CallEmpty(worker, PathOf(core::Method::kPutObject))));
  EXPECT_TRUE(TurnedAway(CallEmpty(worker, PathOf(core::Method::kList))));
  EXPECT_TRUE(TurnedAway(CallEmpty(Bootstrap(), PathOf(core::Method::kGetPool))));
  const std::vector<v1::AuditEntry> refused = Refused();
  ASSERT_EQ(refused.size(), 4u);
  const struct {
    std::string actor, serial, action, detail;
  } expected[] = {
      {"bea", SerialIn(Guest("bea")), "AddUser", "the role member may not call AddUser"},
      {"bea", SerialIn(Guest("bea")), "AppendLog", "the role member may not call AppendLog"},
      {"0a1b", SerialIn(Guest("0a1b")), "List", "a certificate for worker may not call List"},
      {"", SerialIn(Guest("bootstrap")), "GetPool", "certificate for bootstrap may not call"},
  };
  for (size_t i = 0; i < refused.size(); ++i) {
    const v1::AuditEntry& entry = refused[i];
    EXPECT_THAT(entry.address(), StartsWith("127.0.0.1:")) << i;
    EXPECT_EQ(entry.serial(), expected[i].serial) << i;
    EXPECT_EQ(entry.action(), expected[i].action);
    EXPECT_THAT(entry.detail(), HasSubstr(expected[i].detail));
    if (!expected[i].actor.empty()) {
      EXPECT_EQ(entry.actor(), expected[i].actor);
    }
  }
}

TEST_F(DoorTest, AWorkersOwnerDrainsRemovesAndRevokesItAndNoOtherMemberDoes) {
  JoinFor("bea", "0c3d", "bea-1");
  JoinFor("bea", "0d4e", "bea-2");
  EXPECT_TRUE(absl::IsPermissionDenied(Drain("cyd", "bea-1")));
  EXPECT_TRUE(absl::IsPermissionDenied(Remove("cyd", "bea-1")));
  EXPECT_TRUE(absl::IsPermissionDenied(Revoke("cyd", "bea-1")));
  EXPECT_EQ(Drain("bea", "bea-1"), absl::OkStatus());
  EXPECT_EQ(Remove("bea", "bea-1"), absl::OkStatus());
  EXPECT_TRUE(absl::IsNotFound(Drain("bea", "bea-1")));
  EXPECT_EQ(Revoke("bea", "bea-2"), absl::OkStatus());
  EXPECT_TRUE(absl::IsNotFound(Drain("bea", "bea-2")));
}

TEST_F(DoorTest, SoIsWhatIsTriedWithWhatIsSomebodyElses) {
  const std::string id = MustSubmit().id();  // ann's
  grpc::ClientContext context;
  SetDeadline(context);
  v1::CancelRequest cancel;
  cancel.set_id(id);
  v1::Handoff handoff;
  EXPECT_TRUE(absl::IsPermissionDenied(
      FromGrpc(v1::Control::NewStub(guests_.User("bea"))->Cancel(&context, cancel, &handoff))));
  ScriptedWorker worker(guests_, "host-a");
  v1::SyncRequest sync = worker.Request();
  sync.set_worker_uuid("0b2c");
  EXPECT_TRUE(absl::IsPermissionDenied(worker.Sync(sync).status()));
  const std::vector<v1::AuditEntry> refused = Refused();
  ASSERT_EQ(refused.size(), 2u);
  EXPECT_EQ(refused[0].actor(), "bea");
  EXPECT_EQ(refused[0].action(), "Cancel");
  EXPECT_EQ(refused[0].object(), id);
  EXPECT_EQ(refused[1].actor(), worker.uuid());
  EXPECT_EQ(refused[1].action(), "Sync");
  EXPECT_EQ(refused[1].object(), "0b2c");
  for (const v1::AuditEntry& entry : refused)
    EXPECT_THAT(entry.address(), StartsWith("127.0.0.1:"));
}

}  // namespace
}  // namespace handoff
