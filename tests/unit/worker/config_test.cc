#include "worker/config.h"

#include <sys/stat.h>

#include <string>

#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class ConfigTest : public ::testing::Test {
 protected:
  absl::Status Read(const std::string& toml) {
    EXPECT_TRUE(WriteFileAtomically(path(), toml).ok());
    return ReadConfigFile(path(), config_);
  }
  std::string path() const { return dir_.path() + "/worker.toml"; }

  TempDir dir_ = *TempDir::Make("config-");
  WorkerConfig config_;
};

TEST_F(ConfigTest, EveryKeyIsTaken) {
  const absl::Status read = Read(R"(
path = "/opt/bin:/usr/bin"
ssh = "me@build-1"
[agents.cursor]
binary = "/opt/cursor-agent"
extra_args = ["--verbose", "2"]
env = { HTTPS_PROXY = "http://proxy:3128" }
max_parallel = 3
[agents.cursor.timers]
first_event = "90s"
idle = "15m"
tool_warning = "1h"
finish_grace = "500ms"
hard_cap = "2h"
[repo]
ssh_key = "/keys/id"
known_hosts = "/keys/known"
https_tokens = { "git.example.com" = "/keys/token" }
[keep]
workspaces = "14d"
[disk]
reserve = "10GiB"
[lease]
orphan_timeout = "12h"
[checkpoint]
interval = "20s"
max_file_bytes = "3MiB"
max_pack_bytes = 4096
)");
  ASSERT_TRUE(read.ok()) << read;
  EXPECT_EQ(config_.path, "/opt/bin:/usr/bin");
  EXPECT_EQ(config_.ssh, "me@build-1");
  const AgentConfig& cursor = config_.agent("cursor");
  EXPECT_EQ(cursor.binary, "/opt/cursor-agent");
  EXPECT_THAT(cursor.extra_args, ElementsAre("--verbose", "2"));
  EXPECT_THAT(cursor.env, ElementsAre(Pair("HTTPS_PROXY", "http://proxy:3128")));
  EXPECT_EQ(cursor.max_parallel, 3);
  EXPECT_EQ(cursor.first_event, absl::Seconds(90));
  EXPECT_EQ(cursor.idle, absl::Minutes(15));
  EXPECT_EQ(cursor.tool_warning, absl::Hours(1));
  EXPECT_EQ(cursor.finish_grace, absl::Milliseconds(500));
  EXPECT_EQ(cursor.hard_cap, absl::Hours(2));
  EXPECT_EQ(config_.repo.ssh_key, "/keys/id");
  EXPECT_EQ(config_.repo.known_hosts, "/keys/known");
  EXPECT_THAT(config_.repo.https_tokens, ElementsAre(Pair("git.example.com", "/keys/token")));
  EXPECT_EQ(config_.keep_workspaces, absl::Hours(14 * 24));
  EXPECT_EQ(config_.disk_reserve, uint64_t{10} << 30);
  EXPECT_EQ(config_.orphan_timeout, absl::Hours(12));
  EXPECT_EQ(config_.checkpoint_interval, absl::Seconds(20));
  EXPECT_EQ(config_.checkpoint_max_file_bytes, uint64_t{3} << 20);
  EXPECT_EQ(config_.checkpoint_max_pack_bytes, 4096u);
}

// It names the programs that are run as this account.
TEST_F(ConfigTest, OneThatEverybodyCouldHaveWrittenIsNotUsed) {
  ASSERT_TRUE(Read("[agents.cursor]\nmax_parallel = 1\n").ok());
  ASSERT_EQ(::chmod(path().c_str(), 0646), 0);
  const absl::Status read = ReadConfigFile(path(), config_);
  EXPECT_EQ(read.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(read.message()), AllOf(HasSubstr(path()), HasSubstr("chmod o-w ")));
  ASSERT_EQ(::chmod(path().c_str(), 0664), 0);
  EXPECT_TRUE(ReadConfigFile(path(), config_).ok());
}

TEST_F(ConfigTest, AnAgentThatIsNotNamedHasNoSettings) {
  ASSERT_TRUE(Read("").ok());
  EXPECT_EQ(config_.agent("cursor").binary, "");
  EXPECT_EQ(config_.agent("cursor").idle, std::nullopt);
}

TEST_F(ConfigTest, AnAgentMayBeLikeAnother) {
  ASSERT_TRUE(Read("[agents.mine]\nlike = \"claude\"\nbinary = \"/opt/mine\"\n").ok());
  EXPECT_EQ(config_.agent("mine").like, "claude");
  EXPECT_EQ(config_.agent("mine").binary, "/opt/mine");
}

struct Mistake {
  std::string name, toml, line, says;
};
class ConfigMistake : public ConfigTest, public ::testing::WithParamInterface<Mistake> {};

TEST_P(ConfigMistake, NamesFileLineAndKey) {
  const absl::Status read = Read(GetParam().toml);
  ASSERT_TRUE(absl::IsInvalidArgument(read)) << read;
  EXPECT_THAT(std::string(read.message()),
              AllOf(HasSubstr(path()), HasSubstr(GetParam().line), HasSubstr(GetParam().says)));
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigMistake,
    ::testing::Values(
        Mistake{"UnknownKey", "path = \"/bin\"\nslotz = 3\n", "line 2", "unknown key \"slotz\""},
        Mistake{"UnknownKeyInside", "[disk]\nreserved = 1\n", "line 2", "\"disk.reserved\""},
        Mistake{"NoToml", "path = \n", "line 1", ""},
        Mistake{"NumberForText", "path = 3\n", "line 1", "path: line 1: this must be a string"},
        Mistake{"OptionForSsh", "ssh = \"-oProxyCommand=x\"\n", "line 1",
                "ssh: line 1: this must be"},
        Mistake{"NoDuration", "[keep]\nworkspaces = \"soon\"\n", "line 2", "duration"},
        Mistake{"NegativeDuration", "[lease]\norphan_timeout = \"-1h\"\n", "line 2", "duration"},
        Mistake{"NoBytes", "[disk]\nreserve = \"10 elephants\"\n", "line 2", "bytes"},
        Mistake{"PackThatNobodyTakes", "[checkpoint]\nmax_pack_bytes = \"5GiB\"\n", "line 2",
                "checkpoint.max_pack_bytes: line 2: this must be at most 4"},
        Mistake{"NoPlaceForAnybody", "[agents.cursor]\nmax_parallel = 0\n", "line 2",
                "agents.cursor.max_parallel: line 2: this must be a number from 1 to"},
        Mistake{"LikeNobody", "[agents.mine]\nlike = \"clod\"\nbinary = \"/opt/x\"\n", "line 1",
                "agents.mine.like: line 1: 'clod' is none that another can be like; there are "
                "cursor, claude"},
        Mistake{"LikeCommand", "[agents.mine]\nlike = \"command\"\nbinary = \"/opt/x\"\n", "line 1",
                "'command' is none that another can be like"},
        Mistake{"LikeWithoutProgram", "[agents.mine]\nlike = \"claude\"\n", "line 1",
                "agents.mine: line 1: binary is missing: the program that is like claude"},
        Mistake{"LikeOfOneOfOurs", "[agents.codex]\nlike = \"claude\"\nbinary = \"/x\"\n", "line 1",
                "agents.codex.like: line 1: that is an agent of its own"},
        Mistake{"LikeNothing", "[agents.mine]\nlike = \"\"\n", "line 2",
                "agents.mine.like: line 2: this must be a name"},
        Mistake{"NoSuchAgent", "[agents.cluade]\nbinary = \"y\"\n", "line 1",
                "agents.cluade: line 1: no agent is called 'cluade'; say which one it is like"},
        Mistake{"AgentName", "[agents.\"../x\"]\nbinary = \"y\"\n", "", "agent"},
        Mistake{"ListOfNumbers", "[agents.cursor]\nextra_args = [1]\n", "line 2", "a string"}),
    [](const auto& test) { return test.param.name; });

TEST(ParseConfigBytes, UnitsAreThoseThatAreWritten) {
  EXPECT_EQ(*ParseConfigBytes("0"), 0u);
  EXPECT_EQ(*ParseConfigBytes("12"), 12u);
  EXPECT_EQ(*ParseConfigBytes("3 kB"), 3000u);
  EXPECT_EQ(*ParseConfigBytes("2GiB"), uint64_t{2} << 30);
  EXPECT_EQ(*ParseConfigBytes("3TiB"), uint64_t{3} << 40);
  for (const char* text : {"", "GB", "-1", "1.5GB", "9999999999999GB", "9999999TiB", "3 furlongs",
                           "99999999999999999999"}) {
    EXPECT_FALSE(ParseConfigBytes(text).ok()) << text;
  }
}

TEST(ParseConfigDuration, DaysAreTakenAndNothingBelowOneNanosecond) {
  EXPECT_EQ(*ParseConfigDuration("7d"), absl::Hours(168));
  EXPECT_EQ(*ParseConfigDuration("1m30s"), absl::Seconds(90));
  for (const char* text : {"", "d", "0s", "-5m", "100000d", "10"}) {
    EXPECT_FALSE(ParseConfigDuration(text).ok()) << text;
  }
}

}  // namespace
}  // namespace handoff::worker
