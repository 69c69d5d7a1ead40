#include "cli/snapshot/includes.h"

#include "gtest/gtest.h"

namespace handoff {
namespace {

TEST(Includes, NameFilesAndFolders) {
  EXPECT_TRUE(IsIncluded("a/.env", {"a/.env"}));
  EXPECT_TRUE(IsIncluded("a/.env", {"a/"}));
  EXPECT_TRUE(IsIncluded("a/b/.env", {"a"}));
  EXPECT_FALSE(IsIncluded("ab/.env", {"a"}));
  EXPECT_FALSE(IsIncluded("b/.env", {".env", "a/.env"}));
  EXPECT_FALSE(IsIncluded("a", {""}));
}

TEST(Includes, OnlyFoldersOnTheWayToOneMatter) {
  EXPECT_TRUE(IncludesBelow("out/", {"out"}));
  EXPECT_TRUE(IncludesBelow("out/", {"out/report/x"}));
  EXPECT_TRUE(IncludesBelow("out/report/", {"out/"}));
  EXPECT_FALSE(IncludesBelow("out/", {"output", "a/out/x"}));
  EXPECT_FALSE(IncludesBelow("out/", {}));
}

}  // namespace
}  // namespace handoff
