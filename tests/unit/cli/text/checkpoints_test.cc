#include "cli/text/checkpoints.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

v1::Attempt& AddAttempt(v1::Handoff& handoff, const std::string& commit) {
  v1::Attempt& attempt = *handoff.add_attempts();
  attempt.set_number(handoff.attempts_size());
  attempt.set_worker("build-7");
  if (!commit.empty()) attempt.mutable_checkpoint()->set_commit(commit);
  return attempt;
}

v1::Handoff Record() {
  v1::Handoff handoff;
  handoff.set_id("20261120-x");
  handoff.set_repo("https://example.org/r.git");
  return handoff;
}

TEST(ChooseCheckpoint, TheNewestThatCountsOrThatOfTheAttemptAskedFor) {
  v1::Handoff handoff = Record();
  AddAttempt(handoff, "c1").mutable_late_checkpoint()->set_commit("c1-late");
  AddAttempt(handoff, "c2");
  AddAttempt(handoff, "").mutable_late_checkpoint()->set_commit("c3-late");
  const auto newest = ChooseCheckpoint(handoff, 0);
  ASSERT_TRUE(newest.ok()) << newest.status();
  EXPECT_EQ(newest->attempt, 2);
  EXPECT_EQ(newest->checkpoint->commit(), "c2");
  EXPECT_EQ(ChooseCheckpoint(handoff, 1)->checkpoint->commit(), "c1-late");
  EXPECT_EQ(ChooseCheckpoint(handoff, 3)->checkpoint->commit(), "c3-late");
}

TEST(ChooseCheckpoint, SaysWhyThereIsNone) {
  v1::Handoff handoff = Record();
  const auto why = [&](int attempt) {
    return std::string(ChooseCheckpoint(handoff, attempt).status().message());
  };
  EXPECT_THAT(why(0), HasSubstr("has no attempt yet"));
  AddAttempt(handoff, "");
  EXPECT_TRUE(absl::IsFailedPrecondition(ChooseCheckpoint(handoff, 0).status()));
  EXPECT_THAT(why(0), HasSubstr("the work of attempt 1 of 20261120-x is not at the coordinator"));
  EXPECT_TRUE(absl::IsNotFound(ChooseCheckpoint(handoff, 2).status()));
  AddAttempt(handoff, "c2").mutable_checkpoint()->set_only_on_worker("The pack has 9 GB.\x1b[2J");
  EXPECT_THAT(why(0), HasSubstr("only on build-7: The pack has 9 GB. Nothing was done"));
  handoff.clear_repo();
  EXPECT_THAT(why(0), HasSubstr("has no repository"));
}

TEST(LateWords, NameTheTimeThatWouldBeLostUntilSomethingGoesOnFromIt) {
  v1::Handoff handoff = Record();
  v1::Attempt& lost = AddAttempt(handoff, "c1");
  EXPECT_EQ(LateWords(handoff, lost), "");
  lost.mutable_checkpoint()->mutable_taken_at()->set_seconds(1000);
  lost.mutable_late_checkpoint()->set_commit("c1-late");
  lost.mutable_late_checkpoint()->mutable_taken_at()->set_seconds(1240);
  EXPECT_EQ(LateWords(handoff, lost),
            "attempt 1 came back with 4 min of work that came too late; 'handoff resume 20261120-x "
            "--from-attempt 1' uses it");
  AddAttempt(handoff, "").set_from_commit("c1");
  EXPECT_THAT(LateWords(handoff, handoff.attempts(0)),
              HasSubstr("4 min of work that attempt 2 lacks"));
  AddAttempt(handoff, "").set_from_commit("c1-late");
  EXPECT_EQ(LateWords(handoff, handoff.attempts(0)), "");
}

}  // namespace
}  // namespace handoff
