// Files that come along with a task: beside handoff.md on every host, and nowhere in the work.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Attach : public ::testing::Test {
 protected:
  Attach() {
    pool_.StartCoordinator();
    pool_.StartWorker("a", 1);
    repository_ = pool_.MakeRepository("app");
    EXPECT_TRUE(MakeDirectories(pool_.path("out/deep")).ok());
  }
  std::string Put(const std::string& name, const std::string& text) const {
    EXPECT_TRUE(WriteFileAtomically(pool_.path(name), text, 0644).ok());
    return pool_.path(name);
  }
  CommandResult Refused(const std::vector<std::string>& more) const {
    std::vector<std::string> args = {"submit", "--agent", "command"};
    args.insert(args.end(), more.begin(), more.end());
    args.emplace_back("true");
    const CommandResult refused = pool_.Handoff(args, repository_);
    EXPECT_EQ(refused.exit_code, 2) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("nothing was handed over"));
    EXPECT_THAT(refused.out, IsEmpty());
    return refused;
  }

  Pool pool_;
  std::string repository_;
};

TEST_F(Attach, IsBesideTheTaskOnEveryHostAndInNoCommit) {
  const std::string image("\x89PNG\0\xff", 6);
  // It also changes what it got: the next attempt has what was sent.
  const std::string id =
      pool_.Submit({"--attach", Put("out/build.log", "first\n"), "--attach",
                    Put("out/deep/build.log", "second\n"), "--attach", Put("out/a b.png", image),
                    "--attach", Put("out/empty", ""),
                    Pool::Script({"tool shell D=.cursor/agent-handoffs/$HANDOFF_ID/inputs; "
                                  "cat $D/build.log $D/build-2.log >logs.txt; cp $D/a_b.png .; "
                                  "echo changed >$D/build.log; rm $D/build-2.log",
                                  "tool shell git add -A; git commit -qm Work --allow-empty",
                                  "result ok Done"})},
                   repository_);
  ASSERT_EQ(pool_.Handoff({"wait", id}).exit_code, 0) << pool_.Handoff({"logs", id}).out;
  EXPECT_THAT(pool_.Handoff({"show", id}).out,
              HasSubstr("build.log (6 B), build-2.log (7 B), a_b.png (6 B)"));
  EXPECT_THAT(pool_.Handoff({"show", "--md", id}).out, HasSubstr("`inputs/build-2.log` (7 B)"));
  ASSERT_EQ(pool_.Handoff({"fetch", id}, repository_).exit_code, 0);
  const std::string branch = "handoff/" + id;
  EXPECT_EQ(pool_.Git(repository_, {"show", branch + ":a_b.png"}), image);
  EXPECT_EQ(pool_.Git(repository_, {"show", branch + ":logs.txt"}), "first\nsecond\n");
  EXPECT_THAT(pool_.Git(repository_, {"log", "--all", "--name-only", "--format="}),
              Not(HasSubstr("agent-handoffs")));

  // As they were sent, in the workspace that is there, and on a host that has seen nothing of it.
  const std::string here = pool_.path(
      absl::StrCat("a/workspaces/", id, "/repo/.cursor/agent-handoffs/", id, "/inputs/"));
  EXPECT_EQ(ReadFile(here + "build.log").value_or(""), "changed\n");
  ASSERT_EQ(pool_.Handoff({"resume", id}).exit_code, 0);
  ASSERT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  ASSERT_EQ(pool_.Handoff({"fetch", id}, repository_).exit_code, 0);
  EXPECT_EQ(pool_.Git(repository_, {"show", branch + ":logs.txt"}), "first\nsecond\n");
  pool_.StartWorker("b", 1);
  ASSERT_EQ(pool_.Handoff({"resume", id, "--on", "b"}).exit_code, 0);
  ASSERT_EQ(pool_.Handoff({"wait", id}).exit_code, 0) << pool_.Handoff({"logs", id}).out;
  ASSERT_EQ(pool_.Handoff({"fetch", id}, repository_).exit_code, 0);
  EXPECT_EQ(pool_.Git(repository_, {"show", branch + ":logs.txt"}), "first\nsecond\n");
  EXPECT_THAT(pool_.Handoff({"show", id, "--json"}).out, HasSubstr("\"worker\":\"b\""));
}

TEST_F(Attach, IsThereForACommandWithoutARepository) {
  const std::string id = pool_.Submit({"--agent", "command", "--attach", Put("out/x.txt", "some\n"),
                                       "cat .cursor/agent-handoffs/$HANDOFF_ID/inputs/x.txt"});
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
  EXPECT_EQ(pool_.Handoff({"logs", id, "--raw"}).out, "some\n");
}

TEST_F(Attach, WhatIsNoFileOrLooksLikeASecretStaysHere) {
  EXPECT_THAT(Refused({"--attach", pool_.path("out")}).err, HasSubstr("is a folder"));
  EXPECT_THAT(Refused({"--attach", "absent.log"}).err, HasSubstr("names no file"));
  EXPECT_THAT(Refused({"--attach", "/dev/zero"}).err, HasSubstr("is no regular file"));
  const std::string key = Put("out/deploy.pem", "x\n");
  EXPECT_THAT(Refused({"--attach", key}).err, HasSubstr("looks like a secret"));
  EXPECT_THAT(
      Refused({"--attach", Put("out/t.log", absl::StrCat("ghp_", std::string(36, 'a'), "\n"))}).err,
      HasSubstr("a token of GitHub"));
  std::vector<std::string> many;
  for (int i = 0; i < 33; ++i) {
    many.emplace_back("--attach");
    many.push_back(Put("out/t.txt", "x"));
  }
  EXPECT_THAT(Refused(many).err, HasSubstr("at most 32"));
  EXPECT_THAT(Refused({"--attach", Put("out/big", std::string((64 << 20) + 1, 'x'))}).err,
              HasSubstr("more than 64 MiB"));
  EXPECT_THAT(pool_.Handoff({"list", "--all", "--json"}).out, IsEmpty());
  // A person may want it all the same.
  const std::string id = pool_.Submit({"--agent", "command", "--attach", key, "--include", key,
                                       "cat .cursor/agent-handoffs/$HANDOFF_ID/inputs/deploy.pem"},
                                      repository_);
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
}

}  // namespace
}  // namespace handoff::e2e
