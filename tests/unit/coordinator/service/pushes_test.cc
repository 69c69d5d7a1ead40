#include "coordinator/service/pushes.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

core::Report::Reply Ended(bool push, const std::string& url) {
  v1::HandoffSpec spec;
  spec.set_push(push);
  if (!url.empty()) spec.mutable_repository()->set_url(url);
  core::Report::Reply reply;
  reply.current = true;
  reply.handoff.spec = spec.SerializeAsString();
  core::Attempt& attempt = reply.handoff.attempts.emplace_back();
  attempt.number = 1;
  attempt.state = core::AttemptState::kSucceeded;
  attempt.end.emplace().changed = true;
  return reply;
}

TEST(AsksForPush, OnlyWhereTheOwnerDidAndTheEndCounts) {
  const std::string url = "https://example.org/r.git";
  EXPECT_TRUE(AsksForPush(Ended(true, url), 1));
  EXPECT_FALSE(AsksForPush(Ended(false, url), 1));
  EXPECT_FALSE(AsksForPush(Ended(true, ""), 1));
  core::Report::Reply late = Ended(true, url);
  late.current = false;
  EXPECT_FALSE(AsksForPush(late, 1));
  core::Report::Reply pushed = Ended(true, url);
  pushed.handoff.attempts[0].push = "result";
  EXPECT_FALSE(AsksForPush(pushed, 1));
}

v1::SavePushRequest Request() {
  v1::SavePushRequest request;
  request.set_worker_uuid("0123456789abcdef0123456789abcdef");
  request.set_handoff_id("20261120-x");
  request.set_number(1);
  request.set_epoch(7);
  request.mutable_result()->set_state(v1::PushResult::PUSHED);
  request.mutable_result()->set_ref("refs/heads/handoff/20261120-x");
  request.mutable_result()->set_commit(std::string(40, 'a'));
  return request;
}

TEST(SavePush, BecomesACommandWithASentence) {
  ASSERT_TRUE(Validate(Request()).ok()) << Validate(Request());
  core::SavePush save = ToCore(Request());
  EXPECT_EQ(save.handoff_id, "20261120-x");
  EXPECT_EQ(save.epoch, 7u);
  EXPECT_TRUE(save.pushed);
  EXPECT_THAT(save.message, HasSubstr(" to refs/heads/handoff/20261120-x."));
  v1::SavePushRequest refused = Request();
  refused.mutable_result()->set_state(v1::PushResult::REFUSED);
  refused.mutable_result()->set_message("It is theirs.");
  save = ToCore(refused);
  EXPECT_FALSE(save.pushed);
  EXPECT_THAT(save.message, HasSubstr("Nothing was pushed"));
  EXPECT_THAT(save.message, HasSubstr("It is theirs."));
}

TEST(SavePush, IsRefusedWhenItMakesNoSense) {
  for (const auto& spoil : std::initializer_list<void (*)(v1::SavePushRequest&)>{
           [](auto& r) { r.mutable_result()->clear_state(); },
           [](auto& r) { r.clear_worker_uuid(); }, [](auto& r) { r.set_handoff_id("../x"); },
           [](auto& r) { r.set_number(0); },
           [](auto& r) { r.mutable_result()->set_message("a\nb"); },
           [](auto& r) { r.mutable_result()->set_message(std::string(2000, 'x')); },
           [](auto& r) { r.mutable_result()->set_commit(std::string(100, 'a')); }}) {
    v1::SavePushRequest request = Request();
    spoil(request);
    EXPECT_TRUE(absl::IsInvalidArgument(Validate(request))) << request.ShortDebugString();
  }
}

// What only its worker knows the meaning of.
void AddUnknown(google::protobuf::Message& message, size_t bytes) {
  message.GetReflection()->MutableUnknownFields(&message)->AddLengthDelimited(
      99, std::string(bytes, 'x'));
}

TEST(SavePush, WhatWeDoNotKnowIsNotKeptAndMuchOfItIsRefused) {
  v1::SavePushRequest request = Request();
  request.mutable_result()->mutable_at()->set_seconds(7);
  const std::string known = ToCore(request).bytes;
  AddUnknown(*request.mutable_result(), 100);
  AddUnknown(*request.mutable_result()->mutable_at(), 100);
  ASSERT_TRUE(Validate(request).ok()) << Validate(request);
  EXPECT_EQ(ToCore(request).bytes, known);
  AddUnknown(*request.mutable_result(), 4 << 10);
  EXPECT_TRUE(absl::IsInvalidArgument(Validate(request)));
}

}  // namespace
}  // namespace handoff
