#include "cli/text/table.h"

#include "cli/text/fields.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

TEST(DisplayWidth, CountsColumnsNotBytes) {
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("+1 −2"), 5);
  EXPECT_EQ(DisplayWidth("漢字"), 4);
  EXPECT_EQ(DisplayWidth("e\xcc\x81"), 1);  // e with a combining accent
  EXPECT_EQ(DisplayWidth("🙂"), 2);
}

TEST(FitTo, CutsAtACharacterWithAnEllipsis) {
  EXPECT_EQ(FitTo("abcdef", 6), "abcdef");
  EXPECT_EQ(FitTo("abcdef", 4), "abc…");
  EXPECT_EQ(FitTo("漢字漢字", 5), "漢字…");
  EXPECT_EQ(FitTo("漢字漢字", 4), "漢…");
  EXPECT_EQ(FitTo("abc", 0), "");
}

TEST(FitMiddle, KeepsBothEnds) {
  EXPECT_EQ(FitMiddle("20261120-fix-the-benchmark-2", 18), "20261120-fi…mark-2");
  EXPECT_EQ(FitMiddle("short", 18), "short");
  EXPECT_EQ(FitMiddle("abcdefgh", 4), "abc…");
  EXPECT_EQ(FitMiddle("漢字漢字漢字漢字", 9), "漢字漢字…");
}

const std::vector<Column> kColumns = {
    {"ID", 4}, {"OWNER", 5, 1}, {"N", 0, 0, true}, {"REASON", 6, 2}};
const std::vector<std::vector<Cell>> kRows = {
    {{"first-id"}, {"alice"}, {"1"}, {"it is waiting for a host"}},
    {{"second-id"}, {"bob"}, {"12"}, {"no reason"}}};

TEST(RenderTable, PlainWhenPipedNothingIsCut) {
  EXPECT_EQ(RenderTable(kColumns, kRows, 0, false),
            "ID         OWNER   N  REASON\n"
            "first-id   alice   1  it is waiting for a host\n"
            "second-id  bob    12  no reason\n");
}

TEST(RenderTable, CutsFromTheRightFirst) {
  EXPECT_EQ(RenderTable(kColumns, kRows, 36, false),
            "ID         OWNER   N  REASON\n"
            "first-id   alice   1  it is waiting…\n"
            "second-id  bob    12  no reason\n");
}

TEST(RenderTable, DropsTheLeastWantedWhenCuttingIsNotEnough) {
  EXPECT_EQ(RenderTable(kColumns, kRows, 20, false),
            "ID         N  REASON\n"
            "first-id   1  it is…\n"
            "second-…  12  no re…\n");
}

TEST(RenderTable, NoLineIsWiderThanTheTerminal) {
  for (int width = 16; width < 80; ++width) {
    const std::string table = RenderTable(kColumns, kRows, width, false);
    for (size_t at = 0; at < table.size();) {
      const size_t end = table.find('\n', at);
      EXPECT_LE(DisplayWidth(absl::string_view(table).substr(at, end - at)), width) << table;
      at = end + 1;
    }
  }
}

TEST(RenderTable, CutsBelowTheLeastWhenNothingIsLeftToDrop) {
  EXPECT_EQ(RenderTable({{"ID", 24}, {"STATE", 22}, {"AGO", 0, 1, true}},
                        {{{"20261120-fix-the-benchmark"}, {"running (preparing)"}, {"12 min"}}}, 36,
                        false),
            "ID                        STATE\n"
            "20261120-fix-the-benchm…  running (…\n");
}

TEST(RenderTable, ColumnsWithoutAnyTextAreLeftOut) {
  EXPECT_EQ(RenderTable({{"A"}, {"B"}, {"C"}}, {{{"1"}, {""}, {"3"}}}, 0, false), "A  C\n1  3\n");
}

TEST(RenderTable, ColourOnlyWhenItIsWanted) {
  EXPECT_EQ(RenderTable({{"A"}}, {{{"x", Colour::kRed}}}, 0, true),
            "\x1b[1mA\x1b[0m\n\x1b[31mx\x1b[0m\n");
}

TEST(WrapLines, KeepsWhatIsLaidOut) {
  EXPECT_EQ(WrapLines("one two three four five six\n  a command that is to be copied\n\nend\n", 24),
            "one two three four five\nsix\n  a command that is to be copied\n\nend\n");
}

TEST(Wrap, BreaksAtSpacesAndIndents) {
  EXPECT_EQ(Wrap("one two three four five six seven", 24, 2),
            "one two three four\n  five six seven");
  EXPECT_EQ(Wrap("one two", 0, 2), "one two");
}

}  // namespace
}  // namespace handoff
