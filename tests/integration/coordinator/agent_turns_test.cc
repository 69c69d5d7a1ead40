// Turns of agents on the wire: somebody asks, the worker is told at once, and its result is shown.
#include <string>

#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

class AgentTurnsOnTheWire : public CoordinatorTest {
 protected:
  AgentTurnsOnTheWire() : worker_(guests_, "host-a") {}

  v1::SyncRequest Request() {
    v1::SyncRequest request = worker_.Request();
    request.set_makes_turns(true);
    v1::AgentOffer& offer = *request.add_agents();
    offer.set_name("cursor");
    offer.set_state(v1::AgentOffer::READY);
    return request;
  }
  v1::SyncResponse Sync(const v1::SyncRequest& request) {
    const auto response = worker_.Sync(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : v1::SyncResponse();
  }
  // As the first of a start of its daemon, which is never held.
  void Begin(v1::SyncRequest first) {
    worker_.StartAgain();
    const v1::SyncRequest next = worker_.Request();
    first.set_start(next.start());
    first.set_nonce(next.nonce());
    first.set_seq(next.seq());
    Sync(first);
  }
  absl::Status Ask(const std::shared_ptr<grpc::Channel>& as, v1::Worker& worker,
                   const std::string& agent = "") {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::AskTurnsRequest request;
    request.set_worker("host-a");
    request.set_agent(agent);
    return FromGrpc(v1::Control::NewStub(as)->AskTurns(&context, request, &worker));
  }
  v1::Worker Shown() {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListWorkersRequest request;
    request.set_name("host-a");
    v1::ListWorkersResponse response;
    EXPECT_TRUE(control().ListWorkers(&context, request, &response).ok());
    return response.workers(0);
  }

  ScriptedWorker worker_;
};

TEST_F(AgentTurnsOnTheWire, TheWorkerIsToldAndItsResultIsShownBounded) {
  Begin(Request());
  v1::Worker asked;
  ASSERT_TRUE(Ask(guests_.Admin(), asked).ok());
  ASSERT_EQ(asked.turns_size(), 1) << "a command has no turns";
  EXPECT_EQ(asked.turns(0).agent(), "cursor");
  EXPECT_TRUE(asked.turns(0).has_asked_at());
  EXPECT_FALSE(asked.turns(0).has_at());
  const v1::SyncResponse told = Sync(Request());
  ASSERT_EQ(told.turns_size(), 1);
  EXPECT_EQ(told.turns(0).agent(), "cursor");
  v1::SyncRequest result = Request();
  v1::TurnResult& made = *result.add_turns();
  made.set_number(told.turns(0).number());
  made.mutable_turn()->set_agent("claude");
  made.mutable_turn()->set_failure(static_cast<v1::Failure::Class>(999));
  made.mutable_turn()->set_message(std::string(5000, 'x') + "\n");
  made.mutable_turn()->set_model("small");
  made.mutable_turn()->mutable_at()->set_seconds(1);
  Begin(result);
  const v1::AgentTurn shown = Shown().turns(0);
  EXPECT_EQ(shown.agent(), "cursor");
  EXPECT_EQ(shown.failure(), v1::Failure::INTERNAL);
  EXPECT_LE(shown.message().size(), 1u << 10);
  EXPECT_EQ(shown.model(), "small");
  EXPECT_GT(shown.at().seconds(), 1) << "by the coordinator's clock";
}

TEST_F(AgentTurnsOnTheWire, AWorkerThatDoesNotKnowOfTurnsIsNotAsked) {
  v1::SyncRequest old = Request();
  old.set_makes_turns(false);
  Begin(old);
  v1::Worker asked;
  const absl::Status refused = Ask(guests_.Admin(), asked);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("its version, test, is older than turns"));
}

TEST_F(AgentTurnsOnTheWire, OnlyThoseAskWhoMay) {
  Begin(Request());
  v1::Worker asked;
  EXPECT_TRUE(absl::IsPermissionDenied(Ask(guests_.User("cyd"), asked)));
  EXPECT_TRUE(absl::IsPermissionDenied(Ask(guests_.User("vic", "viewer"), asked)));
  EXPECT_TRUE(absl::IsPermissionDenied(Ask(guests_.Worker(worker_.uuid(), "host-a"), asked)));
  EXPECT_EQ(Shown().turns_size(), 0);
  EXPECT_TRUE(Ask(guests_.User("oli", "operator"), asked, "cursor").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(Ask(guests_.Admin(), asked, "No such name")));
}

}  // namespace
}  // namespace handoff
