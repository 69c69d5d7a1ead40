#include "common/service_notify.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "common/hash.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

// What a service manager has: a datagram socket, at a path or with '@' in front an abstract one.
class ServiceNotifyTest : public ::testing::Test {
 protected:
  ~ServiceNotifyTest() override { ::unsetenv("NOTIFY_SOCKET"); }
  void Listen(const std::string& path) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    CHECK(path.size() < sizeof(address.sun_path));
    std::memcpy(address.sun_path, path.data(), path.size());
    if (path[0] == '@') address.sun_path[0] = '\0';
    socket_.Reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    CHECK(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  std::string Received() const {
    char buffer[256];
    const ssize_t n = ::recv(socket_.get(), buffer, sizeof(buffer), 0);
    return n < 0 ? "nothing" : std::string(buffer, static_cast<size_t>(n));
  }

  const TempDir dir_ = *TempDir::Make("notify-");
  UniqueFd socket_;
};

TEST_F(ServiceNotifyTest, OneDatagramSaysIt) {
  Listen(dir_.path() + "/socket");
  ASSERT_TRUE(NotifyService("READY=1").ok());
  EXPECT_EQ(Received(), "READY=1");
  ASSERT_TRUE(NotifyService("STOPPING=1").ok());
  EXPECT_EQ(Received(), "STOPPING=1");
  EXPECT_EQ(Received(), "nothing");
}

TEST_F(ServiceNotifyTest, AnAbstractSocketToo) {
  Listen(absl::StrCat("@handoff-", RandomHex(8)));
  ASSERT_TRUE(NotifyService("READY=1").ok());
  EXPECT_EQ(Received(), "READY=1");
}

TEST_F(ServiceNotifyTest, WithoutAServiceManagerNothingIsDone) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_TRUE(NotifyService("READY=1").ok());
  ::setenv("NOTIFY_SOCKET", "", 1);
  EXPECT_TRUE(NotifyService("READY=1").ok());
}

TEST_F(ServiceNotifyTest, OneThatIsGoneOrNoneIsAnErrorAndNoMore) {
  ::setenv("NOTIFY_SOCKET", (dir_.path() + "/absent").c_str(), 1);
  EXPECT_TRUE(absl::IsNotFound(NotifyService("READY=1")));
  ::setenv("NOTIFY_SOCKET", "vsock:2:1", 1);
  EXPECT_TRUE(absl::IsInvalidArgument(NotifyService("READY=1")));
  ::setenv("NOTIFY_SOCKET", ("/" + std::string(200, 'a')).c_str(), 1);
  EXPECT_TRUE(absl::IsInvalidArgument(NotifyService("READY=1")));
}

TEST_F(ServiceNotifyTest, OneThatReadsNothingHoldsNobodyUp) {
  Listen(dir_.path() + "/socket");
  absl::Status status;
  for (int i = 0; status.ok() && i < 100'000; ++i) status = NotifyService("STATUS=again");
  EXPECT_FALSE(status.ok());
}

}  // namespace
}  // namespace handoff
