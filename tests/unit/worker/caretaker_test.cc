#include "worker/caretaker.h"

#include <sys/stat.h>

#include <atomic>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_clock.h"
#include "worker/agent/registry.h"

namespace handoff::worker {
namespace {

class CaretakerTest : public ::testing::Test {
 protected:
  CaretakerTest() { EXPECT_TRUE(data_.Make().ok()); }
  ~CaretakerTest() override { caretaker_.Stop(); }

  // Blocks until that many answers came out since the last call.
  void Await(size_t answers) {
    MutexLock lock(mutex_);
    while (urgent_ < answers) changed_.Wait(mutex_);
    urgent_ -= answers;
  }
  static std::vector<Probe> Probes(int count) {
    std::vector<Probe> probes;
    for (int i = 0; i < count; ++i) probes.push_back({absl::StrCat("repo:", i), ""});
    return probes;
  }
  // A sweep runs at most once an hour, after a probe.
  void Look() {
    caretaker_.Ask(Probes(1));
    Await(1);
    caretaker_.Ask(Probes(1));  // the last look is over when the next one is
    Await(1);
  }

  TempDir dir_ = *TempDir::Make("caretaker-");
  WorkerConfig config_;
  const DataDir data_{dir_.path()};
  FakeClock clock_{absl::Now()};  // the files have times of the real one
  const RepoClient repo_{"/no/such/program"};
  std::atomic<int> probed_ = 0;
  std::atomic<bool> silent_ = false;
  AgentProbes probes_{
      config_, {FindAgent("claude")}, [this](const ProbeSpec&, const ProbeSettings&) {
        ++probed_;
        ProbeOutput output{"/opt/claude", "2\n", 0, silent_, R"({"loggedIn":true})"};
        return std::optional<ProbeOutput>(output);
      }};
  DiskFaults faults_{[] { return uint64_t{1}; }};
  Mutex mutex_;
  CondVar changed_;
  size_t urgent_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<size_t> trash_ ABSL_GUARDED_BY(mutex_);  // how much was left at each answer
  Caretaker caretaker_{{config_, data_, clock_, repo_, probes_, faults_,
                        [](const std::string&, const std::function<void()>& action) {
                          action();
                          return true;
                        },
                        [this](bool urgent) {
                          MutexLock lock(mutex_);
                          if (urgent) trash_.push_back(ListTrash(data_).size());
                          urgent_ += urgent ? 1 : 0;
                          changed_.NotifyAll();
                        }}};
};

TEST_F(CaretakerTest, MoreAnswersThanARequestTakesGoWithSeveral) {
  caretaker_.Start();
  caretaker_.Ask(Probes(300));
  Await(300);
  std::set<std::string> told;
  const std::vector<ProbeResult> first = caretaker_.Results();
  EXPECT_EQ(first.size(), 256u);
  for (const ProbeResult& result : first) told.insert(result.key);
  EXPECT_EQ(caretaker_.Results().size(), 256u) << "nothing goes before it was delivered";
  caretaker_.Delivered(first);
  const std::vector<ProbeResult> second = caretaker_.Results();
  EXPECT_EQ(second.size(), 44u);
  for (const ProbeResult& result : second) told.insert(result.key);
  EXPECT_EQ(told.size(), 300u);
  caretaker_.Delivered(second);
  EXPECT_TRUE(caretaker_.Results().empty());
}

TEST_F(CaretakerTest, TrashGoesPieceByPieceAndHoldsUpNoProbe) {
  for (const char* name : {"/w-a", "/w-b", "/w-c", "/w-d", "/w-e"}) {
    ASSERT_TRUE(MakeDirectories(absl::StrCat(data_.trash(), name, "/deep")).ok());
  }
  caretaker_.EmptyTrashSoon();
  caretaker_.Ask(Probes(4));
  caretaker_.Start();
  Await(4);
  {
    MutexLock lock(mutex_);
    EXPECT_EQ(trash_, (std::vector<size_t>{5, 4, 3, 2}));
  }
  Look();
  EXPECT_TRUE(ListTrash(data_).empty());
}

TEST_F(CaretakerTest, AClockThatWasSetAheadRemovesNoWorkspace) {
  ASSERT_TRUE(MakeDirectories(data_.store("h")).ok());
  caretaker_.Start();
  Look();
  clock_.StepWall(config_.keep_workspaces + absl::Hours(24));
  clock_.Advance(absl::Hours(2));
  Look();
  EXPECT_TRUE(PathExists(data_.workspace("h")));
  clock_.Advance(config_.keep_workspaces);
  Look();
  EXPECT_FALSE(PathExists(data_.workspace("h")));
}

TEST_F(CaretakerTest, AClockThatWasSetBackHoldsUpNoSweep) {
  ASSERT_TRUE(MakeDirectories(data_.trash() + "/old").ok());
  caretaker_.Start();
  Look();
  EXPECT_FALSE(PathExists(data_.trash() + "/old"));
  ASSERT_TRUE(MakeDirectories(data_.trash() + "/new").ok());
  clock_.StepWall(-absl::Hours(24 * 365));
  clock_.Advance(absl::Hours(2));
  Look();
  EXPECT_FALSE(PathExists(data_.trash() + "/new"));
}

TEST_F(CaretakerTest, AProbeWithoutAnAnswerIsMadeAgainSoonAndThenLessOften) {
  silent_ = true;
  caretaker_.Start();
  Look();
  EXPECT_EQ(probed_, 1);
  int probes = 1;
  for (const int seconds : {30, 60, 120, 240}) {
    clock_.Advance(absl::Seconds(seconds - 1));
    Look();
    EXPECT_EQ(probed_, probes) << seconds;
    clock_.Advance(absl::Seconds(1));
    Look();
    EXPECT_EQ(probed_, ++probes) << seconds;
  }
  clock_.Advance(absl::Minutes(10) - absl::Seconds(450));  // all are probed
  Look();
  EXPECT_EQ(probed_, ++probes);
  clock_.Advance(absl::Minutes(10) - absl::Seconds(1));
  Look();
  EXPECT_EQ(probed_, probes) << "never more often than all are";
  clock_.Advance(absl::Seconds(1));
  Look();
  EXPECT_EQ(probed_, ++probes);

  silent_ = false;
  clock_.Advance(absl::Minutes(10));
  Look();
  EXPECT_EQ(probed_, ++probes);
  clock_.Advance(absl::Minutes(10) - absl::Seconds(1));
  Look();
  EXPECT_EQ(probed_, probes) << "an answer ends it";
  silent_ = true;
  clock_.Advance(absl::Seconds(1));
  Look();
  EXPECT_EQ(probed_, ++probes);
  clock_.Advance(absl::Seconds(30));
  Look();
  EXPECT_EQ(probed_, ++probes) << "and the next time it begins anew";
}

}  // namespace
}  // namespace handoff::worker
