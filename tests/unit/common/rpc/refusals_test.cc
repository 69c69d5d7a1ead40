#include "common/rpc/refusals.h"

#include <string>
#include <vector>

#include "common/rpc/grpc_log.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_clock.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class RefusalsTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  std::vector<std::string> lines_;
  Refusals refusals_{[this](const std::string& line) { lines_.push_back(line); }};
};

TEST_F(RefusalsTest, AreToldInOneLineWithTheirCounts) {
  for (int i = 0; i < 1000; ++i) refusals_.Add(Refusal::kNoTls, "");
  refusals_.Add(Refusal::kPeerLimit, "192.0.2.1");
  refusals_.Add(Refusal::kPeerLimit, "192.0.2.2");
  refusals_.Tell(clock_.Boot());
  EXPECT_THAT(lines_, ElementsAre("turned away 1002 connections: 2 above the limit of one address "
                                  "(last: 192.0.2.2); 1000 that spoke no TLS"));
}

TEST_F(RefusalsTest, AreToldAtMostOnceASecondAndNoneIsForgotten) {
  for (int i = 0; i < 30; ++i) {
    refusals_.Add(Refusal::kTooSlow, "");
    refusals_.Tell(clock_.Boot());
    clock_.Advance(absl::Milliseconds(100));
  }
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("away 1 connection: 1 without a handshake"),
                                  HasSubstr("away 10 "), HasSubstr("away 10 ")));
  refusals_.Tell(clock_.Boot());
  EXPECT_THAT(lines_.back(), HasSubstr("away 9 "));
}

TEST_F(RefusalsTest, NothingIsToldWhenNothingHappened) {
  refusals_.Tell(clock_.Boot());
  EXPECT_THAT(lines_, SizeIs(0));
}

TEST_F(RefusalsTest, ErrorsOfGrpcAreNoConnections) {
  refusals_.Add(Refusal::kGrpc, "first");
  refusals_.Add(Refusal::kGrpc, "second\nline \x1b[31m");
  refusals_.Tell(clock_.Boot());
  EXPECT_THAT(lines_, ElementsAre("gRPC reported 2 errors, the last: second line"));
}

TEST(GrpcErrors, AreKnownByOpenSslsWords) {
  const auto failed = [](const std::string& reason) {
    return ClassifyGrpcError(
        "Handshake failed with fatal error SSL_ERROR_SSL: error:0A00:SSL "
        "routines::" +
        reason + ".");
  };
  EXPECT_EQ(failed("peer did not return a certificate"), Refusal::kNoCertificate);
  EXPECT_EQ(failed("certificate verify failed"), Refusal::kBadCertificate);
  EXPECT_EQ(failed("unsupported protocol"), Refusal::kOldTls);
  EXPECT_EQ(failed("http request"), Refusal::kNoTls);
  EXPECT_EQ(failed("wrong version number"), Refusal::kNoTls);
  EXPECT_EQ(failed("something new"), Refusal::kOtherHandshake);
  EXPECT_EQ(ClassifyGrpcError("TlsServerSecurityConnector::cancel_check_peer error: "
                              "UNKNOWN:Handshake timed out {}"),
            Refusal::kTooSlow);
  EXPECT_EQ(ClassifyGrpcError("Update handshaker factory failed."), Refusal::kGrpc);
}

}  // namespace
}  // namespace handoff
