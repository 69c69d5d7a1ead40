// The lease: freeze at its end, thaw when renewed, and what follows when it is not.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>

#include <atomic>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/integration/shim/isolation_param.h"
#include "tests/integration/shim/shim_attempt.h"
#include "worker/shim/cgroup.h"

namespace handoff {
namespace {

// A counter that the scripted agent "spin" counts up as long as it runs.
class Counter {
 public:
  explicit Counter(const std::string& path) {
    EXPECT_TRUE(WriteFileAtomically(path, std::string(8, '\0')).ok());
    fd_ = OpenFile(path, O_RDWR).value();
    memory_ = ::mmap(nullptr, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    EXPECT_NE(memory_, MAP_FAILED);
  }
  ~Counter() { ::munmap(memory_, 8); }
  uint64_t Value() const { return static_cast<std::atomic<uint64_t>*>(memory_)->load(); }
  bool Moves() const {
    const uint64_t before = Value();
    return Eventually([&] { return Value() != before; });
  }
  // Looked at for far longer than one step takes.
  bool Rests() const {
    const uint64_t before = Value();
    for (int i = 0; i < 10'000'000; ++i) {
      if (Value() != before) return false;
    }
    return true;
  }

 private:
  UniqueFd fd_;
  void* memory_ = nullptr;
};

class ShimLease : public IsolationTest {
 protected:
  // Every process of the attempt stands still.
  static bool AllFrozen(const ShimAttempt& attempt) {
    const std::string cgroup = attempt.Started().cgroup;
    if (!cgroup.empty()) return Cgroup(cgroup).IsFrozen();
    for (const ProcessInfo& p : attempt.Processes()) {
      if (!p.stopped()) return false;
    }
    return true;
  }
};
INSTANTIATE_ISOLATION(ShimLease);

TEST_P(ShimLease, TheTreeFreezesByItselfAtTheEndOfTheLease) {
  ShimAttempt attempt(GetParam(), {});
  const Counter counter(attempt.Path("counter"));
  attempt.spec.argv = ShimAttempt::Agent({"spin", attempt.Path("counter")});
  attempt.Launch();
  attempt.WaitForLog("spinning\n");
  EXPECT_TRUE(counter.Moves());
  ASSERT_TRUE(attempt.client->Renew(attempt.Now() + absl::Milliseconds(30)).ok());
  attempt.WaitForState("frozen");
  EXPECT_TRUE(counter.Rests());
  EXPECT_TRUE(AllFrozen(attempt));
}

TEST_P(ShimLease, ARenewalThawsAgainAndAgain) {
  ShimAttempt attempt(GetParam(), {});
  const Counter counter(attempt.Path("counter"));
  attempt.spec.argv = ShimAttempt::Agent({"spin", attempt.Path("counter")});
  attempt.Launch();
  attempt.WaitForLog("spinning\n");
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(attempt.client->Renew(attempt.Now()).ok());
    attempt.WaitForState("frozen");
    EXPECT_TRUE(counter.Rests());
    ASSERT_TRUE(attempt.client->Renew(attempt.Now() + absl::Hours(1)).ok());
    attempt.WaitForState("running");
    EXPECT_TRUE(counter.Moves());
  }
}

TEST_P(ShimLease, FreezesGrandchildrenInSessionsOfTheirOwn) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Agent({"stubborn", "6", "MARK"}));
  attempt.Launch();
  attempt.WaitForLog("hold\n", 13);
  ASSERT_TRUE(attempt.client->Renew(attempt.Now()).ok());
  attempt.WaitForState("frozen");
  EXPECT_EQ(attempt.Processes().size(), 13u);
  EXPECT_TRUE(AllFrozen(attempt));
}

TEST_P(ShimLease, AFrozenTreeThatIsNotRenewedEndsAsOrphaned) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Agent({"stubborn", "2", "MARK"}));
  attempt.spec.orphan_timeout_ns = 1'000'000;
  attempt.Launch();
  attempt.WaitForLog("hold\n", 5);
  ASSERT_TRUE(attempt.client->Renew(attempt.Now()).ok());
  const ShimExit exit = attempt.WaitForExit();
  EXPECT_EQ(exit.ended_by, EndedBy::kOrphaned);
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_TRUE(attempt.Processes().empty());
  EXPECT_FALSE(attempt.CgroupExists());
}

TEST_P(ShimLease, StopEndsAFrozenTreeThatNeverRunsAgain) {
  ShimAttempt attempt(GetParam(), {});
  const Counter counter(attempt.Path("counter"));
  attempt.spec.argv = ShimAttempt::Agent({"spin", attempt.Path("counter")});
  attempt.Launch();
  attempt.WaitForLog("spinning\n");
  ASSERT_TRUE(attempt.client->Renew(attempt.Now()).ok());
  attempt.WaitForState("frozen");
  const uint64_t before = counter.Value();
  ASSERT_TRUE(attempt.client->Stop(EndedBy::kSuperseded, "superseded", absl::Hours(1)).ok());
  const ShimExit exit = attempt.WaitForExit();
  EXPECT_EQ(exit.ended_by, EndedBy::kSuperseded);
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_EQ(counter.Value(), before);
}

TEST_P(ShimLease, NothingIsStartedAfterTheLease) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("echo ran"));
  attempt.spec.lease_deadline_ns = attempt.Now().ns;
  attempt.Launch();
  EXPECT_TRUE(absl::StrContains(attempt.WaitForExit().spawn_error, "lease"));
  EXPECT_EQ(attempt.Log(), "");
}

TEST_P(ShimLease, ThawLeavesStoppedWhatTheAgentHadStopped) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("sleep 1000 & kill -STOP $!; echo $!; wait"));
  attempt.Launch();
  attempt.WaitForLog("\n");
  const pid_t sleeper = static_cast<pid_t>(std::stoi(attempt.Log()));
  EXPECT_TRUE(Eventually([&] { return ReadProcess(sleeper)->stopped(); }));
  ASSERT_TRUE(attempt.client->Renew(attempt.Now()).ok());
  attempt.WaitForState("frozen");
  ASSERT_TRUE(attempt.client->Renew(attempt.Now() + absl::Hours(1)).ok());
  attempt.WaitForState("running");
  EXPECT_TRUE(ReadProcess(sleeper)->stopped());
}

TEST_P(ShimLease, WithoutTheDaemonTheShimFreezesAndANewDaemonThaws) {
  ShimAttempt attempt(GetParam(), {});
  const Counter counter(attempt.Path("counter"));
  attempt.spec.argv = ShimAttempt::Agent({"spin", attempt.Path("counter")});
  attempt.Launch();
  attempt.WaitForLog("spinning\n");
  ASSERT_TRUE(attempt.client->Renew(attempt.Now() + absl::Milliseconds(20)).ok());
  attempt.client.reset();
  EXPECT_TRUE(Eventually([&] { return AllFrozen(attempt); }));
  attempt.Adopt();
  attempt.WaitForState("frozen");
  EXPECT_TRUE(counter.Rests());
  ASSERT_TRUE(attempt.client->Renew(attempt.Now() + absl::Hours(1)).ok());
  attempt.WaitForState("running");
  EXPECT_TRUE(counter.Moves());
}

}  // namespace
}  // namespace handoff
