// Which files are sent and which are ignored, with git itself as the judge.
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/git/work_tree.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/repo/git_sandbox.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;

// "M path", "? path", … of everything but what is ignored, as `git status --porcelain` says it.
std::set<std::string> OfGit(const GitSandbox& git, const std::string& where) {
  std::set<std::string> lines;
  const std::string out = git.Git(where, {"status", "--porcelain", "-z", "-uall", "--no-renames"});
  for (const absl::string_view line : absl::StrSplit(out, '\0', absl::SkipEmpty())) {
    if (line[1] != ' ') lines.insert(std::string(line.substr(1)));
  }
  return lines;
}

std::set<std::string> OfWorkTree(const GitSandbox& git, const std::string& where) {
  std::set<std::string> lines;
  EXPECT_TRUE(InitGit(GitLibraryOptions()).ok());
  GitRepository repo;
  GitIndex index;
  EXPECT_EQ(git_repository_open(repo.out(), git.Path(where).c_str()), 0);
  EXPECT_EQ(git_repository_index(index.out(), repo.get()), 0);
  const auto tree = WorkTree::Open(repo.get(), index.get(), git_index_path(index.get()));
  EXPECT_TRUE(tree.ok()) << tree.status();
  const auto changes = tree->Changes(nullptr);
  EXPECT_TRUE(changes.ok()) << changes.status();
  for (const PathChange& change : *changes) {
    const char* const word = change.state == PathState::kModified    ? "M"
                             : change.state == PathState::kDeleted   ? "D"
                             : change.state == PathState::kUntracked ? "?"
                             : change.state == PathState::kIgnored   ? ""
                                                                     : "odd";
    if (*word != '\0') lines.insert(absl::StrCat(word, " ", change.path));
  }
  return lines;
}

class IgnoreTest : public ::testing::Test {
 protected:
  GitSandbox git_;
};

TEST_F(IgnoreTest, NoRuleTakesBackWhatLiesInAnIgnoredFolder) {
  git_.Init("work");
  git_.Write("work/vendor/tracked", "t");
  git_.Write("work/vendor/below/tracked", "t");
  git_.CommitAll("work", "first");
  git_.Write("work/.gitignore", "vendor/\n!*.txt\n");
  git_.Write("work/vendor/private.txt", "private");
  git_.Write("work/vendor/below/private.txt", "private");
  git_.Write("work/vendor/new/private.txt", "private");
  git_.Write("work/vendor/tracked", "changed");
  EXPECT_THAT(OfWorkTree(git_, "work"), ElementsAre("? .gitignore", "M vendor/tracked"));
  EXPECT_EQ(OfWorkTree(git_, "work"), OfGit(git_, "work"));
}

const char* const kFolders[] = {"a",   "b",   "build",   "src",         "src/x",      "src/build",
                                "x y", "foo", "foo/bar", "foo/bar/baz", "deep/er/est"};
const char* const kNames[] = {"f",  "g.o", "h.txt",    "keep",  "#h",  "!n",  " s",
                              "t ", "bar", "\xc3\xa9", "x.log", "[z]", "a\\b"};
const char* const kRules[] = {"*.o",        "build/",
                              "build",      "/build",
                              "!build",     "!keep",
                              "/*",         "!/src",
                              "!/src/",     "*",
                              "!*/",        "!*.txt",
                              "src/*",      "!src/x",
                              "!src/x/",    "foo/**",
                              "!foo/bar",   "**/bar",
                              "foo/**/baz", "foo/*/baz",
                              "foo/bar/",   "!foo/bar/baz",
                              "\\#h",       "\\!n",
                              "t\\ ",       "t ",
                              "[z]",        "\\[z\\]",
                              "deep/",      "deep/*",
                              "!deep/er",   "deep/**/est",
                              "x\\ y",      "x y/",
                              "*.log",      "!x.log",
                              "/f",         "src/f",
                              "**/f",       "b/**",
                              "**",         "a/",
                              "!a/keep",    "a/*",
                              "# comment",  "",
                              "\xc3\xa9",   "a\\\\b",
                              "foo/bar/*",  "!foo/bar/keep",
                              "*/x",        "?",
                              "[a-f]",      "[!a-f]",
                              "f*",         "!f",
                              "*/",         "!src/x/**",
                              "/src/x/f",   "**/build/",
                              "build/**",   "!build/**/keep"};

// libgit2 1.5 drops a negation without wildcards when it does not see which rule of the same file
// that takes back, though one of a folder above may be it (see WorkTreeWalk::Ignored).
bool IsForgotten(const std::string& rule) {
  return rule[0] == '!' && rule.find_first_of("*?[") == std::string::npos;
}

// Random files, some of them tracked, and random rules in random folders.
class RandomTree {
 public:
  RandomTree(const GitSandbox& git, std::string where, unsigned seed)
      : git_(git), where_(std::move(where)), random_(seed) {}

  void Make() {
    EXPECT_TRUE(MakeDirectories(git_.Path(where_)).ok());
    git_.Git(where_, {"init", "-q"});
    for (int i = 0; i < 20; ++i) Write(Path(), "tracked");
    git_.Git(where_, {"add", "-A", "-f"});
    for (int i = 0; i < 25; ++i) Write(Path(), "now");
    for (unsigned files = 1 + Below(3); files > 0; --files) WriteRules();
    for (int i = 0; i < 3; ++i) git_.Remove(absl::StrCat(where_, "/", Path()));
  }
  const std::string& rules() const { return rules_; }

 private:
  unsigned Below(size_t count) { return static_cast<unsigned>(random_() % count); }
  template <size_t N>
  std::string Of(const char* const (&words)[N]) {
    return words[Below(N)];
  }
  std::string Path() {
    if (Below(4) == 0) return Of(kNames);
    const std::string name = Of(kNames);  // one draw after the other, as compilers differ in order
    return absl::StrCat(Of(kFolders), "/", name);
  }
  // Not where a folder is, nor below a file.
  void Write(const std::string& path, const std::string& content) {
    std::string above = absl::StrCat(where_, "/", path);
    if (!PathExists(git_.Path(above))) {
      for (; above.size() > where_.size(); above.resize(above.rfind('/'))) {
        if (files_.contains(above)) return;
      }
    } else if (!files_.contains(above)) {
      return;
    }
    files_.insert(absl::StrCat(where_, "/", path));
    git_.Write(absl::StrCat(where_, "/", path), content);
  }
  void WriteRules() {
    const std::string path =
        Below(3) != 0 ? ".gitignore" : absl::StrCat(Of(kFolders), "/.gitignore");
    std::string content;
    for (unsigned lines = 1 + Below(6); lines > 0; --lines) {
      const std::string rule = Of(kRules);
      if (path == ".gitignore" || !IsForgotten(rule)) absl::StrAppend(&content, rule, "\n");
    }
    Write(path, content);
    absl::StrAppend(&rules_, path, ":\n", content);
  }

  const GitSandbox& git_;
  const std::string where_;
  std::mt19937 random_;  // the same numbers on every host
  std::set<std::string> files_;
  std::string rules_;
};

TEST_F(IgnoreTest, RandomRulesMeanWhatTheyMeanToGit) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    const std::string where = absl::StrCat("tree-", seed);
    RandomTree tree(git_, where, seed);
    tree.Make();
    ASSERT_EQ(OfWorkTree(git_, where), OfGit(git_, where)) << "seed " << seed << "\n"
                                                           << tree.rules();
    git_.Remove(where);
  }
}

}  // namespace
}  // namespace handoff
