// Handoffs that ask for the same: refused, reused or allowed, as the submitter says.
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

using Duplicates = Submit::Duplicates;

Submit Same(const std::string& id, Duplicates duplicates, const std::string& key = "same work") {
  Submit command;
  command.handoff = Pool::Wanted();
  command.handoff.dedupe_key = key;
  command.wished_id = id;
  command.duplicates = duplicates;
  return command;
}

TEST(Duplicates, ALiveOneIsRefusedByName) {
  Pool pool;
  ASSERT_TRUE(pool.Do(Same("first", Duplicates::kRefuse)).ok());
  const auto second = pool.Do(Same("second", Duplicates::kRefuse));
  EXPECT_TRUE(absl::IsAlreadyExists(second.status())) << second.status();
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("first (queued"));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("--allow-duplicate"));
  EXPECT_THAT(pool.state.handoffs(), SizeIs(1));
}

TEST(Duplicates, ALiveOneIsReused) {
  Pool pool;
  ASSERT_TRUE(pool.Do(Same("first", Duplicates::kRefuse)).ok());
  const auto second = pool.Do(Same("second", Duplicates::kReuse));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->existing);
  EXPECT_EQ(second->handoff.id, "first");
  EXPECT_THAT(pool.state.handoffs(), SizeIs(1));
}

TEST(Duplicates, AnotherKeyOrNoneOrPermissionMakesAnother) {
  Pool pool;
  ASSERT_TRUE(pool.Do(Same("first", Duplicates::kRefuse)).ok());
  EXPECT_TRUE(pool.Do(Same("other", Duplicates::kRefuse, "other work")).ok());
  EXPECT_TRUE(pool.Do(Same("none", Duplicates::kRefuse, "")).ok());
  EXPECT_TRUE(pool.Do(Same("none-2", Duplicates::kRefuse, "")).ok());
  EXPECT_TRUE(pool.Do(Same("allowed", Duplicates::kAllow)).ok());
  EXPECT_THAT(pool.state.handoffs(), SizeIs(5));
}

TEST(Duplicates, AnEndedOneIsInNobodysWayButItsTwinIs) {
  Pool pool;
  ASSERT_TRUE(pool.Do(Same("first", Duplicates::kRefuse)).ok());
  ASSERT_TRUE(pool.Do(Same("twin", Duplicates::kAllow)).ok());
  ASSERT_TRUE(pool.Do(Cancel{"first", "", ""}).ok());
  EXPECT_THAT(std::string(pool.Do(Same("x", Duplicates::kRefuse)).status().message()),
              HasSubstr("twin"));
  ASSERT_TRUE(pool.Do(Cancel{"twin", "", ""}).ok());
  EXPECT_TRUE(pool.Do(Same("x", Duplicates::kRefuse)).ok());
}

TEST(Duplicates, OneThatWaitsForAPersonComesFromTheStore) {
  Pool pool;
  Submit command = Same("second", Duplicates::kRefuse);
  command.same_work = Pool::Wanted();
  command.same_work->id = "first";
  command.same_work->status = HandoffStatus::kWaiting;
  const auto refused = pool.Do(command);
  EXPECT_TRUE(absl::IsAlreadyExists(refused.status()));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("first (waiting"));
  command.duplicates = Duplicates::kReuse;
  const auto reused = pool.Do(command);
  ASSERT_TRUE(reused.ok()) << reused.status();
  EXPECT_EQ(reused->handoff.id, "first");
}

// What somebody may not see must not be found by handing over the same either.
TEST(Duplicates, WhatTheCallerMayNotSeeIsNotTheSameWork) {
  Pool pool;
  Submit hidden = Same("hidden", Duplicates::kAllow);
  hidden.handoff.owner = "bea";
  hidden.handoff.is_private = true;
  ASSERT_TRUE(pool.Do(hidden).ok());

  Submit member = Same("members", Duplicates::kReuse);
  member.sees_private = false;
  const auto made = pool.Do(member);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->handoff.id, "members");
  // That one is seen, behind the one that is not.
  member.duplicates = Duplicates::kRefuse;
  EXPECT_THAT(std::string(pool.Do(member).status().message()), HasSubstr("members (queued"));

  Submit pipeline = Same("pipelines", Duplicates::kReuse);
  pipeline.handoff.owner = "ci/nightly";
  pipeline.sees_others = pipeline.sees_private = false;
  const auto alone = pool.Do(pipeline);
  ASSERT_TRUE(alone.ok()) << alone.status();
  EXPECT_EQ(alone->handoff.id, "pipelines");
  // Its own it finds again.
  EXPECT_EQ(pool.Do(pipeline)->handoff.id, "pipelines");
  Submit admin = Same("admins", Duplicates::kReuse);
  EXPECT_EQ(pool.Do(admin)->handoff.id, "hidden");
}

TEST(Duplicates, WhatWaitsForAPersonAndIsNotSeenIsNotTheSameWork) {
  Pool pool;
  Submit command = Same("second", Duplicates::kReuse);
  command.same_work = Pool::Wanted();
  command.same_work->id = "first";
  command.same_work->owner = "bea";
  command.same_work->status = HandoffStatus::kWaiting;
  command.sees_others = false;
  EXPECT_EQ(pool.Do(command)->handoff.id, "second");
}

}  // namespace
}  // namespace handoff::core
