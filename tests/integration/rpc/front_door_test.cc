// What peers without an identity can do to those who have one: nothing that lasts.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/limits.h"
#include "common/unique_fd.h"
#include "gmock/gmock.h"
#include "tests/fakes/flood.h"
#include "tests/integration/rpc/secure_server.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

// Below gRPC's own handshake deadline of two minutes, or nothing would show that ours is in force.
constexpr absl::Duration kPatience = absl::Minutes(1);

// The server of this process has few descriptors.
class FrontDoorTest : public SecureServerTest {
 protected:
  static constexpr rlim_t kFew = 256;

  FrontDoorTest() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit few = {kFew, before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  }
  ~FrontDoorTest() override { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }

  // Beyond all descriptors that the server may have, and 10,000 where the host allows it.
  int Many() const {
    return static_cast<int>(std::min<rlim_t>(10000, before_.rlim_max - before_.rlim_max / 10));
  }
  UniqueFd Connect() const {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<uint16_t>(port()));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
    return fd;
  }

 private:
  rlimit before_ = {};
};

TEST_F(FrontDoorTest, AFloodOfOneAddressDoesNotKeepAnotherOut) {
  Start();
  const LogLines log;
  const Flood flood(port(), "127.0.0.2", Many(), "silence");
  EXPECT_GT(flood.connected(), static_cast<int>(kFew));
  const auto answer = Ask(Worker(), true, kPatience);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->caller, worker_credentials_->facts().serial);
  log.WaitFor("above the limit of one address (last: 127.0.0.2, which may have 96)");
}

TEST_F(FrontDoorTest, AFloodOfTheSameAddressEndsWithTheHandshakeDeadlineAtTheLatest) {
  Start();
  const Flood flood(port(), "127.0.0.1", Many(), "silence");
  EXPECT_TRUE(Ask(Worker(), true, kPatience).ok());
}

TEST_F(FrontDoorTest, AFloodOfAllAddressesTogetherLeavesRoomAgain) {
  Start();
  const LogLines log;
  const Flood first(port(), "127.0.0.2", 1000, "silence");
  const Flood second(port(), "127.0.0.3", 1000, "silence");
  const Flood third(port(), "127.0.0.4", 1000, "silence");
  EXPECT_TRUE(Ask(Worker(), true, kPatience).ok());
  log.WaitFor("above the limit of one address");
}

TEST_F(FrontDoorTest, AConnectionThatWasOpenBeforeAFloodGoesOn) {
  Start();
  const auto open = Worker();
  ASSERT_TRUE(Ask(open).ok());
  const Flood flood(port(), "127.0.0.1", Many(), "silence");
  for (int i = 0; i < 20; ++i) {
    const auto answer = Ask(open);
    EXPECT_TRUE(answer.ok()) << answer.status();
  }
}

TEST_F(FrontDoorTest, AThousandPeersOfNonsenseDisturbNobody) {
  Start();
  const auto open = Worker();
  ASSERT_TRUE(Ask(open).ok());
  const LogLines log;
  const absl::Time begin = absl::Now();
  for (const std::string words : {"random", "http", "hello"}) {
    const Flood flood(port(), "127.0.0.2", 1000, words);
    EXPECT_EQ(flood.connected(), 1000);
    EXPECT_TRUE(Ask(open).ok()) << words;
    EXPECT_TRUE(Ask(Worker(), true, kPatience).ok()) << words;
  }
  log.WaitFor("spoke no TLS");
  // What is told at once is in the first second, the rest once in each.
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  EXPECT_LE(static_cast<double>(log.Get("spoke no TLS").size()), seconds + 2);
}

TEST_F(FrontDoorTest, ThePeerThatSaysNothingIsDisconnected) {
  Start();
  for (const std::string& words : {std::string(), std::string("\x16\x03\x01\x02\x00\x01\x00", 7)}) {
    const UniqueFd fd = Connect();
    ASSERT_EQ(::send(fd.get(), words.data(), words.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(words.size()));
    pollfd polled = {fd.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&polled, 1, static_cast<int>(absl::ToInt64Milliseconds(kPatience))), 1);
    char byte = 0;
    EXPECT_LE(::recv(fd.get(), &byte, 1, 0), 0);
  }
}

TEST_F(FrontDoorTest, HeadersAboveTheBoundEndTheCallAndNotTheServer) {
  Start();
  const auto stub = v1::Objects::NewStub(Worker());
  for (const int bytes : {kMaxMetadataBytes / 2, kMaxMetadataBytes * 2, 1 << 20}) {
    grpc::ClientContext context;
    SetDeadline(context, kPatience);
    context.AddMetadata("x-filler", std::string(static_cast<size_t>(bytes), 'x'));
    const auto reader = stub->Get(&context, v1::GetObjectRequest());
    v1::GetObjectResponse response;
    while (reader->Read(&response)) {
    }
    const grpc::Status status = reader->Finish();
    EXPECT_EQ(status.ok(), bytes < kMaxMetadataBytes) << bytes << ": " << status.error_message();
  }
  EXPECT_TRUE(Ask(Worker()).ok());
}

}  // namespace
}  // namespace handoff
