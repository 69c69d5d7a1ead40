#include "worker/core/reconcile.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

using Verdict = Reconciled::Verdict;

constexpr uint64_t kEpoch = 41;
const absl::Duration kLease = absl::Minutes(30);
const BootTime kSent = BootTime{} + absl::Seconds(100);
const BootTime kNow = kSent + absl::Seconds(1);

DesiredAttempt Wanted(const std::string& id, const std::string& spec = "spec", int number = 1,
                      uint64_t epoch = kEpoch) {
  DesiredAttempt desired;
  desired.key = {id, number};
  desired.epoch = epoch;
  desired.lease = kLease;
  desired.spec = spec;
  return desired;
}

DesiredAttempt Stopped(const std::string& id, uint64_t epoch = kEpoch) {
  DesiredAttempt desired = Wanted(id, "");
  desired.epoch = epoch;
  desired.stop = true;
  desired.stop_reason = "asked for";
  return desired;
}

SyncAnswer Answer(std::vector<DesiredAttempt> attempts, std::vector<AttemptKey> forget = {}) {
  SyncAnswer answer;
  answer.pool_id = "pool";
  answer.term = 3;
  answer.revision = 7;
  answer.in_reply_to = 5;
  answer.attempts = std::move(attempts);
  answer.forget = std::move(forget);
  return answer;
}

// "start a/1; stop b/1; …" in the order start, stop, renew, forget, deferred.
std::string Text(const Reconciled& reconciled) {
  std::vector<std::string> parts;
  for (const auto& a : reconciled.actions.start) parts.push_back("start " + a.key.ToString());
  for (const auto& a : reconciled.actions.stop) parts.push_back("stop " + a.key.ToString());
  for (const auto& a : reconciled.actions.renew) parts.push_back("renew " + a.key.ToString());
  for (const auto& a : reconciled.actions.forget) parts.push_back("forget " + a.ToString());
  for (const auto& a : reconciled.actions.deferred) parts.push_back("defer " + a.ToString());
  return absl::StrJoin(parts, "; ");
}

struct Case {
  std::string rule;
  Holding holding;
  Memory memory;
  SyncAnswer answer;
  Verdict verdict;
  std::string actions;
  uint64_t outstanding = 5;
  int slots = 2;
};

const Memory kMemory{"pool", 3, 7};
const Holding kRunningA{{{"a", 1}, {kEpoch, Stage::kRunning, false}}};

SyncAnswer With(SyncAnswer answer, uint64_t term, uint64_t revision, uint64_t in_reply_to = 5) {
  answer.term = term;
  answer.revision = revision;
  answer.in_reply_to = in_reply_to;
  return answer;
}
SyncAnswer FromPool(SyncAnswer answer, const std::string& pool) {
  answer.pool_id = pool;
  return answer;
}

void Check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const Reconciled reconciled =
        Reconcile(c.holding, c.slots, c.memory, {c.outstanding, kSent}, c.answer, kNow);
    EXPECT_EQ(reconciled.verdict, c.verdict) << c.rule;
    EXPECT_EQ(Text(reconciled), c.actions) << c.rule;
  }
}

TEST(Reconcile, StartsStopsRenewsAndForgets) {
  Check({
      {"the first answer ever joins the pool",
       {},
       {},
       Answer({Wanted("a")}),
       Verdict::kTaken,
       "start a/1; renew a/1"},
      {"an unknown attempt with a spec is started",
       {},
       kMemory,
       Answer({Wanted("a")}),
       Verdict::kTaken,
       "start a/1; renew a/1"},
      {"a known one is renewed", kRunningA, kMemory, Answer({Wanted("a", "")}), Verdict::kTaken,
       "renew a/1"},
      {"a known one with a spec is not started again", kRunningA, kMemory, Answer({Wanted("a")}),
       Verdict::kTaken, "renew a/1"},
      {"absence never stops", kRunningA, kMemory, Answer({}), Verdict::kTaken, ""},
      {"a stop stops, and its lease goes on", kRunningA, kMemory, Answer({Stopped("a")}),
       Verdict::kTaken, "stop a/1; renew a/1"},
      {"a stop for what is not here is nothing",
       {},
       kMemory,
       Answer({Stopped("a")}),
       Verdict::kTaken,
       ""},
      {"another epoch is ignored", kRunningA, kMemory,
       Answer({Wanted("a", "", 1, kEpoch + 1), Stopped("a", kEpoch + 1)}), Verdict::kTaken, ""},
      {"an attempt that ended here since the request has no spec",
       {},
       kMemory,
       Answer({Wanted("a", "")}),
       Verdict::kTaken,
       ""},
      {"a stored end may be forgotten",
       {{{"a", 1}, {kEpoch, Stage::kReporting, false}}},
       kMemory,
       Answer({}, {{"a", 1}, {"b", 1}}),
       Verdict::kTaken,
       "forget a/1"},
      {"what still runs is not forgotten", kRunningA, kMemory, Answer({}, {{"a", 1}}),
       Verdict::kTaken, ""},
  });
}

TEST(Reconcile, SlotsAndWorkspacesAreNeverSharedByTwoAttempts) {
  const Held running{kEpoch, Stage::kRunning, false};
  const Held reporting{kEpoch, Stage::kReporting, false};
  const Held closing{kEpoch, Stage::kReporting, true};
  Check({
      {"no free slot: not started, asked for again",
       {{{"b", 1}, running}, {{"c", 1}, running}},
       kMemory,
       Answer({Wanted("a")}),
       Verdict::kTaken,
       "defer a/1"},
      {"one free slot: the first of two",
       {{{"b", 1}, running}},
       kMemory,
       Answer({Wanted("a"), Wanted("c")}),
       Verdict::kTaken,
       "start a/1; renew a/1; defer c/1"},
      {"a reporting attempt leaves its slot",
       {{{"b", 1}, reporting}, {{"c", 1}, running}},
       kMemory,
       Answer({Wanted("a")}),
       Verdict::kTaken,
       "start a/1; renew a/1"},
      {"the next attempt waits for the last one of its handoff", kRunningA, kMemory,
       Answer({Wanted("a", "spec", 2)}), Verdict::kTaken, "defer a/2"},
      {"and for its last files",
       {{{"a", 1}, closing}},
       kMemory,
       Answer({Wanted("a", "spec", 2)}),
       Verdict::kTaken,
       "defer a/2"},
      {"but not for a report that nobody takes",
       {{{"a", 1}, reporting}},
       kMemory,
       Answer({Wanted("a", "spec", 2)}),
       Verdict::kTaken,
       "start a/2; renew a/2"},
      {"ids that begin alike are not alike",
       {{{"a-2", 1}, running}},
       kMemory,
       Answer({Wanted("a", "spec", 2)}),
       Verdict::kTaken,
       "start a/2; renew a/2"},
  });
}

TEST(Reconcile, OldLateRepeatedAndForeignAnswersDecideNothingWrong) {
  const SyncAnswer all = Answer({Wanted("b"), Wanted("a", ""), Stopped("a")}, {{"c", 1}});
  Holding holding = kRunningA;
  holding[{"c", 1}] = {kEpoch, Stage::kReporting, false};
  Check({
      {"a lower revision is dropped", holding, kMemory, With(all, 3, 6), Verdict::kOld, ""},
      {"a lower term is dropped whatever its revision", holding, kMemory, With(all, 2, 900),
       Verdict::kOld, ""},
      {"the same revision again is taken", holding, kMemory, With(all, 3, 7), Verdict::kTaken,
       "start b/1; stop a/1; renew b/1; renew a/1; renew a/1; forget c/1"},
      {"a higher term counts from a lower revision", holding, kMemory, With(all, 4, 1),
       Verdict::kTaken, "start b/1; stop a/1; renew b/1; renew a/1; renew a/1; forget c/1"},
      {"a late answer stops, and neither starts nor renews", holding, kMemory, With(all, 3, 8, 4),
       Verdict::kLate, "stop a/1; forget c/1"},
      {"an answer when none is outstanding is late", holding, kMemory, With(all, 3, 8, 5),
       Verdict::kLate, "stop a/1; forget c/1", 0},
      {"an answer from the future is late too", holding, kMemory, With(all, 3, 8, 6),
       Verdict::kLate, "stop a/1; forget c/1"},
      {"another pool decides nothing", holding, kMemory, FromPool(With(all, 9, 9), "other"),
       Verdict::kOtherPool, ""},
      {"nor does a coordinator that has forgotten its pool", holding, kMemory,
       FromPool(With(all, 9, 9), ""), Verdict::kOtherPool, ""},
  });
}

TEST(Reconcile, RemembersTheHighestAnswerAndNothingOfARefusedOne) {
  const auto memory = [](const SyncAnswer& answer) {
    return Reconcile({}, 1, kMemory, {5, kSent}, answer, kNow).memory;
  };
  EXPECT_EQ(memory(With(Answer({}), 4, 1)), (Memory{"pool", 4, 1}));
  EXPECT_EQ(memory(With(Answer({}), 3, 9, 2)), (Memory{"pool", 3, 9}));
  EXPECT_EQ(memory(With(Answer({}), 3, 6)), kMemory);
  EXPECT_EQ(memory(FromPool(With(Answer({}), 9, 9), "other")), kMemory);
}

TEST(Reconcile, RefusalNamesBothPoolsAndTheWayOut) {
  const Reconciled reconciled =
      Reconcile({}, 1, kMemory, {5, kSent}, FromPool(Answer({}), "other"), kNow);
  EXPECT_THAT(reconciled.refusal,
              ::testing::AllOf(::testing::HasSubstr("other"), ::testing::HasSubstr("pool"),
                               ::testing::HasSubstr("--data-dir")));
}

TEST(Reconcile, LeaseCountsFromTheSendingOfTheRequest) {
  const Reconciled reconciled =
      Reconcile(kRunningA, 1, kMemory, {5, kSent}, Answer({Wanted("a", "")}), kNow);
  ASSERT_EQ(reconciled.actions.renew.size(), 1u);
  EXPECT_EQ(reconciled.actions.renew[0].deadline, kSent + kLease);
}

TEST(Reconcile, AnAnswerSlowerThanTheLeaseRenewsNothing) {
  const Reconciled reconciled =
      Reconcile(kRunningA, 1, kMemory, {5, kSent}, Answer({Wanted("a", "")}), kSent + kLease);
  EXPECT_TRUE(reconciled.actions.renew.empty());
}

TEST(Reconcile, ASupersededAttemptIsEndedInEveryStageAndNeverRenewed) {
  DesiredAttempt superseded = Stopped("a");
  superseded.stop_as = EndedBy::kSuperseded;
  superseded.lease = absl::ZeroDuration();
  for (const Stage stage : {Stage::kAdopting, Stage::kPreparing, Stage::kRunning, Stage::kSaving}) {
    for (const uint64_t outstanding : {5, 6}) {
      const Reconciled reconciled =
          Reconcile({{{"a", 1}, {kEpoch, stage, false}}}, 2, kMemory, {outstanding, kSent},
                    Answer({superseded}, {{"a", 1}}), kNow);
      EXPECT_EQ(Text(reconciled), "stop a/1") << static_cast<int>(stage) << " " << outstanding;
      ASSERT_EQ(reconciled.actions.stop.size(), 1u);
      EXPECT_EQ(reconciled.actions.stop[0].as, EndedBy::kSuperseded);
    }
  }
}

TEST(Reconcile, StopCarriesReasonAndGrace) {
  SyncAnswer answer = Answer({Stopped("a")});
  answer.attempts[0].stop_as = EndedBy::kSuperseded;
  answer.attempts[0].stop_grace = absl::Seconds(3);
  const Reconciled reconciled = Reconcile(kRunningA, 1, kMemory, {5, kSent}, answer, kNow);
  ASSERT_EQ(reconciled.actions.stop.size(), 1u);
  EXPECT_EQ(reconciled.actions.stop[0].as, EndedBy::kSuperseded);
  EXPECT_EQ(reconciled.actions.stop[0].reason, "asked for");
  EXPECT_EQ(reconciled.actions.stop[0].grace, absl::Seconds(3));
}

}  // namespace
}  // namespace handoff::worker
