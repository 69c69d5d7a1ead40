// Credentials that end by themselves, and what the coordinator knows of those of its workers.

#include <atomic>
#include <memory>
#include <string>

#include "common/identity/ticket.h"
#include "common/rpc/channel.h"
#include "common/rpc/proto_time.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/identity.grpc.pb.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

// As the real one, but for people: of the time of day it may be later.
class LaterClock final : public Clock {
 public:
  absl::Time Now() const override { return real_.Now() + absl::Seconds(later_.load()); }
  BootTime Boot() const override { return real_.Boot(); }
  void Advance(absl::Duration time) { later_ += absl::ToInt64Seconds(time); }

 private:
  const RealClock real_{};
  std::atomic<int64_t> later_ = 0;
};

TEST(CiToken, EndsWithItsTimeAlsoOnAConnectionThatIsOpen) {
  const TempDir dir = *TempDir::Make("ci-token-");
  LaterClock clock;
  Config config;
  config.data_dir = dir.path() + "/coordinator";
  config.listen = "127.0.0.1:0";
  const auto coordinator = Coordinator::Start(config, clock);
  ASSERT_TRUE(coordinator.ok()) << coordinator.status();
  Guests guests(dir.path() + "/guests", clock);
  guests.Connect((*coordinator)->address(), config.data_dir);

  v1::CreateTokensRequest create;
  create.set_purpose(v1::Token::CI);
  create.set_user("build");
  create.add_repos("**");
  *create.mutable_ttl() = ToProto(absl::Minutes(5));
  v1::CreateTokensResponse created;
  grpc::ClientContext creating;
  ASSERT_TRUE(
      v1::Identity::NewStub(guests.Admin())->CreateTokens(&creating, create, &created).ok());
  const auto ticket = DecodeTicket(created.lines(0), TicketKind::kCi, clock.Now());
  ASSERT_TRUE(ticket.ok()) << ticket.status();
  const auto credentials =
      Credentials::FromPem({ticket->authority.ToPem(), ticket->certificate.ToPem(),
                            std::string(ticket->key.ToPem()->Reveal())},
                           CredentialUse::kClient, clock);
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  const auto channel = MakeChannel((*coordinator)->address(), **credentials,
                                   PoolDnsName(ticket->authority.pool_id()));
  ASSERT_TRUE(
      channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::minutes(1)));
  const auto ask = [&] {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::PoolInfo pool;
    return FromGrpc(v1::Control::NewStub(channel)->GetPool(&context, v1::GetPoolRequest(), &pool));
  };
  EXPECT_TRUE(ask().ok()) << ask();
  clock.Advance(absl::Minutes(4));
  EXPECT_TRUE(ask().ok()) << ask();
  clock.Advance(absl::Minutes(2));
  const absl::Status over = ask();
  EXPECT_TRUE(absl::IsUnauthenticated(over)) << over;
  EXPECT_THAT(std::string(over.message()), HasSubstr("this certificate expired at"));
}

class WorkersAccess : public CoordinatorTest {
 protected:
  v1::Worker Listed(const std::string& name) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListWorkersRequest request;
    request.set_name(name);
    v1::ListWorkersResponse response;
    EXPECT_TRUE(control().ListWorkers(&context, request, &response).ok());
    return response.workers_size() == 1 ? response.workers(0) : v1::Worker();
  }
};

TEST_F(WorkersAccess, ItsCertificateRenewalAndClockAreListed) {
  ScriptedWorker worker(guests_, "host-a");
  v1::SyncRequest request = worker.Request();
  ASSERT_TRUE(worker.Sync(request).ok());
  const v1::Worker silent = Listed("host-a");
  EXPECT_FALSE(silent.has_clock_ahead()) << "it did not tell";
  EXPECT_EQ(silent.renewal_problem(), "");
  const absl::Duration left = FromProto(silent.certificate_not_after()) - absl::Now();
  EXPECT_GT(left, absl::Hours(23));
  EXPECT_LE(left, absl::Hours(24));
  // The certificate itself knows whole seconds.
  const absl::Duration whole =
      FromProto(silent.certificate_not_after()) - FromProto(silent.certificate_issued_at());
  EXPECT_GT(whole, absl::Hours(24) - absl::Seconds(1));
  EXPECT_LE(whole, absl::Hours(24));
  worker.StartAgain();
  request = worker.Request();
  *request.mutable_now() = ToProto(absl::Now() - absl::Minutes(10));
  request.set_renewal_problem("nobody\nanswered");
  ASSERT_TRUE(worker.Sync(request).ok());
  const v1::Worker told = Listed("host-a");
  EXPECT_EQ(told.renewal_problem(), "nobody answered");
  const auto ahead = FromProto(told.clock_ahead(), "clock_ahead");
  ASSERT_TRUE(ahead.ok()) << ahead.status();
  EXPECT_LE(*ahead, absl::Minutes(-10));
  EXPECT_GT(*ahead, absl::Minutes(-12));
}

}  // namespace
}  // namespace handoff
