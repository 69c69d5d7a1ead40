#include "common/framed.h"

#include <sys/socket.h>

#include "common/check.h"
#include "common/unique_fd.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

constexpr absl::Duration kLong = absl::Minutes(1);

class Framed : public ::testing::Test {
 protected:
  Framed() {
    int fds[2];
    CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    one_.Reset(fds[0]);
    other_.Reset(fds[1]);
  }
  void Send(const std::string& bytes) const {
    CHECK(::send(one_.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }
  UniqueFd one_, other_;
};

TEST_F(Framed, MessagesComeAsTheyWereSent) {
  const std::string all("\0\n\xff", 3);
  ASSERT_TRUE(SendFrame(one_.get(), all, kLong).ok());
  ASSERT_TRUE(SendFrame(one_.get(), "", kLong).ok());
  ASSERT_TRUE(SendFrame(one_.get(), std::string(5000, 'x'), kLong).ok());
  EXPECT_EQ(*ReceiveFrame(other_.get(), 10, kLong), all);
  EXPECT_EQ(*ReceiveFrame(other_.get(), 10, kLong), "");
  EXPECT_EQ(*ReceiveFrame(other_.get(), 5000, kLong), std::string(5000, 'x'));
}

TEST_F(Framed, OneThatIsTooLongIsRefusedByItsLength) {
  Send("\xff\xff\xff\xff");
  const absl::Status refused = ReceiveFrame(other_.get(), 100, kLong).status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
}

TEST_F(Framed, WhoIsSilentOrStopsHalfwayIsNotWaitedFor) {
  EXPECT_TRUE(
      absl::IsDeadlineExceeded(ReceiveFrame(other_.get(), 100, absl::Milliseconds(1)).status()));
  Send(std::string("\0\0\0\5ab", 6));
  EXPECT_TRUE(
      absl::IsDeadlineExceeded(ReceiveFrame(other_.get(), 100, absl::Milliseconds(1)).status()));
  // Nobody reads: what does not fit into the socket's buffer stays.
  EXPECT_TRUE(absl::IsDeadlineExceeded(
      SendFrame(one_.get(), std::string(16 << 20, 'x'), absl::Milliseconds(1))));
}

TEST_F(Framed, WithNoTimeAtAllWhatIsThereIsTaken) {
  ASSERT_TRUE(SendFrame(one_.get(), "now", absl::ZeroDuration()).ok());
  EXPECT_EQ(*ReceiveFrame(other_.get(), 100, absl::ZeroDuration()), "now");
}

TEST_F(Framed, AnEndThatWasClosedIsUnavailable) {
  Send(std::string("\0\0\0\5ab", 6));
  one_.Reset();
  EXPECT_TRUE(absl::IsUnavailable(ReceiveFrame(other_.get(), 100, kLong).status()));
  EXPECT_TRUE(absl::IsUnavailable(SendFrame(other_.get(), "x", kLong)));
}

}  // namespace
}  // namespace handoff
