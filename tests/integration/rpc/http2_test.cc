// What a peer that has a certificate of the pool can do with HTTP/2 by hand.

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/rpc/limits.h"
#include "gmock/gmock.h"
#include "tests/integration/rpc/raw_http2.h"
#include "tests/integration/rpc/secure_server.h"

namespace handoff {
namespace {

using ::testing::Contains;
using ::testing::Key;

// Of this process, in which the server runs.
int ResidentMegabytes() {
  const std::string statm = ReadFile("/proc/self/statm").value();
  int pages = 0;
  EXPECT_TRUE(absl::SimpleAtoi(std::vector<std::string>(absl::StrSplit(statm, ' ')).at(1), &pages));
  return pages / 256;
}

class Http2Test : public SecureServerTest {
 protected:
  // Enough for a sanitizer's quarantine; what is not bounded would take more.
  static constexpr int kMostMegabytes = 400;

  void SetUp() override {
    Start();
    open_ = Worker();
    ASSERT_TRUE(Ask(open_).ok());
    before_ = ResidentMegabytes();
  }
  void TearDown() override {
    EXPECT_LT(ResidentMegabytes() - before_, kMostMegabytes);
    EXPECT_TRUE(Ask(open_).ok());
    EXPECT_TRUE(Ask(Worker()).ok());
  }
  RawHttp2 Connect() const { return RawHttp2(port(), Path("authority/worker")); }

 private:
  std::shared_ptr<grpc::Channel> open_;
  int before_ = 0;
};

TEST_F(Http2Test, StreamsAboveTheBoundAreNotServed) {
  RawHttp2 peer = Connect();
  // gRPC holds a peer to the bound from when that has acknowledged it.
  peer.ReadUntil([&] { return peer.frames() > 0; });
  ASSERT_TRUE(peer.Send(Frame(FrameType::kSettings, kAck, 0, "")));
  const auto call = [&](int stream) {
    return Frame(FrameType::kHeaders, kEndHeaders, static_cast<uint32_t>(stream), CallHeaders());
  };
  const auto request = [&](int stream) {  // an empty message, and that is all
    return Frame(FrameType::kData, kEndStream, static_cast<uint32_t>(stream), std::string(5, '\0'));
  };
  for (int i = 0; i < kMaxStreamsPerConnection; ++i) ASSERT_TRUE(peer.Send(call(2 * i + 1)));
  const int above = 2 * kMaxStreamsPerConnection + 1;
  ASSERT_TRUE(peer.Send(call(above) + request(above) + request(1)));
  peer.ReadUntil([&] { return peer.answered().count(1) > 0; });
  EXPECT_EQ(peer.answered().count(1), 1u);
  EXPECT_EQ(peer.answered().count(static_cast<uint32_t>(above)), 0u);
}

TEST_F(Http2Test, CallsThatAreResetAtOnceDisturbNobody) {
  RawHttp2 peer = Connect();
  for (int i = 0; i < 5'000; ++i) {
    const auto stream = static_cast<uint32_t>(2 * i + 1);
    const std::string cancel("\0\0\0\x08", 4);
    if (!peer.Send(Frame(FrameType::kHeaders, kEndHeaders | kEndStream, stream, CallHeaders()) +
                   Frame(FrameType::kReset, 0, stream, cancel))) {
      break;
    }
    if (i % 1'000 == 0) {
      EXPECT_TRUE(Ask(Worker()).ok());
    }
  }
}

TEST_F(Http2Test, AFloodOfSettingsIsBounded) {
  RawHttp2 peer = Connect();
  std::string hundred;
  for (int i = 0; i < 100; ++i) {
    hundred += Frame(FrameType::kSettings, 0, 0, std::string("\0\x04\0\1\0\0", 6));
  }
  for (int i = 0; i < 2'000 && peer.Send(hundred); ++i) {
    if (i % 500 == 0) {
      EXPECT_TRUE(Ask(Worker()).ok());
    }
  }
}

TEST_F(Http2Test, AFloodOfPingsEndsTheConnection) {
  RawHttp2 peer = Connect();
  const std::string ping = Frame(FrameType::kPing, 0, 0, "12345678");
  for (int i = 0; i < 1000 && peer.Send(ping); ++i) {
  }
  peer.ReadUntil([&] { return !peer.goodbyes().empty(); });
  EXPECT_THAT(peer.goodbyes(), Contains(Key(kEnhanceYourCalm)));
}

}  // namespace
}  // namespace handoff
