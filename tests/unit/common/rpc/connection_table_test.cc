#include "common/rpc/connection_table.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>

#include <cstring>
#include <vector>

#include "common/unique_fd.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using Verdict = ConnectionTable::Verdict;

const ConnectionPeer kOne = {"192.0.2.1", false};
const ConnectionPeer kTwo = {"192.0.2.2", false};
const ConnectionPeer kHere = {"127.0.0.1", true};

UniqueFd Socket() { return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

class ConnectionTableTest : public ::testing::Test {
 protected:
  // Accepts a connection of `peer`, which stays open when it is admitted.
  Verdict Connect(const ConnectionPeer& peer) {
    UniqueFd fd = Socket();
    const Verdict verdict = table_.Admit(fd.get(), peer, now_);
    if (verdict == Verdict::kAdmitted) open_.push_back(std::move(fd));
    return verdict;
  }
  void Later() { now_ = now_ + absl::Seconds(1); }

  ConnectionTable table_{{1000, 3, 5}};
  BootTime now_{1'000'000'000};
  std::vector<UniqueFd> open_;
};

TEST_F(ConnectionTableTest, APeerAtItsLimitIsTurnedAwayAndOthersAreNot) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Connect(kOne), Verdict::kAdmitted);
  EXPECT_EQ(Connect(kOne), Verdict::kTooManyOfPeer);
  EXPECT_EQ(Connect(kTwo), Verdict::kAdmitted);
}

TEST_F(ConnectionTableTest, LocalPeersHaveAHigherLimit) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Connect(kHere), Verdict::kAdmitted);
  EXPECT_EQ(Connect(kHere), Verdict::kTooManyOfPeer);
}

TEST_F(ConnectionTableTest, AConnectionThatWasClosedMakesRoomForItsPeer) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Connect(kOne), Verdict::kAdmitted);
  EXPECT_EQ(Connect(kOne), Verdict::kTooManyOfPeer);
  open_.erase(open_.begin());
  Later();
  EXPECT_EQ(Connect(kOne), Verdict::kAdmitted);
  Later();
  EXPECT_EQ(Connect(kOne), Verdict::kTooManyOfPeer);
}

TEST_F(ConnectionTableTest, ADescriptorNumberThatIsAFileNowIsNoConnection) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Connect(kOne), Verdict::kAdmitted);
  const int number = open_[1].get();
  open_[1].Reset();
  // Another file has the number, and then another socket.
  open_[1] = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(open_[1].get(), number);
  EXPECT_EQ(Connect(kOne), Verdict::kAdmitted);
  open_[2].Reset();
  open_[2] = Socket();
  Later();
  EXPECT_EQ(Connect(kOne), Verdict::kAdmitted);
}

TEST_F(ConnectionTableTest, ANumberThatIsUsedAgainCountsForItsNewPeerOnly) {
  // The same number again and again, as for a peer that connects and goes.
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(table_.Admit(Socket().get(), i % 2 == 0 ? kOne : kTwo, now_), Verdict::kAdmitted);
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Connect(kOne), Verdict::kAdmitted);
  EXPECT_EQ(Connect(kOne), Verdict::kTooManyOfPeer);
}

TEST_F(ConnectionTableTest, AFullPeerIsNotLookedAtEachTimeThatItConnects) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Connect(kOne), Verdict::kAdmitted);
  EXPECT_EQ(Connect(kOne), Verdict::kTooManyOfPeer);
  for (UniqueFd& fd : open_) {  // files have the numbers, or the next connection would
    fd.Reset();
    fd = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  EXPECT_EQ(Connect(kOne), Verdict::kTooManyOfPeer);
  Later();
  EXPECT_EQ(Connect(kOne), Verdict::kAdmitted);
}

TEST_F(ConnectionTableTest, TheDescriptorsForOtherThingsAreKept) {
  ConnectionTable table({4, 1000, 1000});
  EXPECT_EQ(table.Admit(4, kOne, now_), Verdict::kTooMany);
  EXPECT_EQ(table.Admit(3, kOne, now_), Verdict::kAdmitted);
}

ConnectionPeer Of(const std::string& address) {
  sockaddr_storage storage = {};
  sockaddr_in v4 = {};
  sockaddr_in6 v6 = {};
  if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    std::memcpy(&storage, &v4, sizeof(v4));
  } else if (inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    std::memcpy(&storage, &v6, sizeof(v6));
  } else {
    storage.ss_family = AF_UNIX;
  }
  return PeerOfSocket(storage);
}

TEST(ConnectionPeer, IsAnAddressOrANetworkOfOneHost) {
  EXPECT_EQ(Of("192.0.2.7").name, "192.0.2.7");
  EXPECT_EQ(Of("::ffff:192.0.2.7").name, "192.0.2.7");
  EXPECT_EQ(Of("2001:db8:1:2:3:4:5:6").name, "2001:db8:1:2::/64");
  EXPECT_EQ(Of("2001:db8:1:2:ffff::1").name, "2001:db8:1:2::/64");
  EXPECT_NE(Of("2001:db8:1:3::1").name, Of("2001:db8:1:2::1").name);
  EXPECT_EQ(Of("unix").name, "unix");
}

TEST(ConnectionPeer, LoopbackAndUnixAreLocal) {
  for (const std::string local : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "unix"}) {
    EXPECT_TRUE(Of(local).local) << local;
  }
  for (const std::string other : {"192.0.2.7", "128.0.0.1", "2001:db8::1", "::ffff:10.0.0.1"}) {
    EXPECT_FALSE(Of(other).local) << other;
  }
}

TEST(ConnectionLimits, LeaveRoomForFilesAndForOtherPeers) {
  const ConnectionLimits limits = ConnectionLimits::OfProcess();
  EXPECT_GT(limits.per_peer, 0);
  EXPECT_LE(4 * limits.per_peer, limits.total);
  EXPECT_LE(2 * limits.per_local_peer, limits.total);
}

}  // namespace
}  // namespace handoff
