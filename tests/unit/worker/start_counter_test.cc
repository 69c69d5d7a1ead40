#include "worker/start_counter.h"

#include <sys/stat.h>

#include <string>

#include "common/file.h"
#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

class StartCounterTest : public ::testing::Test {
 protected:
  std::string path() const { return dir_.path() + "/start"; }
  ino_t Inode() const {
    struct stat info {};
    EXPECT_EQ(::stat(path().c_str(), &info), 0);
    return info.st_ino;
  }
  void Damage(size_t at) const {
    std::string bytes = *ReadFile(path());
    bytes.at(at) = '9';
    ASSERT_TRUE(WriteFileAtomically(path(), bytes).ok());
  }

  TempDir dir_ = *TempDir::Make("start-");
};

TEST_F(StartCounterTest, IsZeroWithoutAFile) { EXPECT_EQ(*ReadStartCounter(path()), 0u); }

TEST_F(StartCounterTest, IsOverwrittenInPlaceAndNeverGrows) {
  ASSERT_TRUE(WriteStartCounter(path(), 1).ok());
  const ino_t inode = Inode();
  const uint64_t size = *FileSize(path());
  for (uint64_t count = 2; count < 12; ++count) {
    ASSERT_TRUE(WriteStartCounter(path(), count).ok());
    EXPECT_EQ(*ReadStartCounter(path()), count);
  }
  EXPECT_EQ(Inode(), inode) << "a new file needs space";
  EXPECT_EQ(*FileSize(path()), size);
}

TEST_F(StartCounterTest, ATornWriteLeavesTheCountBefore) {
  for (uint64_t count : {7, 8}) ASSERT_TRUE(WriteStartCounter(path(), count).ok());
  Damage(0);  // the slot of even counts
  EXPECT_EQ(*ReadStartCounter(path()), 7u);
  ASSERT_TRUE(WriteStartCounter(path(), 8).ok());
  Damage(4096);
  EXPECT_EQ(*ReadStartCounter(path()), 8u);
}

TEST_F(StartCounterTest, AFileThatIsNotWholeIsMadeAnew) {
  ASSERT_TRUE(WriteFileAtomically(path(), "12").ok());
  EXPECT_EQ(*ReadStartCounter(path()), 0u);
  ASSERT_TRUE(WriteStartCounter(path(), 13).ok());
  EXPECT_EQ(*ReadStartCounter(path()), 13u);
}

}  // namespace
}  // namespace handoff::worker
