#include "coordinator/store/data_directory.h"

#include <optional>
#include <string>

#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

TEST(DataDirectory, BelongsToOneCoordinatorAtATime) {
  const TempDir dir = *TempDir::Make("data-directory-");
  const std::string path = dir.path() + "/made/for/it";
  std::optional<DataDirectory> first = *DataDirectory::Open(path);
  const absl::Status second = DataDirectory::Open(path).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(second));
  EXPECT_THAT(std::string(second.message()), HasSubstr("another coordinator is using"));
  first.reset();
  EXPECT_TRUE(DataDirectory::Open(path).ok());
}

}  // namespace
}  // namespace handoff
