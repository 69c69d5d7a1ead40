// What a person reads of one turn of an agent that somebody asked for.
#include "cli/text/render_turn.h"

#include "cli/text/render.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kSeconds = 1'800'000'000;
const absl::Time kNow = absl::FromUnixSeconds(kSeconds);

v1::AgentTurn Made(v1::Failure::Class failure) {
  v1::AgentTurn turn;
  turn.set_agent("cursor");
  turn.mutable_asked_at()->set_seconds(kSeconds - 190);
  turn.mutable_at()->set_seconds(kSeconds - 180);
  turn.mutable_took()->set_seconds(2);
  turn.mutable_took()->set_nanos(100'000'000);
  turn.set_failure(failure);
  return turn;
}

TEST(TurnWords, SayWhatCameOfIt) {
  v1::AgentTurn turn = Made(v1::Failure::NONE);
  turn.set_model("small\x1b[31m-1");
  turn.mutable_usage()->set_input_tokens(100);
  turn.mutable_usage()->set_cache_read_tokens(20);
  turn.mutable_usage()->set_output_tokens(7);
  EXPECT_EQ(TurnWords(turn, kNow), "worked 3 min ago, 2.1 s, model small-1, 120 tokens in, 7 out");
  turn = Made(v1::Failure::AGENT_NEEDS_SETUP);
  turn.clear_took();
  turn.set_message("Not logged in.\nRun `x login`.");
  EXPECT_THAT(TurnWords(turn, kNow), AllOf(HasSubstr("agent_needs_setup 3 min ago: Not logged in."),
                                           HasSubstr("Run `x login`."), Not(HasSubstr("\n"))));
  turn.clear_at();
  EXPECT_EQ(TurnWords(turn, kNow), "asked 3 min ago, no answer yet");
}

TEST(TurnAdvice, IsThereForEveryFailureAndForNothingElse) {
  for (int i = v1::Failure::Class_MIN; i <= v1::Failure::Class_MAX; ++i) {
    const v1::AgentTurn turn = Made(static_cast<v1::Failure::Class>(i));
    EXPECT_EQ(TurnAdvice(turn, "a", kNow).empty(), i == v1::Failure::NONE) << i;
  }
  v1::AgentTurn quota = Made(v1::Failure::QUOTA);
  quota.mutable_retry_at()->set_seconds(kSeconds + 300);
  EXPECT_THAT(TurnAdvice(quota, "a", kNow), HasSubstr("it can be used in 5 min again"));
}

TEST(RenderWorker, HasTheTurnBelowItsAgent) {
  v1::Worker worker;
  worker.set_name("a");
  for (const char* agent : {"cursor", "claude"}) {
    v1::AgentOffer& offer = *worker.add_agents();
    offer.set_name(agent);
    offer.set_state(v1::AgentOffer::READY);
  }
  const View view{kNow, absl::UTCTimeZone(), 0, false};
  EXPECT_THAT(RenderWorker(worker, view), Not(HasSubstr("one turn")));
  *worker.add_turns() = Made(v1::Failure::NONE);
  EXPECT_THAT(RenderWorker(worker, view),
              HasSubstr("\nAgents     cursor ready\n             one turn: worked 3 min ago, 2.1 "
                        "s\n           claude ready\n"));
}

}  // namespace
}  // namespace handoff
