// What the engine reads of specs for the core, and of which.
#include "tests/unit/coordinator/engine/engine_fixture.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class EngineSpecTest : public EngineFixture {
 protected:
  EngineOptions Options() override {
    EngineOptions options;
    options.summaries_of = [this](const std::string& spec) {
      read_.push_back(spec);
      return core::SummaryPolicy{};
    };
    options.asks_for_push = [](const std::string& spec) { return spec == "spec of pushed"; };
    return options;
  }
  // What became of its push, as its worker says it.
  std::string PushOf(const std::string& text) {
    const core::Sync::Desired run = RunOne("w", text);
    core::Report report = EndOf("w", run);
    report.end.changed = true;
    EXPECT_TRUE(Ask(report).ok());
    core::SavePush save;
    save.sender.worker_uuid = "uuid-w";
    save.handoff_id = run.handoff_id;
    save.number = run.number;
    save.epoch = run.epoch;
    save.bytes = "result";
    EXPECT_TRUE(Ask(save).ok());
    return store_.handoffs().at(run.handoff_id).attempts.at(0).push;
  }
  std::vector<std::string> read_;
};

TEST_F(EngineSpecTest, APushIsKeptOnlyWhereTheSpecAsksForOne) {
  EXPECT_EQ(PushOf("pushed"), "result");
  EXPECT_EQ(PushOf("kept"), "");
}

TEST_F(EngineSpecTest, OfWhatFellSilentOnlyWhatIsTheWorkersIsRead) {
  const core::Sync::Desired mine = RunOne("a", "mine");
  const core::Sync::Desired theirs = RunOne("b", "theirs");
  core::Sync sync = SyncOf("a", 1, {mine, theirs});
  for (core::ReportedAttempt& attempt : sync.attempts) attempt.stalled = true;
  const auto answer = Post(sync);
  engine_->Step();
  EXPECT_THAT(read_, ElementsAre("spec of mine"));
  read_.clear();
  core::Sync again = SyncOf("a", 1, {mine});
  again.attempts[0].stalled = true;
  const auto next = Post(again);
  engine_->Step();
  EXPECT_THAT(read_, IsEmpty()) << "it was silent before";
}

}  // namespace
}  // namespace handoff
