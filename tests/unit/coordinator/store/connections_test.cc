#include "coordinator/store/connections.h"

#include <future>
#include <utility>

#include "common/file.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using Use = Connections::Use;

class ConnectionsTest : public ::testing::Test {
 protected:
  std::vector<std::unique_ptr<Database>> Open(int count) {
    std::vector<std::unique_ptr<Database>> all;
    for (int i = 0; i < count; ++i) {
      all.push_back(std::make_unique<Database>(
          *Database::Open(dir_.path() + "/db", Database::Access::kWriter)));
    }
    return all;
  }
  TempDir dir_ = *TempDir::Make("connections-");
};

TEST_F(ConnectionsTest, WalksLeaveOneForBriefCalls) {
  Connections connections(Open(2), /*kept=*/1, /*patience=*/absl::ZeroDuration());
  auto walk = connections.Take(Use::kWalk);
  ASSERT_TRUE(walk.ok());
  EXPECT_TRUE(absl::IsResourceExhausted(connections.Take(Use::kWalk).status()));
  auto brief = connections.Take(Use::kBrief);
  ASSERT_TRUE(brief.ok());
  EXPECT_TRUE(absl::IsResourceExhausted(connections.Take(Use::kBrief).status()));
  connections.Return(*std::move(brief));
  EXPECT_TRUE(absl::IsResourceExhausted(connections.Take(Use::kWalk).status()));
  connections.Return(*std::move(walk));
  EXPECT_TRUE(connections.Take(Use::kWalk).ok());
}

TEST_F(ConnectionsTest, WhoWaitsGetsTheOneThatIsReturned) {
  Connections connections(Open(1), /*kept=*/0, /*patience=*/absl::Minutes(1));
  auto first = connections.Take(Use::kWalk);
  ASSERT_TRUE(first.ok());
  auto second =
      std::async(std::launch::async, [&] { return connections.Take(Use::kBrief).status(); });
  connections.Return(*std::move(first));
  EXPECT_TRUE(second.get().ok());
}

}  // namespace
}  // namespace handoff
