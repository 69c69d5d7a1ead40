// Somebody sets the coordinator's clock. Certificates and tokens are judged by it, and nobody loses
// for good what they had.

#include <string>

#include "absl/time/time.h"
#include "common/identity/names.h"
#include "common/identity/signing_request.h"
#include "common/identity/ticket.h"
#include "common/mutex.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "handoff/v1/identity.grpc.pb.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

// This host's, and so much later.
class SetClock final : public Clock {
 public:
  absl::Time Now() const override {
    const MutexLock lock(mutex_);
    return real_.Now() + set_;
  }
  BootTime Boot() const override { return real_.Boot(); }
  void Set(absl::Duration set) {
    const MutexLock lock(mutex_);
    set_ = set;
  }

 private:
  const RealClock real_{};
  mutable Mutex mutex_;
  absl::Duration set_ ABSL_GUARDED_BY(mutex_);
};

class ClockTest : public CoordinatorTest {
 protected:
  ClockTest() { Restart(); }  // with this clock
  ~ClockTest() override { coordinator_.reset(); }
  const Clock& clock() const override { return set_; }

  // Once the coordinator has seen that its clock was set, of which it tells whoever asks just then.
  absl::Status SyncOf(ScriptedWorker& worker) {
    absl::Status status;
    do {
      status = worker.Sync(worker.Request()).status();
    } while (absl::IsUnavailable(status));
    return status;
  }
  absl::Status GetAs(const std::string& user, const std::string& id) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::GetRequest request;
    request.set_id(id);
    v1::Handoff handoff;
    return FromGrpc(v1::Control::NewStub(guests_.User(user))->Get(&context, request, &handoff));
  }

  absl::Status Redeem(const std::string& line) {
    const auto ticket = DecodeTicket(line, TicketKind::kUser, absl::Now());
    if (!ticket.ok()) return ticket.status();
    const Secret first = ticket->key.ToPem().value();
    const auto shown = Credentials::FromPem({ticket->authority.ToPem(), ticket->certificate.ToPem(),
                                             std::string(first.Reveal())},
                                            CredentialUse::kClient, clock_)
                           .value();
    v1::RedeemRequest request;
    request.set_token_id(ticket->token_id);
    request.set_secret(std::string(ticket->secret.Reveal()));
    request.set_signing_request(MakeSigningRequest(PrivateKey::Generate().value()).value());
    request.set_device("test");
    grpc::ClientContext context;
    SetDeadline(context);
    context.set_wait_for_ready(true);
    v1::IssuedCertificate issued;
    const auto channel = MakeChannel(address(), *shown, PoolDnsName(ticket->authority.pool_id()));
    return FromGrpc(v1::Identity::NewStub(channel)->Redeem(&context, request, &issued));
  }

  SetClock set_;
};

TEST_F(ClockTest, ADayAheadEndsWhatIsOutOfTimeByItAndNothingElse) {
  ScriptedWorker worker(guests_, "host-a");
  const std::string id = MustSubmit().id();
  const v1::DesiredAttempt attempt = worker.TakeAttempt();
  ASSERT_EQ(attempt.handoff_id(), id);
  ASSERT_TRUE(GetAs("bea", id).ok());

  set_.Set(absl::Hours(25));
  // Its certificate is for a day. The connection is the one of before.
  const absl::Status late = SyncOf(worker);
  EXPECT_TRUE(absl::IsUnauthenticated(late)) << late;
  EXPECT_TRUE(GetAs("bea", id).ok()) << "theirs is for 90 days";
  // Nothing was given away: each lease is a full one from when the clock was set.
  MustSubmit("so that the engine looks at its clock");
  EXPECT_EQ(Get(id)->status(), v1::Handoff::RUNNING);
  EXPECT_EQ(Get(id)->attempts_size(), 1);

  set_.Set(absl::ZeroDuration());
  const absl::Status back = SyncOf(worker);
  EXPECT_TRUE(back.ok()) << back;
  const auto reported = worker.Report(worker.ReportOf(attempt, ""));
  ASSERT_TRUE(reported.ok()) << reported.status();
  EXPECT_TRUE(reported->accepted());
}

TEST_F(ClockTest, ADayBackKeepsNobodyOut) {
  ScriptedWorker worker(guests_, "host-a");
  const std::string id = MustSubmit().id();
  worker.TakeAttempt();
  ASSERT_TRUE(GetAs("bea", id).ok());
  set_.Set(-absl::Hours(24));
  EXPECT_TRUE(SyncOf(worker).ok());
  EXPECT_TRUE(GetAs("bea", id).ok());
  EXPECT_EQ(Get(id)->status(), v1::Handoff::RUNNING);
}

TEST_F(ClockTest, ATokenIsGoodByTheCoordinatorsClock) {
  guests_.User("bea");
  v1::CreateTokensRequest request;
  request.set_purpose(v1::Token::LOGIN);
  request.set_user("bea");
  grpc::ClientContext context;
  SetDeadline(context);
  v1::CreateTokensResponse made;
  ASSERT_TRUE(v1::Identity::NewStub(guests_.Admin())->CreateTokens(&context, request, &made).ok());
  set_.Set(absl::Hours(2));
  const absl::Status late = Redeem(made.lines(0));
  EXPECT_TRUE(absl::IsUnauthenticated(late)) << late;
  // To have tried does not use it up.
  set_.Set(absl::ZeroDuration());
  EXPECT_EQ(Redeem(made.lines(0)), absl::OkStatus());
}

}  // namespace
}  // namespace handoff
