#include "worker/shim/log_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/file.h"

namespace handoff {
namespace {

class LogFileTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return absl::StrCat(dir_.path(), "/", name); }
  std::string Read(const std::string& name) const { return ReadFile(Path(name)).value(); }
  UniqueFd Open(const std::string& name) const {
    return OpenFile(Path(name), O_WRONLY | O_CREAT | O_APPEND).value();
  }
  std::vector<IndexRecord> Index(const std::string& name) const {
    const std::string bytes = Read(name);
    std::vector<IndexRecord> records(bytes.size() / sizeof(IndexRecord));
    EXPECT_EQ(bytes.size(), records.size() * sizeof(IndexRecord));
    bytes.copy(reinterpret_cast<char*>(records.data()), bytes.size());
    return records;
  }
  TempDir dir_ = TempDir::Make("log-file-").value();
};

TEST_F(LogFileTest, WritesEveryPieceWithItsRecord) {
  LogFile log = LogFile::Create(dir_.path()).value();
  log.Append(1, {"he", "llo\n"}, {7});
  log.Append(2, {"", "oh\n"}, {8});
  log.Append(2, {"", ""}, {9});
  EXPECT_EQ(Read("log"), "hello\noh\n");
  const std::vector<IndexRecord> records = Index("idx");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].length, 6u);
  EXPECT_EQ(records[0].stream, 1u);
  EXPECT_EQ(records[1].offset, 6u);
  EXPECT_EQ(records[1].stream, 2u);
  EXPECT_EQ(records[1].boottime_ns, 8);
  EXPECT_EQ(log.size(), 9u);
}

TEST_F(LogFileTest, GoesOnAtTheVeryByteWhenTheDiskTakesBytesAgain) {
  // A full device at first; then the same descriptor is a file.
  const int fd = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  LogFile log{GrowingFile(UniqueFd(fd)), GrowingFile(Open("idx"))};
  log.Append(1, {"held ", "fresh\n"}, {1});
  EXPECT_TRUE(log.Stuck());
  EXPECT_EQ(log.size(), 0u);
  log.Retry();
  EXPECT_TRUE(log.Stuck());
  EXPECT_EQ(Read("idx"), "");
  ASSERT_EQ(::dup3(Open("log").get(), fd, O_CLOEXEC), fd);
  log.Retry();
  EXPECT_FALSE(log.Stuck());
  EXPECT_EQ(Read("log"), "held fresh\n");
  EXPECT_EQ(Index("idx").size(), 1u);
  EXPECT_EQ(log.size(), 11u);
}

TEST_F(LogFileTest, FinishesAPieceOfWhichOnlyAPartWasWritten) {
  // A pipe that nobody reads takes a part and then no more.
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  const UniqueFd reading(ends[0]);
  const std::string fresh(300'000, 'f');
  LogFile log{GrowingFile(UniqueFd(ends[1])), GrowingFile(Open("idx"))};
  log.Append(1, {"held", fresh}, {1});
  EXPECT_TRUE(log.Stuck());
  std::string out;
  char buffer[1 << 16];
  while (log.Stuck()) {
    const ssize_t n = ::read(reading.get(), buffer, sizeof(buffer));
    ASSERT_GT(n, 0);
    out.append(buffer, static_cast<size_t>(n));
    log.Retry();
  }
  for (ssize_t n; (n = ::read(reading.get(), buffer, sizeof(buffer))) > 0;) {
    out.append(buffer, static_cast<size_t>(n));
  }
  EXPECT_TRUE(out == "held" + fresh);
  EXPECT_EQ(Index("idx").at(0).length, 300'004u);
}

TEST_F(LogFileTest, AnIndexThatIsStuckIsNotAhead) {
  const int fd = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  LogFile log{GrowingFile(Open("log")), GrowingFile(UniqueFd(fd))};
  log.Append(1, {"", "line\n"}, {1});
  EXPECT_TRUE(log.Stuck());
  EXPECT_EQ(log.size(), 0u);
  ASSERT_EQ(::dup3(Open("idx").get(), fd, O_CLOEXEC), fd);
  log.Retry();
  EXPECT_FALSE(log.Stuck());
  EXPECT_EQ(log.size(), 5u);
  EXPECT_EQ(Index("idx").size(), 1u);
}

TEST_F(LogFileTest, KeepsTheEndOfStderrOnly) {
  LogFile log = LogFile::Create(dir_.path()).value();
  std::string all;
  for (int i = 0; i < 5000; ++i) {
    const std::string line = absl::StrCat("line ", i, "\n");
    all += line;
    log.Append(2, {"", line}, {1});
    log.Append(1, {"", "other\n"}, {1});
  }
  EXPECT_EQ(log.StderrTail(), absl::string_view(all).substr(all.size() - LogFile::kTailBytes));
  const std::string big(3 * LogFile::kTailBytes, 'b');
  log.Append(2, {"begin", big}, {1});
  EXPECT_EQ(log.StderrTail(), absl::string_view(big).substr(2 * LogFile::kTailBytes));
}

}  // namespace
}  // namespace handoff
