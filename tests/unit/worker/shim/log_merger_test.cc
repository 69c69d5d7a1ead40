#include "worker/shim/log_merger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace handoff {
namespace {

std::string Text(const LogMerger::Piece& piece) { return absl::StrCat(piece.held, piece.fresh); }

const std::string kLong(LogMerger::kMostHeld + 1, 'x');

TEST(LogMerger, PassesWholeLinesOnAtOnce) {
  LogMerger merger;
  EXPECT_EQ(Text(merger.Add(1, "one\ntwo\n")), "one\ntwo\n");
  EXPECT_EQ(merger.owner(), 0);
}

TEST(LogMerger, PointsIntoTheInputInsteadOfCopying) {
  LogMerger merger;
  const std::string input = "one\ntwo\nthr";
  const LogMerger::Piece piece = merger.Add(1, input);
  EXPECT_EQ(piece.fresh.data(), input.data());
  EXPECT_EQ(piece.fresh, "one\ntwo\n");
}

TEST(LogMerger, HoldsAnUnfinishedLineUntilItsEnd) {
  LogMerger merger;
  EXPECT_EQ(Text(merger.Add(1, "a\nhel")), "a\n");
  EXPECT_EQ(Text(merger.Add(2, "error\n")), "error\n");
  EXPECT_EQ(Text(merger.Add(1, "lo")), "");
  EXPECT_EQ(Text(merger.Add(1, "\nrest")), "hello\n");
  EXPECT_EQ(Text(merger.Close(1)), "rest");
}

TEST(LogMerger, HoldsALineOfExactlyTheLimit) {
  LogMerger merger;
  EXPECT_EQ(Text(merger.Add(1, absl::string_view(kLong).substr(1))), "");
  EXPECT_TRUE(merger.Accepts(2));
}

TEST(LogMerger, GivesTheLogToALongerLineUntilItsNewline) {
  LogMerger merger;
  EXPECT_EQ(Text(merger.Add(2, "warn")), "");
  EXPECT_EQ(Text(merger.Add(1, kLong)), kLong);
  EXPECT_EQ(merger.owner(), 1);
  EXPECT_FALSE(merger.Accepts(2));
  EXPECT_EQ(Text(merger.Add(1, "more")), "more");
  EXPECT_EQ(Text(merger.Add(1, "end\nnext")), "end\n");
  EXPECT_TRUE(merger.Accepts(2));
  EXPECT_EQ(Text(merger.Add(2, "ing\n")), "warning\n");
  EXPECT_EQ(Text(merger.Close(1)), "next");
}

TEST(LogMerger, CountsWhatIsHeldTowardsTheLimit) {
  LogMerger merger;
  const std::string half(LogMerger::kMostHeld / 2 + 1, 'y');
  EXPECT_EQ(Text(merger.Add(1, half)), "");
  EXPECT_EQ(Text(merger.Add(1, half)), half + half);
  EXPECT_EQ(merger.owner(), 1);
}

TEST(LogMerger, EndOfTheOwnerLetsTheOtherStreamIn) {
  LogMerger merger;
  merger.Add(1, kLong);
  EXPECT_EQ(Text(merger.Close(1)), "");
  EXPECT_TRUE(merger.Accepts(2));
}

TEST(LogMerger, YieldLetsTheOtherStreamIntoTheLine) {
  LogMerger merger;
  merger.Add(1, kLong);
  merger.Yield();
  EXPECT_EQ(Text(merger.Add(2, "error\n")), "error\n");
  EXPECT_EQ(Text(merger.Add(1, "tail\n")), "tail\n");
}

// The rule, as slowly and plainly as it can be said: byte by byte, with everything copied.
class SlowMerger {
 public:
  bool Accepts(int stream) const { return owner_ == 0 || owner_ == stream; }
  std::string Add(int stream, const std::string& bytes) {
    std::string& line = line_[static_cast<size_t>(stream)];
    std::string out;
    for (const char c : bytes) {
      line += c;
      if (c != '\n') continue;
      out += line;
      line.clear();
      owner_ = 0;
    }
    // The limit is looked at when a read is over.
    if (line.size() > LogMerger::kMostHeld) owner_ = stream;
    if (owner_ == stream) out += std::exchange(line, "");
    return out;
  }
  std::string Close(int stream) {
    if (owner_ == stream) owner_ = 0;
    return std::exchange(line_[static_cast<size_t>(stream)], "");
  }
  void Yield() { owner_ = 0; }

 private:
  std::array<std::string, 3> line_;
  int owner_ = 0;
};

std::string RandomRead(std::mt19937& random) {
  const size_t kinds[] = {3, 200, LogMerger::kMostHeld / 3, 2 * LogMerger::kMostHeld};
  std::string bytes(1 + random() % kinds[random() % 4], 'a');
  const size_t newlines = random() % 3;
  for (size_t i = 0; i < newlines; ++i) bytes[random() % bytes.size()] = '\n';
  return bytes;
}

TEST(LogMerger, DoesWhatTheSlowModelDoesForAnyReads) {
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    LogMerger merger;
    SlowMerger slow;
    for (int step = 0; step < 300; ++step) {
      const int stream = 1 + static_cast<int>(random() % 2);
      ASSERT_EQ(merger.Accepts(stream), slow.Accepts(stream));
      const uint32_t act = random() % 50;
      if (act == 0) {
        ASSERT_EQ(Text(merger.Close(stream)), slow.Close(stream));
      } else if (act == 1) {
        merger.Yield();
        slow.Yield();
      } else if (slow.Accepts(stream)) {
        const std::string bytes = RandomRead(random);
        ASSERT_EQ(Text(merger.Add(stream, bytes)), slow.Add(stream, bytes));
      }
    }
    for (const int stream : {1, 2}) EXPECT_EQ(Text(merger.Close(stream)), slow.Close(stream));
  }
}

}  // namespace
}  // namespace handoff
