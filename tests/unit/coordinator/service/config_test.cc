#include "coordinator/config.h"

#include <sys/stat.h>

#include <string>

#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(Config, AFileGoesOverTheDefaults) {
  const auto config = ParseConfig("data_dir = '/srv/handoff'\nlog_level = \"debug\"\n", "x", {});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->data_dir, "/srv/handoff");
  EXPECT_EQ(config->log_level, "debug");
  EXPECT_EQ(config->listen, Config().listen);
}

// Its [notify] names programs that are run as this account.
TEST(Config, AFileThatEverybodyCouldHaveWrittenIsNotUsed) {
  const TempDir dir = *TempDir::Make("config-");
  const std::string path = dir.path() + "/coordinator.toml";
  ASSERT_TRUE(WriteFileAtomically(path, "log_level = \"debug\"\n").ok());
  EXPECT_EQ(LoadConfig(path, {})->log_level, "debug");
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
  const absl::Status read = LoadConfig(path, {}).status();
  EXPECT_EQ(read.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(read.message()), HasSubstr("chmod o-w "));
}

TEST(Config, WhatIsNotKnownIsAnErrorWithItsLine) {
  EXPECT_THAT(std::string(ParseConfig("\nport = 1\n", "a.toml", {}).status().message()),
              HasSubstr("a.toml:2: unknown key 'port'"));
  EXPECT_THAT(std::string(ParseConfig("listen = 1\n", "a.toml", {}).status().message()),
              HasSubstr("a.toml:1: 'listen' must be text"));
  EXPECT_THAT(std::string(ParseConfig("\n\n]", "a.toml", {}).status().message()),
              HasSubstr("a.toml:3: "));
}

TEST(Config, NotifyEntriesHaveACommand) {
  const auto config = ParseConfig(
      "[notify.mail]\ncommand = ['mail', '-s', 'handoff', 'ann']\n[notify.chat]\n"
      "command = ['post']\n",
      "x", {});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->notify,
              ElementsAre(Pair("chat", ElementsAre("post")),
                          Pair("mail", ElementsAre("mail", "-s", "handoff", "ann"))));
  for (const char* wrong :
       {"notify = 1", "[notify.Mail]\ncommand = ['x']", "[notify.mail]", "[notify.mail]\nx = 1",
        "[notify.mail]\ncommand = []", "[notify.mail]\ncommand = [1]",
        "[notify.mail]\ncommand = 'x'", "[notify.mail]\ncommand = ['x']\ny = 1"}) {
    EXPECT_THAT(std::string(ParseConfig(wrong, "a.toml", {}).status().message()),
                HasSubstr("a.toml:"))
        << wrong;
  }
}

TEST(Config, AccountsOfTheHostComeInWhereTheyAreNamed) {
  EXPECT_EQ(ParseConfig("", "x", {})->unix_socket, "");
  const auto config = ParseConfig(
      "[unix]\nsocket = '/run/handoff/login.sock'\n[unix.users]\n1000 = 'ann'\n0 = 'root'\n", "x",
      {});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->unix_socket, "/run/handoff/login.sock");
  EXPECT_THAT(config->unix_users, ElementsAre(Pair(0u, "root"), Pair(1000u, "ann")));
  for (const char* wrong :
       {"unix = 1", "[unix]\nsocket = '/s'", "[unix.users]\n1 = 'a'",
        "[unix]\nsocket = 's'\n[unix.users]\n1 = 'a'", "[unix]\nsocket = 1\n[unix.users]\n1 = 'a'",
        "[unix]\nsocket = '/s'\nusers = 1", "[unix]\nsocket = '/s'\n[unix.users]\nann = 1000",
        "[unix]\nsocket = '/s'\n[unix.users]\n1000 = 1",
        "[unix]\nsocket = '/s'\n[unix.users]\n-1 = 'a'",
        "[unix]\nsocket = '/s'\n[unix.users]\n1000 = ''",
        "[unix]\nsocket = '/s'\ngroup = 'x'\n[unix.users]\n1000 = 'a'"}) {
    EXPECT_THAT(std::string(ParseConfig(wrong, "a.toml", {}).status().message()),
                HasSubstr("a.toml:"))
        << wrong;
  }
}

TEST(Config, NothingIsPurgedUnlessItSaysAfterHowLong) {
  EXPECT_EQ(ParseConfig("", "x", {})->retention_ended, absl::InfiniteDuration());
  const auto days = ParseConfig("[retention]\nended = '90d'\n", "x", {});
  ASSERT_TRUE(days.ok()) << days.status();
  EXPECT_EQ(days->retention_ended, absl::Hours(24) * 90);
  EXPECT_EQ(ParseConfig("[retention]\nended = '36h'\n", "x", {})->retention_ended, absl::Hours(36));
  for (const char* wrong :
       {"retention = '90d'", "[retention]", "[retention]\nended = 90", "[retention]\nended = ''",
        "[retention]\nended = '0d'", "[retention]\nended = '-5d'", "[retention]\nended = '59m'",
        "[retention]\nlogs = '30d'", "[retention]\nended = '90d'\nlogs = '30d'"}) {
    EXPECT_THAT(std::string(ParseConfig(wrong, "a.toml", {}).status().message()),
                HasSubstr("a.toml:"))
        << wrong;
  }
}

TEST(Config, AQuotaIsForEveryOwnerUnlessOneHasTheirOwn) {
  EXPECT_EQ(ParseConfig("", "x", {})->quotas, core::Quotas());
  const auto config = ParseConfig(
      "[quota.owner.ci]\nqueued = 50000\nweight = 4\n"
      "[quota.owner.'ann@example.org']\nrunning = 2\n"
      "[quota]\nlive = 30000\nqueued = 100\nrunning = 8\nstored_bytes = '2TiB'\n"
      "submits_per_minute = 60\nsubmit_burst = 20\n",
      "x", {});
  ASSERT_TRUE(config.ok()) << config.status();
  core::Quota common;
  common.live = 30'000;
  common.queued = 100;
  common.running = 8;
  common.stored_bytes = uint64_t{2} << 40;
  common.submits_per_minute = 60;
  common.submit_burst = 20;
  EXPECT_EQ(config->quotas.Of("bob"), common);
  core::Quota ci = common;
  ci.queued = 50'000;
  ci.weight = 4;
  EXPECT_EQ(config->quotas.Of("ci"), ci);
  EXPECT_EQ(config->quotas.Of("ann@example.org").running, 2u);
  EXPECT_EQ(ParseConfig("[quota]\nstored_bytes = 4096\n", "x", {})->quotas.common.stored_bytes,
            4096u);
}

TEST(Config, AQuotaThatMakesNoSenseIsRefused) {
  for (const char* wrong :
       {"quota = 1", "[quota]\nqueue = 1", "[quota]\nqueued = 0", "[quota]\nqueued = -1",
        "[quota]\nqueued = '5'", "[quota]\nqueued = 1.5", "[quota]\nqueued = 1000001",
        "[quota]\nweight = 1001", "[quota]\nstored_bytes = 'much'",
        "[quota]\nstored_bytes = '2000000TiB'", "[quota]\nowner = 1", "[quota.owner]\nann = 1",
        "[quota.owner.ann]\nowner = 1", "[quota.owner.ann]\nqueued = 0",
        "[quota.owner.'']\nqueued = 1"}) {
    EXPECT_THAT(std::string(ParseConfig(wrong, "a.toml", {}).status().message()),
                HasSubstr("a.toml:"))
        << wrong;
  }
  EXPECT_EQ(ParseConfig("[quota.owner.ann]\nqueue = 1", "a.toml", {}).status().message(),
            "a.toml:2: unknown key 'queue' in [quota.owner.ann]; there are live, queued, running, "
            "stored_bytes, submit_burst, submits_per_minute, weight");
}

TEST(Config, SaysWhatIsMissing) {
  Config config;
  EXPECT_THAT(std::string(Validate(config).message()), HasSubstr("--data-dir"));
  config.data_dir = "/x";
  EXPECT_TRUE(Validate(config).ok());
  config.log_level = "loud";
  EXPECT_THAT(std::string(Validate(config).message()), HasSubstr("'loud'"));
  config.log_level = "info";
  config.listen = "nonsense";
  EXPECT_THAT(std::string(Validate(config).message()), HasSubstr("'nonsense'"));
}

}  // namespace
}  // namespace handoff
