#include "coordinator/store/data_directory.h"

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>

#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

TEST(DataDirectory, IsNotUsedWhereOthersCanWrite) {
  const TempDir dir = *TempDir::Make("data-directory-");
  const std::string path = dir.path() + "/data";
  for (const mode_t mode : {0770, 0702}) {
    std::filesystem::remove_all(path);
    ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_THAT(std::string(DataDirectory::Open(path).status().message()),
                HasSubstr("can be written by other users"))
        << mode;
    EXPECT_THAT(*ListDirectory(path), IsEmpty());
  }
  ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  EXPECT_TRUE(DataDirectory::Open(path).ok());
}

}  // namespace
}  // namespace handoff
