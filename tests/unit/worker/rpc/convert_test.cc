#include "worker/rpc/convert.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "handoff/v1/pool.pb.h"

namespace handoff::worker {
namespace {

TEST(ConvertSync, OfTooManyWorkspacesTheNewestAreSaid) {
  SyncRequest request;
  // An id begins with its date, so the order of names is that of age.
  for (int i = 0; i < 10'005; ++i) request.workspaces.push_back(absl::StrCat(20260000 + i));
  const v1::SyncRequest sent = ToProto(request);
  ASSERT_EQ(sent.workspaces_size(), 10'000);
  EXPECT_EQ(sent.workspaces(0), "20260005");
  EXPECT_EQ(*sent.workspaces().rbegin(), "20270004");
}

TEST(ConvertSync, TurnsAreWishedForAndTold) {
  v1::SyncResponse response;
  v1::TurnWish& wish = *response.add_turns();
  wish.set_agent("cursor");
  wish.set_number(7);
  const SyncAnswer answer = FromProto(response);
  ASSERT_EQ(answer.turns.size(), 1u);
  EXPECT_EQ(answer.turns[0].agent, "cursor");
  EXPECT_EQ(answer.turns[0].number, 7u);
  v1::AgentTurn turn;
  turn.set_model("small");
  SyncRequest request;
  EXPECT_TRUE(ToProto(request).makes_turns());
  request.turns = {{7, turn.SerializeAsString()}};
  const v1::SyncRequest sent = ToProto(request);
  ASSERT_EQ(sent.turns_size(), 1);
  EXPECT_EQ(sent.turns(0).number(), 7u);
  EXPECT_EQ(sent.turns(0).turn().model(), "small");
}

TEST(ConvertSync, InWhatAgentsRunIsSaid) {
  SyncRequest request;
  request.enclosure = {"build\xff", 0, "none", "a sandbox"};
  const v1::Enclosure sent = ToProto(request).enclosure();
  EXPECT_EQ(sent.account(), "build\\xff");
  EXPECT_EQ(sent.network(), "none");
  EXPECT_EQ(sent.isolation(), "a sandbox");
  EXPECT_TRUE(ToProto(request).has_enclosure()) << "root's, too";
  request.enclosure.uid = 1001;
  EXPECT_EQ(ToProto(request).enclosure().uid(), 1001u);
}

}  // namespace
}  // namespace handoff::worker
