#include "cli/text/log_part.h"

#include "gtest/gtest.h"

namespace handoff {
namespace {

TEST(LogPart, SaysInOneLineWhatCanBeReadBack) {
  const LogPart part{2, 100, 4096, 9000};
  EXPECT_EQ(RenderLogPart(part), "attempt 2: bytes 100 to 4096 of 9000; --from 4096 goes on");
  EXPECT_EQ(ParseLogPart(RenderLogPart(part)), part);
  const LogPart last{1, 0, 9, 9};
  EXPECT_EQ(RenderLogPart(last), "attempt 1: bytes 0 to 9 of 9, its present end");
  EXPECT_EQ(ParseLogPart(RenderLogPart(last)), last);
  for (const char* other : {"", "attempt 1", "attempt x: bytes 0 to 1 of 2", "handoff: attempt 2",
                            "attempt 1: bytes 0 to 1 of", "attempt 1 has not started"}) {
    EXPECT_FALSE(ParseLogPart(other).has_value()) << other;
  }
}

TEST(LogPart, IsWholeLinesOrOneLongOne) {
  EXPECT_EQ(PartOf("one\ntwo\nthree", 9, false, false), 8u);
  EXPECT_EQ(PartOf("one\ntwo\n", 8, false, false), 8u);
  // A line longer than the part is not cut in two.
  EXPECT_EQ(PartOf("a long line\nnext\n", 4, false, false), 12u);
  EXPECT_EQ(PartOf("a long line", 4, false, false), 11u);
  // The rest of a line that is being written comes later, and at the end there is none.
  EXPECT_EQ(PartOf("half", 9, false, false), 0u);
  EXPECT_EQ(PartOf("half", 9, true, false), 4u);
  EXPECT_EQ(PartOf("one\nhalf", 9, true, false), 8u);
  EXPECT_EQ(PartOf("one\nhalf", 9, false, false), 4u);
  EXPECT_EQ(PartOf("exact bytes\n", 5, false, true), 5u);
  EXPECT_EQ(PartOf("", 5, true, false), 0u);
}

TEST(LogPart, IsReadUntilThereIsEnoughOfIt) {
  EXPECT_FALSE(HasPart("one\n", 5, false));
  EXPECT_TRUE(HasPart("one\ntwo", 5, false));
  EXPECT_FALSE(HasPart("a long line", 5, false));
  EXPECT_TRUE(HasPart("a long line", 5, true));
  EXPECT_TRUE(HasPart(std::string(kMostPartLine, 'x'), 5, false));
}

}  // namespace
}  // namespace handoff
