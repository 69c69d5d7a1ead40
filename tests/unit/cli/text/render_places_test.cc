// What a person reads of what is kept for a handoff, and of the place where it runs.
#include "absl/strings/str_cat.h"
#include "cli/text/render.h"
#include "common/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kNow = 1'800'000'000;
View Piped() { return {absl::FromUnixSeconds(kNow), absl::UTCTimeZone(), 0, false}; }

TEST(Stored, IsSaidBesideWhatTheOwnerMayHave) {
  v1::Handoff handoff;
  handoff.set_id("20261101-a");
  handoff.set_owner("ada\x1b[31m");
  handoff.set_owner_stored_limit(uint64_t{107} * 1000 * 1000 * 1000);
  EXPECT_THAT(RenderShow(handoff, Piped()), Not(HasSubstr("Stored")));
  handoff.set_stored_bytes(12'300'000);
  EXPECT_THAT(RenderShow(handoff, Piped()),
              HasSubstr(absl::StrCat("\nStored     ", HumanBytes(12'300'000),
                                     " of logs and objects; all of ada's may fill ",
                                     HumanBytes(uint64_t{107} * 1000 * 1000 * 1000), "\n")));
  handoff.clear_owner_stored_limit();
  EXPECT_THAT(RenderShow(handoff, Piped()), HasSubstr(" of logs and objects\n"));
}

v1::Enclosure Builder() {
  v1::Enclosure enclosure;
  enclosure.set_account("builder\x1b[31m");
  enclosure.set_uid(1001);
  enclosure.set_network("the host's, without a limit");
  enclosure.set_isolation("none but that account");
  return enclosure;
}

constexpr char kBuilder[] =
    "\nRuns as    builder (1001)\n"
    "           network: the host's, without a limit\n"
    "           isolation: none but that account\n";

TEST(Enclosure, IsSaidInTheSameWordsOfAWorkerAndOfWhatRunsThere) {
  v1::Worker worker;
  worker.set_name("a");
  EXPECT_THAT(RenderWorker(worker, Piped()), Not(HasSubstr("Runs as")));
  *worker.mutable_enclosure() = Builder();
  EXPECT_THAT(RenderWorker(worker, Piped()), HasSubstr(kBuilder));
  v1::Handoff handoff;
  handoff.set_id("20261101-a");
  v1::Attempt& attempt = *handoff.add_attempts();
  attempt.set_worker("a");
  EXPECT_THAT(RenderShow(handoff, Piped()), Not(HasSubstr("Runs as")));
  *attempt.mutable_enclosure() = Builder();
  EXPECT_THAT(RenderShow(handoff, Piped()), HasSubstr(kBuilder));
}

TEST(Enclosure, OfRootSaysWhatThatMeans) {
  v1::Worker worker;
  worker.mutable_enclosure()->set_account("root");
  EXPECT_THAT(RenderWorker(worker, Piped()),
              HasSubstr("Runs as    root (0): agents may do anything on that host\n"));
  worker.mutable_enclosure()->clear_account();
  EXPECT_THAT(RenderWorker(worker, Piped()), HasSubstr("Runs as    uid 0: agents may"));
}

TEST(Access, SaysUntilWhenItIsGoodAndWhatStandsInItsWay) {
  v1::Worker worker;
  EXPECT_THAT(RenderWorker(worker, Piped()),
              AllOf(Not(HasSubstr("Certified")), Not(HasSubstr("Clock"))))
      << "an older coordinator does not say";
  worker.mutable_certificate_not_after()->set_seconds(kNow + 20 * 3600);
  worker.mutable_certificate_issued_at()->set_seconds(kNow - 4 * 3600);
  worker.mutable_clock_ahead()->set_seconds(-30);
  EXPECT_THAT(RenderWorker(worker, Piped()),
              HasSubstr("\nCertified  until 2027-01-16 04:00 (in 20 h), issued 4 h ago\n"
                        "Clock      agrees with the coordinator's\n"));
  worker.mutable_certificate_not_after()->set_seconds(kNow - 60);
  worker.set_renewal_problem("nobody\x1b[31m answered");
  worker.mutable_clock_ahead()->set_seconds(600);
  EXPECT_THAT(RenderWorker(worker, Piped()),
              HasSubstr("\nCertified  until 2027-01-15 07:59 (60 s ago), issued 4 h ago\n"
                        "           could not be renewed: nobody answered\n"
                        "Clock      10 min ahead of the coordinator's\n"));
}

TEST(Workers, AreListedWithWhoHasTheSlotsAndAsWhomAgentsRun) {
  v1::ListWorkersResponse workers;
  v1::Worker& worker = *workers.add_workers();
  worker.set_name("a");
  worker.set_reachable(true);
  worker.set_slots(2);
  worker.set_slots_used(1);
  worker.set_owner("ada");
  *worker.mutable_enclosure() = Builder();
  v1::Worker::Slot& slot = *worker.add_held();
  slot.set_attempt("20261101-a/1");
  slot.set_owner("ada");
  slot.set_agent("cursor");
  slot.set_account("team");
  EXPECT_EQ(RenderWorkers(workers, Piped()),
            "WORKER  STATE  SLOTS  HELD BY  TAKES        RUNS AS\n"
            "a       busy     1/2  ada 1    work of ada  builder (1001)\n");
  EXPECT_THAT(RenderWorker(worker, Piped()),
              HasSubstr("\n           20261101-a/1 of ada, cursor as team\n"));
}

}  // namespace
}  // namespace handoff
