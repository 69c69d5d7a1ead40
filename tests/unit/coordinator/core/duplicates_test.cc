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

}  // namespace
}  // namespace handoff::core
