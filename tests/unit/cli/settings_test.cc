#include "cli/settings.h"

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

class Settings : public ::testing::Test {
 protected:
  Settings() : dir_(*TempDir::Make("handoff-settings-")) {}
  void Write(const std::string& name, const std::string& text) {
    const std::string path = absl::StrCat(dir_.path(), "/", name);
    CHECK(MakeDirectories(path.substr(0, path.rfind('/'))).ok());
    CHECK(WriteFileAtomically(path, text).ok());
  }
  std::vector<std::string> Environment(const std::string& address = "") const {
    std::vector<std::string> environment = {absl::StrCat("HOME=", dir_.path())};
    if (!address.empty()) environment.push_back("HANDOFF_COORDINATOR=" + address);
    return environment;
  }
  TempDir dir_;
};

TEST_F(Settings, FlagWinsOverEnvironmentOverConfigOverDev) {
  Write(".local/share/handoff/context.toml", "coordinator = \"127.0.0.1:1\"\n");
  EXPECT_EQ(*ResolveCoordinator("", Environment()), "127.0.0.1:1");
  Write(".config/handoff/config.toml", "coordinator = \"127.0.0.1:2\"\n");
  EXPECT_EQ(*ResolveCoordinator("", Environment()), "127.0.0.1:2");
  EXPECT_EQ(*ResolveCoordinator("", Environment("127.0.0.1:3")), "127.0.0.1:3");
  EXPECT_EQ(*ResolveCoordinator("127.0.0.1:4", Environment("127.0.0.1:3")), "127.0.0.1:4");
}

TEST_F(Settings, WithoutAnyTheSentenceSaysTheWays) {
  const absl::Status status = ResolveCoordinator("", Environment()).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  for (const char* way : {"--coordinator", "HANDOFF_COORDINATOR", "config.toml", "handoff dev"}) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(way));
  }
}

TEST_F(Settings, AWrongAddressNamesItsSource) {
  EXPECT_THAT(std::string(ResolveCoordinator("", Environment("nonsense")).status().message()),
              HasSubstr("HANDOFF_COORDINATOR"));
}

TEST_F(Settings, AnUnknownKeyIsAnErrorThatNamesFileLineAndKey) {
  Write(".handoff.toml", "agent = \"claude\"\nmodle = \"opus\"\n");
  const absl::Status status = ReadProjectDefaults(dir_.path()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr(".handoff.toml:2: unknown key 'modle'"));
}

TEST_F(Settings, ProjectDefaultsAreReadAndShown) {
  Write(".handoff.toml",
        "agent = \"claude\"\ntimeout = \"2h\"\nretries = 1\nchecks = [\"ninja test\", \"lint\"]\n"
        "check_timeout = \"5m\"\ncheck_retries = 2\npush = true\nsummaries = \"never\"\n"
        "summary_model = \"s\"\nrequire = { os = \"linux\" }\n");
  const auto defaults = ReadProjectDefaults(dir_.path());
  ASSERT_TRUE(defaults.ok()) << defaults.status();
  EXPECT_EQ(defaults->ToString(),
            "agent=claude, timeout=2h, retries=1, check=ninja test, check=lint, check_timeout=5m, "
            "check_retries=2, push=true, summaries=never, summary_model=s, require.os=linux");
}

TEST_F(Settings, WrongTypesAndBrokenFilesAreErrors) {
  for (const char* text :
       {"agent = 7", "retries = \"two\"", "require = \"os\"", "require = { os = 1 }",
        "checks = \"ninja test\"", "checks = [1]", "push = \"yes\"", "agent = ", "\x01"}) {
    Write(".handoff.toml", text);
    EXPECT_TRUE(absl::IsInvalidArgument(ReadProjectDefaults(dir_.path()).status())) << text;
  }
}

TEST_F(Settings, NoFileMeansNoDefaults) {
  EXPECT_EQ(ReadProjectDefaults(dir_.path())->ToString(), "");
  EXPECT_EQ(ReadProjectDefaults("")->ToString(), "");
}

TEST_F(Settings, TheRootIsFoundFromASubfolder) {
  Write("repo/.git/HEAD", "x");
  Write("repo/a/b/c", "x");
  EXPECT_EQ(RepositoryRoot(dir_.path() + "/repo/a/b"), dir_.path() + "/repo");
  EXPECT_EQ(RepositoryRoot(dir_.path() + "/repo"), dir_.path() + "/repo");
  EXPECT_EQ(RepositoryRoot(dir_.path() + "/repo/"), dir_.path() + "/repo");
  EXPECT_EQ(RepositoryRoot(dir_.path() + "/repo/a/.."), dir_.path() + "/repo");
  EXPECT_EQ(RepositoryRoot("/"), "");
}

}  // namespace
}  // namespace handoff
