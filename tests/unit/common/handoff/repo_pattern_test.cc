#include "common/handoff/repo_pattern.h"

#include <string>

#include "gtest/gtest.h"

namespace handoff {
namespace {

TEST(RepoName, IsHostAndPathHoweverItIsWritten) {
  for (const char* url :
       {"https://github.com/acme/tools", "https://github.com/acme/tools.git",
        "https://github.com/acme/tools/", "https://GitHub.com/acme/tools.git/",
        "https://user:word@github.com/acme/tools", "ssh://git@github.com/acme/tools.git",
        "git@github.com:acme/tools.git", "github.com:acme/tools", "git@github.com:/acme/tools"}) {
    EXPECT_EQ(RepoName(url), "github.com/acme/tools") << url;
  }
  EXPECT_EQ(RepoName("ssh://git@host:2222/a/b.git"), "host:2222/a/b") << "another server";
  EXPECT_EQ(RepoName("https://h/Acme/Tools"), "h/Acme/Tools");
  EXPECT_EQ(RepoName("file:///srv/r.git"), "/srv/r");
  EXPECT_EQ(RepoName("/srv/r.git"), "/srv/r");
  EXPECT_EQ(RepoName("root:0123abc"), "root:0123abc");
}

TEST(RepoName, OfWhatMayLeadElsewhereThereIsNone) {
  for (const char* url :
       {"", "https://github.com", "https://github.com/", "https://github.com/acme/../evil/x",
        "https://github.com/acme/./x", "https://github.com/acme//x", "https://github.com//acme/x",
        "https://github.com/acme/%2e%2e/evil/x", "https://github.com/acme/x?y", "/a/../b",
        "https://github.com/acme/x#y", "https://github.com\\@evil.com/acme/x", "git@h:../x",
        "https://github.com/acme/x y", "https://github.com/acme/x\ny", "h:/", ":x", "@:x"}) {
    EXPECT_EQ(RepoName(url), "") << url;
  }
}

TEST(RepoName, WhoSaysToBeAnotherHostIsNot) {
  EXPECT_EQ(RepoName("https://github.com@evil.com/acme/x"), "evil.com/acme/x");
  EXPECT_EQ(RepoName("https://github.com:x@evil.com/acme/x"), "evil.com/acme/x");
}

TEST(Glob, AStarStaysInItsSegmentAndTwoDoNot) {
  const struct {
    const char* pattern;
    const char* name;
    bool matches;
  } cases[] = {
      {"github.com/acme/tools", "github.com/acme/tools", true},
      {"github.com/acme/tools", "github.com/acme/tools2", false},
      {"github.com/acme/tools", "github.com/acme/tool", false},
      {"github.com/acme/*", "github.com/acme/tools", true},
      {"github.com/acme/*", "github.com/acme/sub/tools", false},
      {"github.com/acme/*", "github.com/acme", false},
      {"github.com/acme/**", "github.com/acme/sub/tools", true},
      {"github.com/acme/**/x", "github.com/acme/a/b/x", true},
      {"github.com/*/tools", "github.com/acme/tools", true},
      {"github.com/*/tools", "github.com/a/b/tools", false},
      {"github.com/**/tools", "github.com/a/b/tools", true},
      {"*.com/acme/x", "github.com/acme/x", true},
      {"github.com/a*e/*-lib", "github.com/acme/my-lib", true},
      {"github.com/a*e/*-lib", "github.com/acme/my-library", false},
      {"github.com/acme/*", "GITHUB.com/acme/x", false},
      {"*", "github.com/acme/x", false},
      {"**", "github.com/acme/x", true},
      {"***", "github.com/acme/x", true},
      {"a?c", "abc", false},
      {"a.c", "abc", false},
      {"", "", true},
      {"", "a", false},
      {"*", "", true},
      {"a*b*c", "aXbYc", true},
      {"a*b*c", "aXcYb", false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(MatchesGlob(c.pattern, c.name), c.matches) << c.pattern << " on " << c.name;
  }
}

TEST(Glob, ManyStarsOnALongNameEnd) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "*a";
  EXPECT_FALSE(MatchesGlob(pattern + "b", std::string(300, 'a')));
  EXPECT_TRUE(MatchesGlob(pattern, std::string(300, 'a')));
}

TEST(Patterns, AnyOfThemIsEnoughAndNoneCoversNothing) {
  EXPECT_TRUE(MatchesAnyRepo({"h/x", "github.com/acme/*"}, "git@github.com:acme/tools.git"));
  EXPECT_FALSE(MatchesAnyRepo({"h/x"}, "git@github.com:acme/tools.git"));
  EXPECT_FALSE(MatchesAnyRepo({}, "https://github.com/acme/tools"));
  EXPECT_FALSE(MatchesAnyRepo({"**"}, "https://github.com/acme/../evil")) << "not even this";
}

}  // namespace
}  // namespace handoff
