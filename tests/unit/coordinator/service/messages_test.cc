// Messages and questions on their way out to people and workers.
#include <string>

#include "common/rpc/proto_time.h"
#include "coordinator/core/limits.h"
#include "coordinator/service/convert.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

core::Handoff Stored(const std::string& task) {
  v1::HandoffSpec spec;
  spec.set_task(task);
  Normalise(spec);
  core::Handoff handoff = ToCore(spec, "ann", kNow).handoff;
  handoff.id = "20270115-mend";
  handoff.status = core::HandoffStatus::kRunning;
  core::Attempt attempt;
  attempt.number = 1;
  attempt.state = core::AttemptState::kLeased;
  handoff.attempts.push_back(attempt);
  return handoff;
}

TEST(Show, MessagesSayWhereTheyAre) {
  core::Handoff handoff = Stored("mend it");
  handoff.status = core::HandoffStatus::kWaiting;
  handoff.question = "A or B?";
  for (int i = 1; i <= 4; ++i) {
    core::Message message;
    message.number = i;
    message.author = "ann";
    message.text = "text";
    message.sent_at = kNow;
    message.attempt = i < 3 ? 1 : 0;
    message.delivered = i == 1;
    message.dropped = i == 3;
    handoff.messages.push_back(message);
  }
  const v1::Handoff shown = ToProto(handoff, Detail::kFull);
  EXPECT_EQ(shown.question(), "A or B?");
  EXPECT_EQ(shown.pending_messages(), 1);
  ASSERT_EQ(shown.messages_size(), 4);
  EXPECT_EQ(shown.messages(0).state(), v1::Message::DELIVERED);
  EXPECT_EQ(shown.messages(0).attempt(), 1);
  EXPECT_EQ(shown.messages(1).state(), v1::Message::GIVEN);
  EXPECT_EQ(shown.messages(2).state(), v1::Message::DROPPED);
  EXPECT_EQ(shown.messages(3).state(), v1::Message::PENDING);
  EXPECT_EQ(shown.messages(3).author(), "ann");
  EXPECT_EQ(FromProto(shown.messages(3).sent_at()), kNow);
  EXPECT_EQ(ToProto(handoff, Detail::kList).messages_size(), 0);
}

// A task at its bound, an end at its bound and messages at theirs.
TEST(Show, OldMessagesGiveWayAboveTheBoundAndUnreadOnesNever) {
  core::Handoff handoff = Stored(std::string(1 << 20, 't'));
  for (size_t i = 0; i < core::kMaxMessages; ++i) {
    core::Message message;
    message.number = static_cast<int>(i) + 1;
    message.text = std::string(i < 2 ? 250 << 10 : 3500, 'm');
    message.sent_at = kNow;
    message.author = std::string(64, 'a');
    message.delivered = i >= 2;
    message.attempt = i >= 2 ? 1 : 0;
    handoff.messages.push_back(message);
  }
  const v1::Handoff shown = ToProto(handoff, Detail::kFull);
  EXPECT_LT(shown.ByteSizeLong(), 3'500'000u) << "with room for an end";
  EXPECT_EQ(shown.messages(0).text(), handoff.messages[0].text);
  EXPECT_EQ(shown.messages(1).text(), handoff.messages[1].text);
  EXPECT_EQ(shown.messages(999).text(), handoff.messages[999].text) << "the newest";
  EXPECT_LE(shown.messages(2).text().size(), 80u);
}

TEST(Report, AQuestionIsBoundedAndBelongsToTheDecision) {
  v1::ReportRequest request;
  request.mutable_end()->set_question(std::string(100'000, 'q'));
  EXPECT_EQ(ToCore(request).end.question.size(), size_t{16} << 10);
}

TEST(Show, OfASectionOnlyTheLastEditGoesWhole) {
  core::Handoff handoff = Stored("mend it");
  const std::string text(core::kMaxEditBytes / core::kMaxEdits, 'x');
  for (int version = 1; version <= static_cast<int>(core::kMaxEdits); ++version)
    handoff.edits.push_back({version, "Resume Prompt", text, "ada", kNow});
  handoff.edits.push_back({1001, "Latest Summary", "short", "grace", kNow});
  const v1::Handoff shown = ToProto(handoff, Detail::kFull);
  ASSERT_EQ(shown.edits_size(), 1001);
  EXPECT_EQ(shown.edits(999).text(), text);
  EXPECT_EQ(shown.edits(999).author(), "ada");
  EXPECT_EQ(shown.edits(1000).text(), "short");
  EXPECT_LT(shown.edits(0).text().size(), 100u);
  EXPECT_LT(shown.ByteSizeLong(), 512u << 10);
  EXPECT_EQ(ToProto(handoff, Detail::kList).edits_size(), 0);
}

}  // namespace
}  // namespace handoff
