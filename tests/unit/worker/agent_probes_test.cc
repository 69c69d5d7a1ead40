#include "worker/agent_probes.h"

#include <poll.h>

#include <optional>

#include "common/subprocess.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/agent/registry.h"
#include "worker/attempt_control.h"

namespace handoff::worker {
namespace {

using ::testing::HasSubstr;

class AgentProbesTest : public ::testing::Test {
 protected:
  static ProbeOutput Ready() {
    return {"/opt/claude", "2.1.332 (Claude Code)\n", 0, false, R"({"loggedIn":true})"};
  }
  static ProbeOutput Silent() { return {"/opt/claude", "", 0, true, ""}; }
  static ProbeOutput LoggedOut() {
    return {"/opt/claude", "2.1.332 (Claude Code)\n", 1, false, R"({"loggedIn":false})"};
  }

  const Agent& claude_ = *FindAgent("claude");
  WorkerConfig config_;
  std::optional<ProbeOutput> answer_ = Ready();
  int asked_ = 0;
  AgentProbes probes_{config_, {&claude_}, [this](const ProbeSpec&, const ProbeSettings&) {
                        ++asked_;
                        return answer_;
                      }};
};

TEST_F(AgentProbesTest, AnAgentThatWasReadyIsOfferedWhileItGivesNoAnswer) {
  probes_.ProbeAll(-1);
  EXPECT_FALSE(probes_.AnyUnanswered());
  answer_ = Silent();
  const ProbeVerdict now = probes_.Probe(claude_, -1);
  EXPECT_NE(now.state, ProbeVerdict::State::kReady) << "nobody may believe that it is";
  EXPECT_TRUE(probes_.AnyUnanswered());
  const auto found = probes_.Find("claude");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->offer.state, AgentState::kReady);
  EXPECT_EQ(found->executable, "/opt/claude");
  EXPECT_EQ(found->offer.version, "2.1.332 (Claude Code)");
  answer_ = LoggedOut();
  probes_.ProbeUnanswered(-1);
  EXPECT_FALSE(probes_.AnyUnanswered());
  EXPECT_EQ(probes_.Find("claude")->offer.state, AgentState::kNeedsSetup);
}

TEST_F(AgentProbesTest, OneThatNeverAnsweredIsNotOffered) {
  answer_ = Silent();
  probes_.ProbeAll(-1);
  EXPECT_EQ(probes_.Find("claude")->offer.state, AgentState::kNeedsSetup);
  EXPECT_THAT(probes_.Find("claude")->offer.message, HasSubstr("no answer in time"));
  answer_ = std::nullopt;
  probes_.ProbeAll(-1);
  EXPECT_FALSE(probes_.AnyUnanswered()) << "it is gone, which is an answer";
  EXPECT_EQ(probes_.Find("claude")->offer.state, AgentState::kMissing);
  probes_.ProbeUnanswered(-1);
  EXPECT_EQ(asked_, 2);
}

TEST_F(AgentProbesTest, OneThatThisHostCannotExecuteSaysSo) {
  answer_ = ProbeOutput{"/opt/claude", "", 0, false, ""};
  answer_->refused = "starting /opt/claude: Exec format error";
  probes_.ProbeAll(-1);
  EXPECT_FALSE(probes_.AnyUnanswered());
  EXPECT_EQ(probes_.Find("claude")->offer.state, AgentState::kMissing);
  EXPECT_THAT(probes_.Find("claude")->offer.message,
              AllOf(HasSubstr("cannot be executed on this host"), HasSubstr("Exec format error"),
                    HasSubstr("[agents.claude]")));
}

TEST_F(AgentProbesTest, AHoldStaysWhileThereIsNoAnswer) {
  probes_.ProbeAll(-1);
  answer_ = Silent();
  const ProbeResult result = probes_.ProbeForHold("agent:claude", -1);
  EXPECT_FALSE(result.ok);
  EXPECT_THAT(result.message, HasSubstr("no answer in time"));
  answer_ = Ready();
  EXPECT_TRUE(probes_.ProbeForHold("agent:claude", -1).ok);
}

// Trap 4: a CLI may leave servers of its own behind, once every 10 min.
TEST_F(AgentProbesTest, Trap4WhatAProgramLeftIsEnded) {
  std::optional<Subprocess> left;
  AgentProbes probes(config_, {&claude_}, [&](const ProbeSpec&, const ProbeSettings& settings) {
    SpawnOptions options;
    options.argv = {"tail", "-f", "/dev/null"};
    options.env = settings.env;
    if (auto child = Subprocess::Spawn(options); child.ok()) left = *std::move(child);
    return Ready();
  });
  probes.ProbeAll(-1);
  ASSERT_TRUE(left.has_value());
  pollfd ended{left->pidfd(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 0), 1);
}

// Whoever gives up a turn, or ends the daemon, says nothing of the agent.
TEST_F(AgentProbesTest, OneThatWasCutShortLeavesWhatIsKnown) {
  probes_.ProbeAll(-1);
  Signal given_up;
  given_up.Raise();
  answer_ = std::nullopt;
  probes_.Probe(claude_, given_up.fd());
  EXPECT_EQ(asked_, 2);
  EXPECT_EQ(probes_.Find("claude")->offer.state, AgentState::kReady);
  const Signal quiet;
  probes_.Probe(claude_, quiet.fd());
  EXPECT_EQ(probes_.Find("claude")->offer.state, AgentState::kMissing);
}

}  // namespace
}  // namespace handoff::worker
