// In by the account on the coordinator's host, with the built programs.

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/unique_fd.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LocalLogin : public ::testing::Test {
 protected:
  // `uid` is ann in the pool.
  void Start(unsigned uid) {
    const std::string toml =
        absl::StrCat("[unix]\nsocket = \"", socket_, "\"\n[unix.users]\n", uid, " = \"ann\"\n");
    CHECK(WriteFileAtomically(pool_.path("coordinator.toml"), toml).ok());
    pool_.coordinator_flags = {"--config", pool_.path("coordinator.toml")};
    pool_.StartCoordinator();
  }
  // Somebody of this account who has nothing of the pool.
  CommandResult Bare(const std::vector<std::string>& args) const {
    SpawnOptions options;
    options.argv = {Program("handoff")};
    options.argv.insert(options.argv.end(), args.begin(), args.end());
    options.env = {"PATH=/usr/bin:/bin", "HOME=" + pool_.path("home-of-ann")};
    for (const char* name : {"LSAN_OPTIONS", "ASAN_OPTIONS", "UBSAN_OPTIONS"}) {
      if (const char* value = ::getenv(name)) options.env.push_back(absl::StrCat(name, "=", value));
    }
    options.cwd = pool_.dir();
    const auto result = RunProcess(options, "", absl::Minutes(1));
    CHECK(result.ok());
    return {result->status.code, result->out, result->err};
  }
  CommandResult LogIn() const { return Bare({"login", "--socket", socket_}); }
  UniqueFd Connect() const {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    CHECK(socket_.size() < sizeof(address.sun_path));
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    return fd;
  }

  Pool pool_;
  const std::string socket_ = pool_.path("door");
};

TEST_F(LocalLogin, TheKernelSaysWhoComesIn) {
  Start(::geteuid());
  struct stat info = {};
  ASSERT_EQ(::stat(socket_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660u);
  const CommandResult nobody = LogIn();
  EXPECT_EQ(nobody.exit_code, 5) << nobody.err;
  EXPECT_THAT(nobody.err, HasSubstr("handoff user add ann"));
  ASSERT_EQ(pool_.Handoff({"user", "add", "ann", "--role", "viewer"}).exit_code, 0);
  const CommandResult said = LogIn();
  EXPECT_EQ(said.exit_code, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("You are ann in pool"));
  EXPECT_EQ(Bare({"list"}).exit_code, 0);
  // What their role may not do they may not do in this way either, whatever the account.
  EXPECT_EQ(Bare({"worker", "invite"}).exit_code, 5);
  EXPECT_EQ(Bare({"audit"}).exit_code, 5);
  const std::string audit = pool_.Handoff({"audit"}).out;
  EXPECT_THAT(audit, HasSubstr("LoginHere"));
  EXPECT_THAT(audit, HasSubstr(absl::StrCat("uid ", ::geteuid())));
  // Revoked is revoked.
  ASSERT_EQ(pool_.Handoff({"user", "revoke", "ann"}).exit_code, 0);
  EXPECT_EQ(Bare({"list"}).exit_code, 5);
  EXPECT_EQ(LogIn().exit_code, 5);
}

// Whoever runs these tests, root too.
TEST_F(LocalLogin, AnAccountThatIsNotNamedIsRefused) {
  Start(::geteuid() + 1);
  ASSERT_EQ(pool_.Handoff({"user", "add", "ann", "--role", "admin"}).exit_code, 0);
  const CommandResult said = LogIn();
  EXPECT_EQ(said.exit_code, 5) << said.err;
  EXPECT_THAT(said.err, HasSubstr(absl::StrCat("who uid ", ::geteuid(), " is in the pool")));
  EXPECT_FALSE(PathExists(pool_.path("home-of-ann/.config/handoff/pools")));
}

// Nor does it get any other call there: what speaks TLS or gRPC is no request.
TEST_F(LocalLogin, WhoSpeaksNonsenseOrNothingHoldsUpNobodyButThemselves) {
  Start(::geteuid());
  ASSERT_EQ(pool_.Handoff({"user", "add", "ann", "--role", "viewer"}).exit_code, 0);
  {
    const UniqueFd silent = Connect();
    const CommandResult busy = LogIn();
    EXPECT_EQ(busy.exit_code, 4) << busy.err;
    EXPECT_THAT(busy.err, HasSubstr("another login of uid"));
    EXPECT_EQ(pool_.Handoff({"list"}).exit_code, 0);
  }
  pool_.Eventually([&] { return LogIn().exit_code == 0; });
  const UniqueFd stranger = Connect();
  const std::string hello = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  EXPECT_EQ(::send(stranger.get(), hello.data(), hello.size(), 0),
            static_cast<ssize_t>(hello.size()));
  char answer[512];
  const ssize_t n = ::recv(stranger.get(), answer, sizeof(answer), 0);
  ASSERT_GT(n, 0);
  EXPECT_THAT(std::string(answer, static_cast<size_t>(n)), HasSubstr("bytes"));
  pool_.Eventually([&] { return LogIn().exit_code == 0; });
}

TEST_F(LocalLogin, ARestartOfTheCoordinatorChangesNothing) {
  Start(::geteuid());
  ASSERT_EQ(pool_.Handoff({"user", "add", "ann", "--role", "viewer"}).exit_code, 0);
  ASSERT_EQ(LogIn().exit_code, 0);
  pool_.Kill("coordinator", SIGKILL);
  EXPECT_EQ(LogIn().exit_code, 4);
  pool_.StartCoordinator();
  EXPECT_EQ(Bare({"list"}).exit_code, 0);
  EXPECT_EQ(LogIn().exit_code, 0);
  pool_.Kill("coordinator", SIGTERM);
  EXPECT_FALSE(PathExists(socket_));
}

}  // namespace
}  // namespace handoff::e2e
