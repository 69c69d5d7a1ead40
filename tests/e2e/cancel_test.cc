// Cancel ends the whole process tree, and a checkout from a server that never answers.

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::HasSubstr;

pid_t ToPid(const std::string& text) {
  int pid = 0;
  EXPECT_TRUE(absl::SimpleAtoi(text, &pid)) << text;
  return pid;
}

std::optional<pid_t> ChildOf(pid_t parent, const std::string& name) {
  const std::string task = absl::StrCat("/proc/", parent, "/task");
  const std::vector<std::string> threads = ListDirectory(task).value();
  for (const std::string& thread : threads) {
    const auto children = ReadFile(absl::StrCat(task, "/", thread, "/children"));
    if (!children.ok()) continue;
    const std::vector<std::string> pids = absl::StrSplit(*children, ' ', absl::SkipWhitespace());
    for (const std::string& pid : pids) {
      if (ReadFile(absl::StrCat("/proc/", pid, "/comm")).value_or("") == name + "\n") {
        return ToPid(pid);
      }
    }
  }
  return std::nullopt;
}

TEST(Cancel, EndsGrandchildrenInTheirOwnSessionsThatIgnoreSigterm) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  Gate gate(pool.path("gate"));
  const std::string id =
      pool.Submit({"--agent", "command",
                   absl::StrCat("setsid sh -c \"trap '' TERM HUP INT; echo \\$\\$ >", gate.path(),
                                "; while :; do tail -f /dev/null; done\" &\nwait\n")});
  const pid_t grandchild = ToPid(gate.Await());
  EXPECT_TRUE(IsRunning(grandchild));

  EXPECT_EQ(pool.Handoff({"cancel", id}).exit_code, 0);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 7);
  EXPECT_FALSE(IsRunning(grandchild)) << "the grandchild is still alive";
  const CommandResult document = pool.Handoff({"show", id, "--md"});
  EXPECT_THAT(document.out, HasSubstr("- Status: cancelled"));
}

TEST(Cancel, EndsACheckoutFromAServerThatNeverAnswers) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(server.get(), 8), 0);
  ASSERT_EQ(::getsockname(server.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string id =
      pool.Submit({"--agent", "command", "--repo",
                   absl::StrCat("git://127.0.0.1:", ntohs(address.sin_port), "/silent.git"),
                   "--ref", "main", "--", "/bin/true"});
  // The worker is connected: the checkout hangs in the middle.
  const UniqueFd connection(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(connection.valid());
  const std::optional<pid_t> checkout = ChildOf(pool.PidOf("a"), "handoff-repo");
  ASSERT_TRUE(checkout.has_value());
  EXPECT_EQ(pool.Handoff({"cancel", id}).exit_code, 0);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 7);
  EXPECT_FALSE(IsRunning(*checkout)) << "the checkout goes on";
  EXPECT_THAT(pool.Handoff({"show", id, "--md"}).out, HasSubstr("- Status: cancelled"));
}

TEST(Cancel, EndsAnAgentThatNeverNamesItsSession) {
  Pool pool;
  pool.StartCoordinator();
  Gate gate(pool.path("gate"));
  const std::string agent = pool.path("agent");
  ASSERT_TRUE(
      WriteFileAtomically(
          agent,
          absl::StrCat("#!/bin/sh\nif [ \"$1\" = create-chat ]; then echo $$ >", gate.path(),
                       "; exec sleep 1000; fi\nexec ", Program("scripted-agent"), " \"$@\"\n"),
          0700)
          .ok());
  pool.StartWorker("a", 1, {}, absl::StrCat("[agents.cursor]\nbinary = \"", agent, "\"\n"));
  const std::string id =
      pool.Submit({Pool::Script({"result ok Done"})}, pool.MakeRepository("repository"));
  const pid_t asked = ToPid(gate.Await());
  EXPECT_EQ(pool.Handoff({"cancel", id}).exit_code, 0);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 7);
  EXPECT_FALSE(IsRunning(asked));
  EXPECT_THAT(pool.Handoff({"show", id, "--md"}).out, HasSubstr("- Status: cancelled"));
}

TEST(Cancel, EndsATreeWhoseShimIsStopped) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  Gate gate(pool.path("gate"));
  const std::string id = pool.Submit(
      {"--agent", "command", "--retries", "0",
       absl::StrCat("kill -STOP $PPID\necho $$ >", gate.path(), "\nexec sleep 1000\n")});
  const pid_t agent = ToPid(gate.Await());
  EXPECT_EQ(pool.Handoff({"cancel", id}).exit_code, 0);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 7);
  EXPECT_FALSE(IsRunning(agent));
}

TEST(Cancel, OfAQueuedHandoffIsImmediateAndLeavesADocument) {
  Pool pool;
  pool.StartCoordinator();
  const std::string id = pool.Submit({"--agent", "command", "--", "/bin/true"});
  EXPECT_EQ(pool.Handoff({"cancel", id}).exit_code, 0);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 7);
  EXPECT_THAT(pool.Handoff({"show", id, "--md"}).out, HasSubstr("- Status: cancelled"));
  EXPECT_EQ(pool.Handoff({"cancel", id}).exit_code, 6) << "an ended handoff cannot be cancelled";
}

}  // namespace
}  // namespace handoff::e2e
