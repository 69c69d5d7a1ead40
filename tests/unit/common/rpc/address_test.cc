#include "common/rpc/address.h"

#include <string>

#include "gtest/gtest.h"

namespace handoff {
namespace {

TEST(Address, ParsesWhatItPrints) {
  for (const std::string text : {"127.0.0.1:0", "localhost:7070", "build-1.example.org:65535",
                                 "[::1]:80", "unix:/tmp/a socket"}) {
    const auto address = ParseAddress(text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->ToString(), text);
  }
}

TEST(Address, RefusesWhatIsNoAddress) {
  for (const std::string text :
       {"", ":", "host", "host:", ":80", "host:x", "host:65536", "host:-1", "host:+1", "::1:80",
        "[::1]", "[host]:80", "-o:80", "a b:80", "unix:", "unix:relative", "http://host:80"}) {
    EXPECT_EQ(ParseAddress(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(ParseAddress("unix:/" + std::string(108, 'x')).ok());
  EXPECT_FALSE(ParseAddress(std::string("unix:/a\0b", 9)).ok());
}

TEST(Address, NumericTargetsNeverAskDns) {
  EXPECT_EQ(ParseAddress("127.0.0.1:1")->Target(), "ipv4:127.0.0.1:1");
  EXPECT_EQ(ParseAddress("[::1]:1")->Target(), "ipv6:[::1]:1");
  EXPECT_EQ(ParseAddress("host:1")->Target(), "dns:///host:1");
  EXPECT_EQ(ParseAddress("unix:/x")->Target(), "unix:/x");
}

TEST(Address, LoopbackIsWhatOnlyThisHostReaches) {
  for (const std::string text :
       {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1", "unix:/x"}) {
    EXPECT_TRUE(IsLoopback(*ParseAddress(text))) << text;
  }
  for (const std::string text : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "128.0.0.1:1", "host:1",
                                 "127.0.0.1.example.org:1", "[::ffff:10.0.0.1]:1"}) {
    EXPECT_FALSE(IsLoopback(*ParseAddress(text))) << text;
  }
}

}  // namespace
}  // namespace handoff
