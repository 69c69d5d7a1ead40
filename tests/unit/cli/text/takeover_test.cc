// What a person is told when they take over and give back, and which command opens which agent.

#include <google/protobuf/text_format.h>

#include "cli/text/checkpoints.h"
#include "cli/text/interactive.h"
#include "cli/text/render.h"
#include "cli/text/render_takeover.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kNow = 1'796'000'000;

View Piped() { return {absl::FromUnixSeconds(kNow), absl::UTCTimeZone(), 0, false}; }

v1::Handoff Interactive() {
  v1::Handoff handoff;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(R"pb(
                                                              id: "20261120-x"
                                                              status: INTERACTIVE
                                                              agent: "cursor"
                                                              owner: "alice"
                                                              taken_by: "alice\x1b[2J"
                                                              taken_at { seconds: 1795999700 }
                                                              attempts {
                                                                number: 1
                                                                state: CANCELLED
                                                                checkpoint { commit: "1111111111" }
                                                              }
                                                              attempts {
                                                                number: 2
                                                                state: SUCCEEDED
                                                                checkpoint { commit: "2222222222" }
                                                              }
                                                            )pb",
                                                            &handoff));
  return handoff;
}

TEST(RenderTaken, SaysWhereItIsHowToOpenItAndHowToGiveItBack) {
  Taken taken;
  taken.path = "/home/a/bench-20261120-x";
  taken.branch = "handoff/20261120-x";
  taken.head = "0123456789abcdef";
  taken.whose = "attempt 2's work";
  taken.uncommitted = 3;
  taken.open = "cd /home/a/bench-20261120-x && cursor-agent";
  taken.notes = {"not in it: huge.bin\x1b[2J"};
  EXPECT_THAT(
      RenderTaken(Interactive(), taken, Piped()),
      ElementsAre("handoff: 20261120-x is yours since 5 min; nothing of it runs until you give it "
                  "back",
                  "  work tree   /home/a/bench-20261120-x on branch handoff/20261120-x at "
                  "0123456789: attempt 2's work, 3 files not committed",
                  "  note        not in it: huge.bin",
                  "  agent       cd /home/a/bench-20261120-x && cursor-agent",
                  "  give back   handoff return 20261120-x \"MESSAGE\"",
                  "  or end it   handoff return 20261120-x --done"));
}

TEST(RenderShow, SaysWhoHasItSinceWhenAndWhatToType) {
  v1::Handoff handoff = Interactive();
  const std::string own = RenderShow(handoff, Piped());
  EXPECT_THAT(own, HasSubstr("interactive  20261120-x\n"));
  EXPECT_THAT(own, HasSubstr("Taken by   alice since 5 min, in a work tree of their own\n"));
  EXPECT_THAT(own, HasSubstr("handoff return 20261120-x MESSAGE  # give it back"));
  EXPECT_THAT(own, Not(HasSubstr("\x1b")));
  handoff.set_taken_on("build-7");
  EXPECT_THAT(RenderShow(handoff, Piped()), HasSubstr("in the workspace on build-7"));
  handoff.set_status(v1::Handoff::RUNNING);
  EXPECT_THAT(RenderShow(handoff, Piped()),
              HasSubstr("Taken by   alice gets it when the attempt has ended\n"));
  handoff = Interactive();
  EXPECT_THAT(RenderList({handoff}, false, Piped()), HasSubstr("interactive (alice)"));
  EXPECT_THAT(RenderList({handoff}, false, Piped()), HasSubstr("alice since 5 min"));
}

TEST(ChooseCheckpoint, WhatWasReturnedIsNewerThanTheAttemptsBeforeIt) {
  v1::Handoff handoff = Interactive();
  EXPECT_EQ(ChooseCheckpoint(handoff, 0)->checkpoint->commit(), "2222222222");
  handoff.mutable_returned()->set_commit("3333333333");
  handoff.set_returned_after(2);
  EXPECT_EQ(ChooseCheckpoint(handoff, 0)->checkpoint->commit(), "3333333333");
  EXPECT_TRUE(ChooseCheckpoint(handoff, 0)->returned);
  EXPECT_EQ(ChooseCheckpoint(handoff, 2)->checkpoint->commit(), "2222222222");
  v1::Attempt& third = *handoff.add_attempts();
  third.set_number(3);
  EXPECT_EQ(ChooseCheckpoint(handoff, 0)->checkpoint->commit(), "3333333333");
  third.mutable_checkpoint()->set_commit("4444444444");
  EXPECT_EQ(ChooseCheckpoint(handoff, 0)->checkpoint->commit(), "4444444444");
  EXPECT_EQ(ChooseCheckpoint(handoff, 0)->attempt, 3);
}

TEST(ChooseBase, IsTheCheckpointElseWhatWasSubmittedNeverAGuess) {
  v1::Handoff handoff = Interactive();
  EXPECT_EQ(ChooseBase(handoff)->commit, "2222222222");
  for (v1::Attempt& attempt : *handoff.mutable_attempts()) attempt.clear_checkpoint();
  v1::Repository& repository = *handoff.mutable_spec()->mutable_repository();
  EXPECT_EQ(ChooseBase(handoff).status().code(), absl::StatusCode::kFailedPrecondition);
  repository.set_commit("cccc");
  EXPECT_EQ(ChooseBase(handoff)->commit, "cccc");
  EXPECT_TRUE(ChooseBase(handoff)->plain);
  repository.set_worktree_commit("dddd");
  EXPECT_EQ(ChooseBase(handoff)->commit, "dddd");
  EXPECT_FALSE(ChooseBase(handoff)->plain);
  handoff.mutable_attempts(1)->mutable_checkpoint()->set_only_on_worker("It is too large.");
  const auto kept = ChooseBase(handoff);
  EXPECT_EQ(kept.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(kept.status().message()), HasSubstr("--on-host"));
}

TEST(Interactive, EachAgentIsOpenedItsOwnWay) {
  EXPECT_THAT(OpenWithPrompt("cursor", "agent", "m", "do it"),
              ElementsAre("agent", "--model", "m", "do it"));
  EXPECT_THAT(OpenWithPrompt("claude", "claude", "", "-rf"), ElementsAre("claude", " -rf"));
  EXPECT_EQ(OpenWithPromptFile("codex", "codex", "", "a b"), "codex \"$(cat 'a b')\"");
  EXPECT_THAT(OpenWithPrompt("opencode", "opencode", "a/b", "-x"),
              ElementsAre("opencode", "--model", "a/b", "--prompt", " -x"));
  EXPECT_THAT(OpenSession("cursor", "cursor-agent", "1"),
              ElementsAre("cursor-agent", "--resume=1"));
  EXPECT_THAT(OpenSession("claude", "claude", "1"), ElementsAre("claude", "--resume", "1"));
  EXPECT_THAT(OpenSession("codex", "codex", "1"), ElementsAre("codex", "resume", "1"));
  EXPECT_THAT(OpenSession("gemini", "gemini", "1"), ElementsAre("gemini", "--resume", "1"));
  EXPECT_THAT(OpenSession("qwen", "qwen", "1"), ElementsAre("qwen", "--resume", "1"));
  EXPECT_THAT(OpenWithPrompt("qwen", "qwen", "m", "hi"),
              ElementsAre("qwen", "--model", "m", "-i", "hi"));
  EXPECT_EQ(OpenWithPromptFile("qwen", "qwen", "", "a b"), "qwen -i \"$(cat 'a b')\"");
  EXPECT_THAT(OpenSession("copilot", "copilot", "1"), ElementsAre("copilot", "--resume=1"));
  EXPECT_THAT(OpenSession("opencode", "opencode", "1"), ElementsAre("opencode", "--session", "1"));
  EXPECT_THAT(OpenSession("codex", "codex", ""), IsEmpty());
  EXPECT_THAT(OpenWithPrompt("command", "sh", "", "x"), IsEmpty());
  EXPECT_THAT(OpenOnHost("me@h", "/a b", {"claude", "--resume", "1"}),
              ElementsAre("ssh", "me@h", "-t", "cd '/a b' && claude --resume 1"));
  EXPECT_THAT(OpenOnHost("me@h", "/a", {}),
              ElementsAre("ssh", "me@h", "-t", "cd /a && exec \"$SHELL\" -l"));
}

}  // namespace
}  // namespace handoff
