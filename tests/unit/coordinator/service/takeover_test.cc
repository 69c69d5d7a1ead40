// Takeover and return on their way through the service: what is refused, and what the next worker
// is told.
#include <functional>
#include <string>

#include "coordinator/service/convert.h"
#include "coordinator/service/validate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Commit(char c) { return std::string(40, c); }

v1::ReturnRequest Good() {
  v1::ReturnRequest request;
  request.set_id("20270115-mend");
  request.set_message("I changed the parser");
  request.mutable_checkpoint()->set_commit(Commit('b'));
  request.mutable_checkpoint()->add_packs()->set_sha256(std::string(64, 'd'));
  request.set_based_on(Commit('a'));
  return request;
}

TEST(ValidateTakeOver, NeedsAnId) {
  v1::TakeOverRequest request;
  request.set_id("mend");
  EXPECT_TRUE(Validate(request).ok()) << Validate(request);
  request.set_id("../x");
  EXPECT_TRUE(absl::IsInvalidArgument(Validate(request)));
}

TEST(ValidateReturn, RefusesWhatNobodyCouldGoOnFrom) {
  EXPECT_TRUE(Validate(Good()).ok()) << Validate(Good());
  struct Bad {
    const char* says;
    std::function<void(v1::ReturnRequest&)> change;
  };
  const Bad bad[] = {
      {"id", [](auto& r) { r.set_id("A"); }},
      {"at most 262144", [](auto& r) { r.set_message(std::string((256 << 10) + 1, 'x')); }},
      {"UTF-8", [](auto& r) { r.set_message("\xff"); }},
      {"UTF-8", [](auto& r) { r.set_message(std::string("a\0b", 3)); }},
      {"based_on", [](auto& r) { r.clear_based_on(); }},
      {"based_on", [](auto& r) { r.set_based_on("main"); }},
      {"commit", [](auto& r) { r.mutable_checkpoint()->set_commit("HEAD"); }},
      {"SHA-256", [](auto& r) { r.mutable_checkpoint()->add_packs()->set_sha256("x"); }},
      {"only_on_worker", [](auto& r) { r.mutable_checkpoint()->set_only_on_worker("x"); }},
  };
  for (const Bad& each : bad) {
    v1::ReturnRequest request = Good();
    each.change(request);
    const absl::Status status = Validate(request);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << each.says;
    EXPECT_THAT(std::string(status.message()), HasSubstr(each.says));
  }
  v1::ReturnRequest nothing = Good();
  nothing.clear_checkpoint();
  nothing.clear_based_on();
  nothing.clear_message();
  EXPECT_TRUE(Validate(nothing).ok()) << Validate(nothing);
}

// Attempt 1 left checkpoint a, and ada made b of it; attempt 2 is leased.
core::Handoff Returned() {
  v1::HandoffSpec spec;
  spec.set_task("mend");
  spec.mutable_repository()->set_url("https://host/a.git");
  spec.mutable_repository()->set_commit(Commit('0'));
  Normalise(spec);
  core::Handoff handoff = ToCore(spec, "ann", absl::UnixEpoch()).handoff;
  handoff.id = "20270115-mend";
  handoff.returned = ToCore(Good(), handoff, "ada").checkpoint;
  handoff.returned_after = 1;
  core::Attempt first;
  first.number = 1;
  first.checkpoint.commit = Commit('a');
  v1::Checkpoint sent;
  sent.set_commit(Commit('a'));
  first.checkpoint.bytes = sent.SerializeAsString();
  core::Attempt second;
  second.number = 2;
  second.state = core::AttemptState::kLeased;
  second.from_attempt = 1;
  second.from_commit = Commit('b');
  handoff.attempts = {first, second};
  return handoff;
}

v1::AttemptSpec SpecFor(const core::Handoff& handoff) {
  SyncAnswer answer;
  core::Sync::Desired desired;
  desired.handoff_id = handoff.id;
  desired.number = handoff.Latest()->number;
  desired.lease = absl::Minutes(30);
  desired.with_spec = true;
  answer.reply.attempts.push_back(desired);
  answer.specs.push_back(handoff);
  return ToProto(answer).attempts(0).spec();
}

TEST(AttemptSpecs, NameThePersonsWorkAndNoWorkspaceThatLacksIt) {
  const v1::AttemptSpec spec = SpecFor(Returned());
  EXPECT_EQ(spec.checkpoint().SerializeAsString(), Good().checkpoint().SerializeAsString());
  EXPECT_EQ(spec.checkpoint_attempt(), 2) << "what attempt 1 left is older than the work";
  EXPECT_FALSE(spec.rebuild());
  EXPECT_FALSE(spec.only_checks());
  EXPECT_EQ(spec.handoff().returned().commit(), Commit('b'));
}

TEST(AttemptSpecs, KeepToWhatWasSettledWithTheLease) {
  core::Handoff handoff = Returned();
  handoff.attempts[1].from_commit = Commit('a');  // the work came between lease and answer
  EXPECT_EQ(SpecFor(handoff).checkpoint().commit(), Commit('a'));
  EXPECT_EQ(SpecFor(handoff).checkpoint_attempt(), 1);
  handoff.attempts[1].from_attempt = 0;
  handoff.attempts[1].from_commit.clear();
  EXPECT_FALSE(SpecFor(handoff).has_checkpoint());
}

TEST(AttemptSpecs, SayWhenNoAgentIsToBeStarted) {
  core::Handoff handoff = Returned();
  handoff.attempts[1].only_checks = true;
  handoff.attempts[1].session_kind = core::SessionKind::kNone;
  const v1::AttemptSpec spec = SpecFor(handoff);
  EXPECT_TRUE(spec.only_checks());
  EXPECT_EQ(spec.session(), "");
  EXPECT_EQ(spec.checkpoint().commit(), Commit('b'));
}

TEST(Returns, CarryTheWorkAndWhatItMayBeginFrom) {
  core::Handoff handoff = Returned();
  core::Return back = ToCore(Good(), handoff, "ada");
  EXPECT_EQ(back.actor, "ada");
  EXPECT_EQ(back.checkpoint.commit, Commit('b'));
  EXPECT_THAT(back.checkpoint.packs, ElementsAre(std::string(64, 'd')));
  EXPECT_EQ(back.based_on, Commit('a'));
  EXPECT_EQ(back.submitted, Commit('0'));
  EXPECT_EQ(back.message, "I changed the parser");
  v1::HandoffSpec spec;
  ASSERT_TRUE(spec.ParseFromString(handoff.spec));
  spec.mutable_repository()->set_worktree_commit(Commit('1'));
  handoff.spec = CanonicalBytes(spec);
  v1::ReturnRequest bare = Good();
  bare.clear_checkpoint();
  bare.set_message(" \n");
  back = ToCore(bare, handoff, "ada");
  EXPECT_EQ(back.submitted, Commit('1')) << "what was not committed is part of what was submitted";
  EXPECT_EQ(back.checkpoint, core::Checkpoint{});
  EXPECT_EQ(back.message, "");
}

TEST(Records, SayWhoHasItAndWhatWasReturned) {
  core::Handoff handoff = Returned();
  v1::Handoff shown = ToProto(handoff, Detail::kFull);
  EXPECT_EQ(shown.returned_after(), 1);
  handoff.status = core::HandoffStatus::kInteractive;
  handoff.taken_by = "ada";
  handoff.taken_on = "host-a";
  handoff.taken_at = absl::FromUnixSeconds(7);
  handoff.returned = {};  // in the workspace itself
  shown = ToProto(handoff, Detail::kFull);
  EXPECT_EQ(shown.status(), v1::Handoff::INTERACTIVE);
  EXPECT_EQ(shown.taken_by(), "ada");
  EXPECT_EQ(shown.taken_on(), "host-a");
  EXPECT_EQ(shown.taken_at().seconds(), 7);
  EXPECT_FALSE(shown.has_returned());
  EXPECT_EQ(shown.returned_after(), 1);
}

}  // namespace
}  // namespace handoff
