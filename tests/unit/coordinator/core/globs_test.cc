#include "coordinator/core/globs.h"

#include <string>

#include "gtest/gtest.h"

namespace handoff::core {
namespace {

TEST(Globs, StarsAndQuestionMarksStandForCharactersAndAllElseForItself) {
  struct Case {
    const char* pattern;
    const char* text;
    bool matches;
  };
  for (const Case& c : {
           Case{"", "", true},
           Case{"", "a", false},
           Case{"*", "", true},
           Case{"*", "https://example.org/a/b.git", true},
           Case{"?", "", false},
           Case{"?", "a", true},
           Case{"?", "ab", false},
           Case{"abc", "abc", true},
           Case{"abc", "ab", false},
           Case{"ab", "abc", false},
           Case{"ABC", "abc", false},
           Case{"*/infra", "https://example.org/infra", true},
           Case{"*/infra", "https://example.org/infra-2", false},
           Case{"https://example.org/team/*", "https://example.org/team/a/b", true},
           Case{"https://example.org/team/*", "https://example.org/teams/a", false},
           Case{"https://example.org/team/*", "https://example.org.evil.com/team/a", false},
           Case{"a*b*c", "abc", true},
           Case{"a*b*c", "aXbXbYc", true},
           Case{"a*b*c", "acb", false},
           Case{"a**c", "abbc", true},
           Case{"*?", "", false},
           Case{"*?", "x", true},
           Case{"v?.*", "v1.2", true},
           Case{"[ab]", "a", false},
           Case{"[ab]", "[ab]", true},
           Case{"a.c", "abc", false},
           Case{"\\*", "\\x", true},
       }) {
    EXPECT_EQ(MatchesGlob(c.pattern, c.text), c.matches) << c.pattern << " and " << c.text;
  }
}

// One that tries every way would take longer than anybody waits: 2^40 of them.
TEST(Globs, ManyStarsCostNoMoreThanPatternTimesText) {
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "*a";
  const std::string text(400, 'a');
  EXPECT_TRUE(MatchesGlob(pattern, text));
  EXPECT_FALSE(MatchesGlob(pattern + "b", text));
}

}  // namespace
}  // namespace handoff::core
