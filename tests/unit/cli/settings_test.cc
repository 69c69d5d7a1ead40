#include "cli/settings.h"

#include "absl/strings/str_cat.h"
#include "cli/toml_file.h"
#include "common/check.h"
#include "common/file.h"
#include "common/ssh_tunnel.h"
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

TEST_F(Settings, TheFlagWinsOverTheEnvironment) {
  EXPECT_EQ(*AskedCoordinator("", Environment()), "");
  EXPECT_EQ(*AskedCoordinator("", Environment("127.0.0.1:3")), "127.0.0.1:3");
  EXPECT_EQ(*AskedCoordinator("127.0.0.1:4", Environment("127.0.0.1:3")), "127.0.0.1:4");
}

TEST_F(Settings, AWrongAddressNamesItsSource) {
  EXPECT_THAT(std::string(AskedCoordinator("", Environment("nonsense")).status().message()),
              HasSubstr("HANDOFF_COORDINATOR"));
  Write("config.toml", "coordinator = \"nonsense\"\n");
  EXPECT_THAT(std::string(ReadConfig(dir_.path() + "/config.toml").status().message()),
              HasSubstr("config.toml"));
}

TEST_F(Settings, AnAddressBehindSshIsNoOptionOfIt) {
  const auto plain = ParseSshAddress("ssh://build-1");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->destination, "build-1");
  EXPECT_EQ(plain->port, 7433);
  const auto full = ParseSshAddress("ssh://me@build.example:99");
  ASSERT_TRUE(full.ok()) << full.status();
  EXPECT_EQ(full->destination, "me@build.example");
  EXPECT_EQ(full->port, 99);
  EXPECT_EQ(*AskedCoordinator("ssh://me@h:99", {}), "ssh://me@h:99");
  for (const char* wrong : {"ssh://", "ssh://-oProxyCommand=id", "ssh://me@-h", "ssh://-x@h",
                            "ssh://h:0", "ssh://h:70000", "ssh://h:x", "ssh://a b", "ssh://h/x",
                            "ssh://@h", "ssh://a@b@c", "ssh://h:1:2"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseSshAddress(wrong).status())) << wrong;
    EXPECT_FALSE(AskedCoordinator(wrong, {}).ok()) << wrong;
  }
}

TEST_F(Settings, ConfigAndTheFileOfADevPoolHaveTheirOwnKeys) {
  Write("config.toml", "coordinator = \"127.0.0.1:1\"\npool = \"p\"\n");
  const auto config = ReadConfig(dir_.path() + "/config.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->coordinator, "127.0.0.1:1");
  EXPECT_EQ(config->pool, "p");
  EXPECT_TRUE(absl::IsInvalidArgument(ReadDevContext(dir_.path() + "/config.toml").status()));
  EXPECT_EQ(ReadConfig(dir_.path() + "/absent")->pool, "");
}

TEST_F(Settings, AnyTextIsReadAsItWasQuoted) {
  for (const std::string text : {"/a b/c", "a\"b\\c", "line\nline\x7f", "ümlaut"}) {
    Write("context.toml", absl::StrCat("credentials = ", TomlString(text), "\n"));
    const auto read = ReadDevContext(dir_.path() + "/context.toml");
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->credentials, text);
  }
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
