// One Sync outstanding, whatever arrives in whatever order. The client is a fake that keeps each
// call until the test answers it.

#include "worker/sync_loop.h"

#include <memory>
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

  absl::StatusOr<ReportAnswer> Report(const AttemptReport&, std::stop_token) override {
    return absl::UnimplementedError("not of this test");
  }
  std::unique_ptr<LogStream> OpenLog(const AttemptKey&, uint64_t, std::function<void()>) override {
    return nullptr;
  }
  absl::Status GetObject(const std::string&, uint64_t, const Sink&, std::stop_token) override {
    return absl::UnimplementedError("not of this test");
  }
  absl::Status ReadLog(const AttemptKey&, const Sink&, std::stop_token) override {
    return absl::UnimplementedError("not of this test");
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<Call> calls_ ABSL_GUARDED_BY(mutex_);
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
  RealClock clock_;
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

}  // namespace
}  // namespace handoff::worker
