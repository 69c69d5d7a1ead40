#include "common/text.h"

#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/subprocess.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

TEST(Utf8, IsToldFromOtherBytes) {
  for (const char* good : {"", "abc", "ä", "漢", "🙂", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"}) {
    EXPECT_TRUE(IsValidUtf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf5\x80",
                          "\xf4\x90\x80\x80", "a\xff", "\xe6\xbc"}) {
    EXPECT_FALSE(IsValidUtf8(bad));
  }
}

TEST(Utf8, OtherBytesAreShownInHex) {
  EXPECT_EQ(EscapeInvalidUtf8("ok ä"), "ok ä");
  EXPECT_EQ(EscapeInvalidUtf8("a\xff\xc3z"), "a\\xff\\xc3z");
}

TEST(StripControls, TakesWhatATerminalWouldObey) {
  EXPECT_EQ(StripControls("a\tb\nc"), "a\tb\nc");
  EXPECT_EQ(StripControls("\x1b[1;31mred\x1b[0m"), "red");
  EXPECT_EQ(StripControls("\x1b]0;title\x07 after"), " after");
  EXPECT_EQ(StripControls("\x1b]52;c;AAAA\x1b\\x"), "x");
  EXPECT_EQ(StripControls("\x1bP1$r0m\x1b\\y\x1b(Bz"), "yz");
  EXPECT_EQ(StripControls("\xc2\x9b\x33\x31mC1\xc2\x9d\x30;t\xc2\x9c."), "C1.");
  EXPECT_EQ(StripControls("a\rb\bc\x7f\x0b"), "abc");
  EXPECT_EQ(StripControls("l\u202ertl\u2066x\u200b\ufeff"), "lrtlx");
  EXPECT_EQ(StripControls("never \x1b]0;closed\nnext"), "never \nnext");
}

TEST(StripControls, LeavesNoControlInAnyBytesAndIsStable) {
  std::mt19937 random(7);
  const std::string bytes =
      std::string("\x1b[]P\\;m0\n\t\x07\xc2\x9b\x9d\xe2\x80\xae\xff", 19) + "ab";
  for (int round = 0; round < 5'000; ++round) {
    std::string text;
    for (size_t n = random() % 24; n > 0; --n) text += bytes[random() % bytes.size()];
    const std::string clean = StripControls(text);
    EXPECT_TRUE(IsValidUtf8(clean));
    EXPECT_EQ(clean.find('\x1b'), std::string::npos);
    EXPECT_EQ(clean.find('\x07'), std::string::npos);
    EXPECT_EQ(clean.find("\xc2\x9b"), std::string::npos);
    EXPECT_EQ(StripControls(clean), clean);
  }
}

TEST(Clip, CutsAtACharacterAndSaysSo) {
  EXPECT_EQ(Clip("abc", 3), "abc");
  EXPECT_EQ(Clip("abcdefgh", 6), "abc…");
  EXPECT_EQ(Clip("ääää", 7), "ää…");
  EXPECT_EQ(Clip("🙂🙂🙂", 11), "🙂🙂…");
  EXPECT_EQ(Clip("abcdef", 2), "…");
}

TEST(OneLine, FoldsSpaceAndBoundsTheLength) {
  EXPECT_EQ(OneLine("  a\n\n b\t c  ", 80), "a b c");
  EXPECT_EQ(OneLine("\x1b[1mbold\x1b[0m\r\n", 80), "bold");
  EXPECT_EQ(OneLine("10%\r20%\r100%", 80), "10% 20% 100%");
  EXPECT_EQ(OneLine(std::string(10 << 20, 'x'), 10), "xxxxxxx…");
  EXPECT_TRUE(IsValidUtf8(OneLine(std::string(300, '\xc3'), 50)));
}

TEST(ShellQuote, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(ShellQuote("a/b-c.d:e=f,g@h%i+j"), "a/b-c.d:e=f,g@h%i+j");
  EXPECT_EQ(ShellQuote(""), "''");
  EXPECT_EQ(ShellQuote("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellJoin({"echo", "a b", "$x"}), "echo 'a b' '$x'");
}

TEST(ShellQuote, AShellReadsBackAnyBytes) {
  std::mt19937 random(3);
  const std::string hostile = "a '\"\\$`!*\n#~\t;&|<>(){}[]";
  std::vector<std::string> argv = {"printf", "%s|"};
  for (int i = 0; i < 50; ++i) {
    std::string word;
    for (size_t n = random() % 9; n > 0; --n) word += hostile[random() % hostile.size()];
    argv.push_back(word);
  }
  SpawnOptions options;
  options.argv = {"/bin/sh", "-c", ShellJoin(argv)};
  std::string wanted;
  for (size_t i = 2; i < argv.size(); ++i) absl::StrAppend(&wanted, argv[i], "|");
  EXPECT_EQ(RunProcess(options, "", absl::Minutes(1))->out, wanted);
}

TEST(Human, BytesAndDurationsReadWell) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(999), "999 B");
  EXPECT_EQ(HumanBytes(1200), "1.2 kB");
  EXPECT_EQ(HumanBytes(1'200'000), "1.2 MB");
  EXPECT_EQ(HumanBytes(999'600), "1.0 MB");
  EXPECT_EQ(HumanBytes(48'000'000), "48 MB");
  EXPECT_EQ(HumanDuration(absl::Seconds(-1)), "0 s");
  EXPECT_EQ(HumanDuration(absl::Seconds(119)), "119 s");
  EXPECT_EQ(HumanDuration(absl::Minutes(12)), "12 min");
  EXPECT_EQ(HumanDuration(absl::Minutes(125)), "2 h 5 min");
  EXPECT_EQ(HumanDuration(absl::Hours(3)), "3 h");
  EXPECT_EQ(HumanDuration(absl::Hours(100)), "4 d");
}

TEST(FromHex, TakesPairsOfDigitsAndNothingElse) {
  EXPECT_EQ(FromHex(""), "");
  EXPECT_EQ(FromHex("00ff7A"), std::string("\0\xff\x7a", 3));
  for (const char* text : {"0", "0g", "-1", "+1", " 1", "0x", "00 0"}) {
    EXPECT_EQ(FromHex(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace handoff
