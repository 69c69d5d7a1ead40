// One Sync outstanding, whatever arrives in whatever order. The client is a fake that keeps each
// call until the test answers it.

#include "worker/sync_loop.h"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Done = std::function<void(absl::StatusOr<SyncAnswer>)>;

class HeldClient : public CoordinatorClient {
 public:
  struct Call {
    SyncRequest request;
    Done done;
  };

  std::unique_ptr<SyncCall> Sync(const SyncRequest& request, Done done) override {
    MutexLock lock(mutex_);
    calls_.push_back({request, std::move(done)});
    changed_.NotifyAll();
    return std::make_unique<SyncCall>();
  }
  // Blocks until that call was made; 0 is the first.
  Call Await(size_t number) {
    MutexLock lock(mutex_);
    while (calls_.size() <= number) changed_.Wait(mutex_);
    return calls_[number];
  }

  size_t calls() const {
    MutexLock lock(mutex_);
    return calls_.size();
  }

  absl::StatusOr<ReportAnswer> Report(const AttemptReport&, std::stop_token) override {
    return absl::UnimplementedError("not of this test");
  }
  std::unique_ptr<LogStream> OpenLog(const AttemptKey&, LogKind, uint64_t,
                                     std::function<void()>) override {
    return nullptr;
  }
  absl::Status GetObject(const std::string&, uint64_t, const Sink&, std::stop_token) override {
    return absl::UnimplementedError("not of this test");
  }
  absl::Status PutObject(const std::string&, const std::string&, std::stop_token) override {
    return absl::UnimplementedError("not of this test");
  }
  absl::StatusOr<CheckpointAnswer> SaveCheckpoint(const CheckpointSave&, std::stop_token) override {
    return absl::UnimplementedError("not of this test");
  }
  absl::Status SavePush(const PushSave&, std::stop_token) override {
    return absl::UnimplementedError("not of this test");
  }
  absl::StatusOr<std::string> GetHandoff(const std::string&, std::stop_token) override {
    return absl::UnimplementedError("not of this test");
  }
  absl::StatusOr<bool> SaveSummary(const SummarySave&, std::stop_token) override {
    return absl::UnimplementedError("not of this test");
  }
  absl::Status ReadLog(const AttemptKey&, LogKind, const Sink&, std::stop_token) override {
    return absl::UnimplementedError("not of this test");
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<Call> calls_ ABSL_GUARDED_BY(mutex_);
};

// Real until it is frozen; tells how often somebody looked.
class WatchedClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
  BootTime Boot() const override {
    MutexLock lock(mutex_);
    ++looks_;
    looked_.NotifyAll();
    return frozen_.value_or(RealClock().Boot());
  }
  void Freeze() {
    MutexLock lock(mutex_);
    frozen_ = RealClock().Boot();
  }
  void Advance(absl::Duration d) {
    MutexLock lock(mutex_);
    frozen_ = *frozen_ + d;
  }
  int looks() const {
    MutexLock lock(mutex_);
    return looks_;
  }
  void AwaitLooks(int until) const {
    MutexLock lock(mutex_);
    while (looks_ < until) looked_.Wait(mutex_);
  }

 private:
  mutable Mutex mutex_;
  mutable CondVar looked_;
  mutable int looks_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<BootTime> frozen_ ABSL_GUARDED_BY(mutex_);
};

// For the attempt that the test's worker holds.
DesiredAttempt Desired(bool stop) {
  DesiredAttempt desired;
  desired.key = {"h", 1};
  desired.epoch = 7;
  desired.stop = stop;
  desired.lease = absl::Hours(1);
  return desired;
}

class SyncLoopTest : public ::testing::Test {
 protected:
  ~SyncLoopTest() override { loop_.Stop(); }

  SyncAnswer Answer(uint64_t in_reply_to, uint64_t revision, const std::string& pool = "pool") {
    SyncAnswer answer;
    answer.pool_id = pool;
    answer.term = 1;
    answer.revision = revision;
    answer.in_reply_to = in_reply_to;
    return answer;
  }
  // What the hooks were told; read after the loop has sent the request that follows.
  std::vector<std::string> Told() {
    MutexLock lock(mutex_);
    return told_;
  }
  void Tell(std::string what) {
    MutexLock lock(mutex_);
    told_.push_back(std::move(what));
  }

  HeldClient client_;
  WatchedClock clock_;
  Mutex mutex_;
  std::vector<std::string> told_ ABSL_GUARDED_BY(mutex_);
  absl::Status join_ = absl::OkStatus();
  Holding holding_{{{"h", 1}, {7, Stage::kRunning, false}}};
  SyncLoop loop_{client_,
                 clock_,
                 {"uuid", 3, 9, "", ""},
                 2,
                 {[](SyncRequest& request) { request.name = "host"; }, [this] { return holding_; },
                  [this](const Reconciled& reconciled, const SyncAnswer& answer) {
                    std::string what = absl::StrCat("act ", answer.revision);
                    for (const auto& stop : reconciled.actions.stop)
                      absl::StrAppend(&what, " stop ", stop.key.ToString());
                    for (const auto& renewal : reconciled.actions.renew)
                      absl::StrAppend(&what, " renew ", renewal.key.ToString());
                    Tell(what);
                  },
                  [this](const std::string& pool) {
                    Tell("joined " + pool);
                    return join_;
                  },
                  [this] { Tell("ready"); }}};
};

TEST_F(SyncLoopTest, TheFirstAnswerJoinsActsAndIsSeenByTheNextRequest) {
  loop_.Start();
  const HeldClient::Call first = client_.Await(0);
  EXPECT_EQ(first.request.pool_id, "");
  EXPECT_EQ(first.request.worker_uuid, "uuid");
  EXPECT_EQ(first.request.start, 3u);
  EXPECT_EQ(first.request.nonce, 9u);
  EXPECT_EQ(first.request.seq, 1u);
  EXPECT_EQ(first.request.name, "host");
  first.done(Answer(1, 5));
  const HeldClient::Call second = client_.Await(1);
  EXPECT_THAT(Told(), ElementsAre("joined pool", "act 5", "ready"));
  EXPECT_EQ(second.request.pool_id, "pool");
  EXPECT_EQ(second.request.seq, 2u);
  EXPECT_EQ(second.request.seen_term, 1u);
  EXPECT_EQ(second.request.seen_revision, 5u);
}

TEST_F(SyncLoopTest, AChangeSendsTheNextRequestWhileOneIsHeld) {
  loop_.Start();
  client_.Await(0);
  loop_.Changed(true);
  EXPECT_EQ(client_.Await(1).request.seq, 2u);
}

TEST_F(SyncLoopTest, AnAnswerToACancelledRequestStopsButRenewsNothing) {
  loop_.Start();
  const HeldClient::Call first = client_.Await(0);
  loop_.Changed(true);
  const HeldClient::Call second = client_.Await(1);
  SyncAnswer late = Answer(1, 5);
  late.attempts.push_back(Desired(/*stop=*/true));
  first.done(late);
  SyncAnswer now = Answer(2, 6);
  now.attempts.push_back(Desired(/*stop=*/false));
  second.done(now);
  client_.Await(2);
  EXPECT_THAT(Told(), ElementsAre("joined pool", "act 5 stop h/1", "act 6 renew h/1", "ready"));
}

TEST_F(SyncLoopTest, AnOlderAnswerAfterANewerOneDecidesNothing) {
  loop_.Start();
  client_.Await(0).done(Answer(1, 5));
  SyncAnswer old = Answer(2, 4);
  old.attempts.push_back(Desired(/*stop=*/true));
  client_.Await(1).done(old);
  EXPECT_EQ(client_.Await(2).request.seen_revision, 5u);
  EXPECT_THAT(Told(), ElementsAre("joined pool", "act 5", "ready"));
}

TEST_F(SyncLoopTest, AnotherPoolDecidesNothing) {
  loop_.Start();
  client_.Await(0).done(Answer(1, 5));
  SyncAnswer other = Answer(2, 9, "other");
  other.attempts.push_back(Desired(/*stop=*/true));
  client_.Await(1).done(other);
  EXPECT_EQ(client_.Await(2).request.pool_id, "pool");
  EXPECT_THAT(Told(), ElementsAre("joined pool", "act 5", "ready"));
}

TEST_F(SyncLoopTest, NothingIsDoneForAPoolThatCouldNotBeNoted) {
  join_ = absl::ResourceExhaustedError("disk full");
  loop_.Start();
  client_.Await(0).done(Answer(1, 5));
  EXPECT_EQ(client_.Await(1).request.pool_id, "");
  EXPECT_THAT(Told(), ElementsAre("joined pool"));
}

TEST_F(SyncLoopTest, AfterAnErrorItIsTriedAgain) {
  loop_.Start();
  client_.Await(0).done(absl::UnavailableError("connection refused"));
  const HeldClient::Call second = client_.Await(1);
  EXPECT_EQ(second.request.seq, 2u);
  EXPECT_THAT(Told(), IsEmpty());
  second.done(Answer(2, 1));
  client_.Await(2);
  EXPECT_THAT(Told(), ElementsAre("joined pool", "act 1", "ready"));
}

// A worker whose changes come faster than answers: sooner or later a call is left alone for long
// enough, and its answer renews.
TEST_F(SyncLoopTest, ChangesThatNeverCeaseLetAnAnswerThroughInTheEnd) {
  clock_.Freeze();
  loop_.Start();
  SyncAnswer first = Answer(1, 5);
  first.attempts.push_back(Desired(/*stop=*/false));
  client_.Await(0).done(first);
  client_.Await(1);
  clock_.Advance(absl::Seconds(20));  // without an answer
  for (size_t call = 2; call < 8; ++call) {
    clock_.Advance(absl::Milliseconds(100));
    loop_.Changed(true);
    client_.Await(call);
  }
  const int looks = clock_.looks();
  clock_.Advance(absl::Milliseconds(100));
  loop_.Changed(true);
  clock_.AwaitLooks(looks + 3);
  SyncAnswer answer = Answer(8, 6);
  answer.attempts.push_back(Desired(/*stop=*/false));
  client_.Await(7).done(answer);
  client_.Await(8);
  EXPECT_THAT(Told(), ElementsAre("joined pool", "act 5 renew h/1", "ready", "act 6 renew h/1"));
}

TEST_F(SyncLoopTest, ATalkativeAgentLetsAnAnswerThroughInTheEnd) {
  clock_.Freeze();
  loop_.Start();
  client_.Await(0).done(Answer(1, 5));
  client_.Await(1);
  clock_.Advance(absl::Seconds(20));
  loop_.Changed(false);
  clock_.Advance(absl::Milliseconds(600));
  client_.Await(2);
  const int looks = clock_.looks();
  loop_.Changed(false);
  clock_.Advance(absl::Milliseconds(600));
  clock_.AwaitLooks(looks + 3);
  SyncAnswer answer = Answer(3, 6);
  answer.attempts.push_back(Desired(/*stop=*/false));
  client_.Await(2).done(answer);
  client_.Await(3);
  EXPECT_THAT(Told(), ElementsAre("joined pool", "act 5", "ready", "act 6 renew h/1"));
}

TEST_F(SyncLoopTest, AnEarlierTermIsSaidAndNotOnceMore) {
  std::ostringstream log;
  const auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(log);
  spdlog::default_logger()->sinks().push_back(sink);
  loop_.Start();
  SyncAnswer answer = Answer(1, 5);
  answer.term = 2;
  client_.Await(0).done(answer);
  client_.Await(1).done(Answer(2, 9));
  client_.Await(2).done(Answer(3, 9));
  client_.Await(3);
  loop_.Stop();
  spdlog::default_logger()->sinks().pop_back();
  EXPECT_THAT(Told(), ElementsAre("joined pool", "act 5", "ready"));
  const std::string text = log.str();
  const size_t said = text.find("its records are older (term 1)");
  ASSERT_NE(said, std::string::npos) << text;
  EXPECT_EQ(text.find("its records are older", said + 1), std::string::npos) << text;
}

TEST_F(SyncLoopTest, OneThatIsNotLetInSaysItOnceAndAsksSeldom) {
  std::ostringstream log;
  const auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(log);
  spdlog::default_logger()->sinks().push_back(sink);
  clock_.Freeze();
  loop_.Start();
  const absl::Status denied = absl::UnauthenticatedError("this worker was revoked.");
  // It waits, whatever changes: it looks at the clock each time, and that stands still.
  const auto await_pause = [this] {
    for (const int looks = clock_.looks(); clock_.looks() < looks + 6;) loop_.Changed(true);
  };
  for (size_t call = 0; call < 8; ++call) {
    client_.Await(call).done(denied);
    await_pause();
    if (call == 7) {
      clock_.Advance(absl::Seconds(20));
      await_pause();
      EXPECT_EQ(client_.calls(), call + 1);
    }
    clock_.Advance(absl::Minutes(1));
    loop_.Changed(true);
  }
  client_.Await(8).done(Answer(9, 1));
  client_.Await(9);
  loop_.Stop();
  spdlog::default_logger()->sinks().pop_back();
  EXPECT_THAT(Told(), ElementsAre("joined pool", "act 1", "ready"));
  const std::string text = log.str();
  const size_t said = text.find("does not let this worker in: this worker was revoked. What runs");
  ASSERT_NE(said, std::string::npos) << text;
  EXPECT_EQ(text.find("does not let", said + 1), std::string::npos) << text;
  EXPECT_NE(text.find("answers again", said), std::string::npos) << text;
}

}  // namespace
}  // namespace handoff::worker
