// Lines out of the log of record, from an attempt directory that this test writes as a shim does.

#include "worker/log_tail.h"

#include <fcntl.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint32_t kOut = 1;
constexpr uint32_t kErr = 2;

class LogTailTest : public ::testing::Test {
 protected:
  void Append(const std::string& file, absl::string_view bytes) {
    const auto fd = OpenFile(absl::StrCat(dir_.path(), "/", file), O_WRONLY | O_CREAT | O_APPEND);
    ASSERT_TRUE(fd.ok());
    ASSERT_TRUE(WriteAll(fd->get(), bytes).ok());
  }
  static std::string Bytes(const IndexRecord& record) {
    return std::string(reinterpret_cast<const char*>(&record), sizeof(record));
  }
  IndexRecord Record(absl::string_view text, uint32_t stream) {
    const IndexRecord record{size_, static_cast<uint32_t>(text.size()), stream, ++at_};
    size_ += text.size();
    return record;
  }
  void Chunk(absl::string_view text, uint32_t stream = kOut) {
    Append("log", text);
    Append("idx", Bytes(Record(text, stream)));
  }
  bool Read(uint64_t budget = 8 << 20) {
    const auto more = tail_.Read(OnLine(), budget);
    EXPECT_TRUE(more.ok()) << more.status();
    return more.ok() && *more;
  }
  LogTail::OnLine OnLine() {
    return [this](absl::string_view line, BootTime at) {
      lines_.emplace_back(line);
      times_.push_back(at.ns);
    };
  }

  TempDir dir_ = *TempDir::Make("log-tail-");
  LogTail tail_{dir_.path()};
  std::vector<std::string> lines_;
  std::vector<int64_t> times_;
  uint64_t size_ = 0;
  int64_t at_ = 0;
};

TEST_F(LogTailTest, NoFilesYetIsNoError) {
  EXPECT_FALSE(Read());
  Chunk("a\n");
  EXPECT_FALSE(Read());
  EXPECT_THAT(lines_, ElementsAre("a"));
}

TEST_F(LogTailTest, OnlyStdoutIsHandedOut) {
  Chunk("one\n");
  Chunk("an error\n", kErr);
  Chunk("two\nthree\n");
  Read();
  EXPECT_THAT(lines_, ElementsAre("one", "two", "three"));
}

TEST_F(LogTailTest, ALineInPiecesIsOneWithTheTimeOfItsLastPiece) {
  Chunk("be");
  Read();
  Chunk("gin");
  Read();
  EXPECT_THAT(lines_, IsEmpty());
  Chunk("ning\n\nnext\n");
  Read();
  EXPECT_THAT(lines_, ElementsAre("beginning", "", "next"));
  EXPECT_THAT(times_, ElementsAre(3, 3, 3));
}

TEST_F(LogTailTest, HalfARecordIsWaitedFor) {
  Append("log", "a\n");
  const std::string record = Bytes(Record("a\n", kOut));
  Append("idx", record.substr(0, 10));
  Read();
  EXPECT_THAT(lines_, IsEmpty());
  Append("idx", record.substr(10));
  Read();
  EXPECT_THAT(lines_, ElementsAre("a"));
}

TEST_F(LogTailTest, AnIndexAheadOfTheLogIsWaitedFor) {
  Append("log", "ab");
  Append("idx", Bytes(Record("abc\n", kOut)));
  Read();
  EXPECT_THAT(lines_, IsEmpty());
  Append("log", "c\n");
  Read();
  EXPECT_THAT(lines_, ElementsAre("abc"));
}

TEST_F(LogTailTest, ABudgetIsKeptAndTheRestFollows) {
  Chunk("0123456789\nabc\n");
  EXPECT_TRUE(Read(5));
  EXPECT_THAT(lines_, IsEmpty());
  EXPECT_FALSE(Read());
  EXPECT_THAT(lines_, ElementsAre("0123456789", "abc"));
}

TEST_F(LogTailTest, ALastLineWithoutNewlineComesAtTheEndOnce) {
  Chunk("whole\nrest");
  Read();
  tail_.Finish(OnLine());
  tail_.Finish(OnLine());
  EXPECT_THAT(lines_, ElementsAre("whole", "rest"));
}

TEST_F(LogTailTest, ALineOfMoreThan64MiBIsCutOnceAndTheNextOneIsWhole) {
  const std::string block(16 << 20, 'x');
  for (int i = 0; i < 5; ++i) Chunk(block);
  Chunk("end\nnext\n");
  while (Read()) {
  }
  ASSERT_EQ(lines_.size(), 2u);
  EXPECT_EQ(lines_[0].size(), kMaxLineBytes);
  EXPECT_EQ(lines_[1], "next");
}

}  // namespace
}  // namespace handoff::worker
