// The notifier against a store in memory and real commands.
#include "coordinator/notifier.h"

#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FakeReader final : public Reader {
 public:
  absl::StatusOr<ListPage> List(const ListFilter&) override { return ListPage{}; }
  absl::StatusOr<core::Handoff> Get(const std::string& id) override {
    MutexLock lock(mutex_);
    const auto found = handoffs_.find(id);
    if (found == handoffs_.end()) return absl::NotFoundError("no such handoff");
    return found->second;
  }
  absl::StatusOr<std::string> Resolve(const std::string& part, IdRule, const Eyes&) override {
    return part;
  }
  absl::StatusOr<std::vector<core::Event>> Events(uint64_t after, const std::string&, int limit,
                                                  const Eyes&) override {
    MutexLock lock(mutex_);
    std::vector<core::Event> events;
    for (const core::Event& event : events_) {
      if (event.revision > after && static_cast<int>(events.size()) < limit)
        events.push_back(event);
    }
    return events;
  }
  absl::StatusOr<uint64_t> LastRevision() override {
    MutexLock lock(mutex_);
    return events_.size();
  }
  absl::StatusOr<std::string> PoolId() override { return std::string("pool"); }
  absl::StatusOr<bool> NeedsObject(const std::string&) override { return false; }
  absl::StatusOr<bool> WasPurged(const std::string&, const Eyes&) override { return false; }
  absl::StatusOr<std::vector<std::string>> EndedBefore(absl::Time, int) override {
    return std::vector<std::string>{};
  }

  void Happens(const std::string& id, const std::string& kind, absl::Time at,
               const std::string& key = "mail", bool is_private = false) {
    MutexLock lock(mutex_);
    core::Handoff& handoff = handoffs_[id];
    handoff.id = id;
    handoff.notify = {key};
    handoff.is_private = is_private;
    handoff.owner = "ann";
    handoff.task_line = "say swordfish";
    handoff.reason = "It said swordfish.";
    core::Event event;
    event.revision = events_.size() + 1;
    event.at = at;
    event.handoff_id = id;
    event.kind = kind;
    event.message = handoff.reason;
    events_.push_back(event);
  }

 private:
  Mutex mutex_;
  std::map<std::string, core::Handoff> handoffs_ ABSL_GUARDED_BY(mutex_);
  std::vector<core::Event> events_ ABSL_GUARDED_BY(mutex_);
};

class NotifierTest : public testing::Test {
 protected:
  NotifierTest() : dir_(*TempDir::Make("notifier-")) {}

  NotifierOptions Options(const std::string& script) {
    NotifierOptions options;
    options.key = "mail";
    options.command = {"/bin/sh", "-c", script};
    options.cursor = Path("cursor");
    options.backoff = {absl::Milliseconds(1), absl::Milliseconds(1)};
    return options;
  }
  std::string Path(const std::string& name) { return absl::StrCat(dir_.path(), "/", name); }
  std::string Record() { return absl::StrCat("cat >> ", Path("told"), "; "); }
  std::vector<std::string> Told() {
    return absl::StrSplit(ReadFile(Path("told"), 1 << 20).value_or(""), '\n', absl::SkipEmpty());
  }
  uint64_t Cursor() {
    uint64_t revision = 0;
    const auto text = ReadFile(Path("cursor"), 64);
    return text.ok() && absl::SimpleAtoi(*text, &revision) ? revision : 0;
  }
  void AwaitCursor(uint64_t revision) {
    while (Cursor() < revision) std::this_thread::yield();
  }

  TempDir dir_;
  FakeReader reader_;
  RealClock clock_;
};

TEST_F(NotifierTest, TellsWhatNeedsAPersonAndNothingElse) {
  Notifier notifier(Options(Record()), reader_, clock_);
  for (const char* kind : {"submitted", "leased", "waiting", "ended"})
    reader_.Happens("20260101-a", kind, clock_.Now());
  reader_.Happens("20260101-b", "ended", clock_.Now(), "other");
  notifier.Committed();
  AwaitCursor(5);
  const auto told = Told();
  ASSERT_THAT(told, testing::SizeIs(2));
  EXPECT_THAT(told[0], HasSubstr("\"kind\":\"waiting\""));
  EXPECT_THAT(told[0], HasSubstr("\"id\":\"20260101-a\""));
  EXPECT_THAT(told[1], HasSubstr("\"kind\":\"ended\""));
}

TEST_F(NotifierTest, OfWhatIsPrivateItTellsThatSomethingHappenedAndNotWhat) {
  Notifier notifier(Options(Record()), reader_, clock_);
  reader_.Happens("20260101-a", "ended", clock_.Now());
  reader_.Happens("20260101-private-12", "ended", clock_.Now(), "mail", /*is_private=*/true);
  notifier.Committed();
  AwaitCursor(2);
  const auto told = Told();
  ASSERT_THAT(told, testing::SizeIs(2));
  EXPECT_THAT(told[0], HasSubstr("swordfish"));
  EXPECT_THAT(told[1], testing::Not(HasSubstr("swordfish")));
  EXPECT_THAT(told[1], HasSubstr("\"id\":\"20260101-private-12\""));
  EXPECT_THAT(told[1], HasSubstr("\"owner\":\"ann\""));
  EXPECT_THAT(told[1], HasSubstr("\"kind\":\"ended\""));
}

TEST_F(NotifierTest, TriesAgainAndThenGoesOn) {
  // Fails twice for the first event, and always for the second.
  const std::string script =
      absl::StrCat("line=$(cat); echo x >> ", Path("calls"), "; n=$(wc -l < ", Path("calls"),
                   "); case $n in 1|2|4|5|6) exit 1;; esac; echo \"$line\" >> ", Path("told"));
  Notifier notifier(Options(script), reader_, clock_);
  for (const char* id : {"first", "second", "third"}) reader_.Happens(id, "ended", clock_.Now());
  notifier.Committed();
  AwaitCursor(3);
  const auto told = Told();
  ASSERT_THAT(told, testing::SizeIs(2));
  EXPECT_THAT(told[0], HasSubstr("\"id\":\"first\""));
  EXPECT_THAT(told[1], HasSubstr("\"id\":\"third\""));
}

TEST_F(NotifierTest, GoesOnWhereItEndedAndNotBeforeItWasConfigured) {
  reader_.Happens("before", "ended", clock_.Now());
  {
    Notifier notifier(Options(Record()), reader_, clock_);
    reader_.Happens("during", "ended", clock_.Now());
    notifier.Committed();
    AwaitCursor(2);
  }
  reader_.Happens("away", "ended", clock_.Now());
  Notifier notifier(Options(Record()), reader_, clock_);
  AwaitCursor(3);
  const auto told = Told();
  ASSERT_THAT(told, testing::SizeIs(2));
  EXPECT_THAT(told[0], HasSubstr("\"id\":\"during\""));
  EXPECT_THAT(told[1], HasSubstr("\"id\":\"away\""));
}

TEST_F(NotifierTest, WhatIsOldIsNotToldAnyMore) {
  Notifier notifier(Options(Record()), reader_, clock_);
  reader_.Happens("old", "ended", clock_.Now() - absl::Hours(2));
  reader_.Happens("new", "ended", clock_.Now());
  notifier.Committed();
  AwaitCursor(2);
  const auto told = Told();
  ASSERT_THAT(told, testing::SizeIs(1));
  EXPECT_THAT(told[0], HasSubstr("\"id\":\"new\""));
}

TEST_F(NotifierTest, ACommandUnderWayDoesNotKeepTheCoordinatorFromStopping) {
  auto notifier = std::make_unique<Notifier>(
      Options(absl::StrCat("touch ", Path("begun"), "; sleep 1000")), reader_, clock_);
  reader_.Happens("h", "ended", clock_.Now());
  notifier->Committed();
  while (!PathExists(Path("begun"))) std::this_thread::yield();
  notifier.reset();
  EXPECT_EQ(Cursor(), 0u);  // it is told at the next start
}

}  // namespace
}  // namespace handoff
