#include "cli/fetched/fetched_objects.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

std::string Entry(const std::string& mode, const std::string& name) {
  return absl::StrCat(mode, " ", name, std::string(1, '\0'), std::string(20, 'x'));
}

TEST(CheckTreeContent, TakesWhatGitTakes) {
  std::string raw;
  for (const char* mode : {"100644", "100755", "120000", "160000", "40000"}) {
    raw += Entry(mode, absl::StrCat("of ", mode));
  }
  for (const char* name :
       {".gitignore", ".gitmodules", "...", "git", "a\\b", "\xc3\xa9", ".git2"}) {
    raw += Entry("100644", name);
  }
  EXPECT_TRUE(CheckTreeContent(raw).ok()) << CheckTreeContent(raw);
  EXPECT_TRUE(CheckTreeContent("").ok());
}

TEST(CheckTreeContent, RefusesWhatLeadsOutOfTheTreeOrIntoGitsOwnDirectory) {
  for (const std::string name :
       {"", ".", "..", "a/b", "../x", ".git", ".GIT", ".Git", "git~1", "GIT~1", ".git ", ".git.",
        ".git. .", ".git::$INDEX_ALLOCATION", ".g\xe2\x80\x8cit", "\xef\xbb\xbf.git", ".git\\hooks",
        "a\\.git"}) {
    const absl::Status status = CheckTreeContent(Entry("100644", name));
    EXPECT_TRUE(absl::IsDataLoss(status)) << name;
  }
}

TEST(CheckTreeContent, RefusesWhatIsNoTree) {
  const std::string good = Entry("100644", "a");
  EXPECT_FALSE(CheckTreeContent(good + good).ok()) << "twice";
  EXPECT_FALSE(CheckTreeContent(good.substr(0, good.size() - 1)).ok());
  EXPECT_FALSE(CheckTreeContent("nonsense").ok());
  EXPECT_FALSE(CheckTreeContent(Entry("100666", "a")).ok());
  EXPECT_FALSE(CheckTreeContent(Entry("", "a")).ok());
  std::string nothing = good;
  nothing.replace(nothing.size() - 20, 20, 20, '\0');
  EXPECT_FALSE(CheckTreeContent(nothing).ok());
}

}  // namespace
}  // namespace handoff
