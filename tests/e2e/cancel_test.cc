// Cancel ends the whole process tree, and a checkout from a server that never answers.

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
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
  EXPECT_EQ(pool.Handoff({"cancel", id}).exit_code, 0);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 7);
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
