// Tunnels of a daemon, with a stand-in for ssh that reaches a coordinator over a link.

#include "worker/rpc/tunnels.h"

#include <signal.h>
#include <stdlib.h>

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/rpc/tls_pool.h"
#include "worker/rpc/grpc_coordinator_client.h"
#include "worker/rpc/grpc_identity_client.h"

namespace handoff::worker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr Backoff kSoon{absl::Milliseconds(1), absl::Milliseconds(2)};
constexpr char kAddress[] = "ssh://me@build-1:99";

class TunnelsTest : public ::testing::Test {
 protected:
  TunnelsTest() : path_(getenv("PATH")) {
    CHECK(MakeDirectories(place_.path() + "/bin").ok());
    CHECK(MakeDirectories(place_.path() + "/tmp").ok());
    const std::string script = absl::StrCat("#!/bin/sh\necho $$ \"$@\" >>", notes_,
                                            "\nwhile [ \"$1\" != -L ]; do shift; done\n",
                                            "[ \"$4\" = gone ] && exit 255\nln -s ", place_.path(),
                                            "/far \"${2%%:*}\"\nexec sleep infinity\n");
    CHECK(WriteFileAtomically(place_.path() + "/bin/ssh", script, 0700).ok());
    ::setenv("PATH", absl::StrCat(place_.path(), "/bin:", path_).c_str(), 1);
    ::setenv("TMPDIR", (place_.path() + "/tmp").c_str(), 1);
  }
  ~TunnelsTest() override {
    ::setenv("PATH", path_.c_str(), 1);
    ::unsetenv("TMPDIR");
  }
  // One for each time that it was called: its pid, and what it was asked.
  std::vector<std::string> Notes() const {
    return absl::StrSplit(ReadFile(notes_).value_or(""), '\n', absl::SkipEmpty());
  }
  static pid_t PidIn(const std::string& note) {
    pid_t pid = 0;
    CHECK(absl::SimpleAtoi(note.substr(0, note.find(' ')), &pid));
    return pid;
  }
  // Until it is open. ctest ends what never comes.
  static std::string Open(Tunnels& tunnels, const std::string& not_this = "") {
    auto local = tunnels.Resolve(kAddress);
    while (!local.ok() || *local == not_this) local = tunnels.Resolve(kAddress);
    return *local;
  }

  const TempDir place_ = *TempDir::Make("ssh-");
  const std::string path_, notes_ = place_.path() + "/notes";
  const RealClock clock_{};
  TlsPool pool_{kTlsPool, "unix:" + place_.path() + "/far"};
  const PrivateKey key_ = PrivateKey::Generate().value();
};

TEST_F(TunnelsTest, WhatIsNotBehindSshIsItself) {
  Tunnels tunnels;
  EXPECT_EQ(*tunnels.Resolve("build-1:7433"), "build-1:7433");
  EXPECT_EQ(*tunnels.Resolve("unix:/run/h"), "unix:/run/h");
  EXPECT_THAT(Notes(), IsEmpty());
}

TEST_F(TunnelsTest, OneIsOpenedForAllUsesAndLeavesNothing) {
  {
    Tunnels tunnels(kSoon);
    const absl::Status before = tunnels.Resolve(kAddress).status();
    EXPECT_TRUE(absl::IsUnavailable(before));
    EXPECT_THAT(std::string(before.message()), HasSubstr(kAddress));
    EXPECT_THAT(Open(tunnels), StartsWith("unix:"));
    EXPECT_EQ(Open(tunnels), Open(tunnels));
  }
  ASSERT_THAT(Notes(), SizeIs(1));
  EXPECT_THAT(Notes()[0], HasSubstr("BatchMode=yes"));
  EXPECT_THAT(Notes()[0], HasSubstr("/s:127.0.0.1:99 -- me@build-1"));
  EXPECT_FALSE(PathExists(absl::StrCat("/proc/", PidIn(Notes()[0]))));
  // What removes the socket is nobody's child.
  while (!ListDirectory(place_.path() + "/tmp")->empty()) {
  }
}

TEST_F(TunnelsTest, OneThatEndedIsOpenedAgain) {
  Tunnels tunnels(kSoon);
  const std::string first = Open(tunnels);
  ASSERT_EQ(::kill(PidIn(Notes()[0]), SIGKILL), 0);
  EXPECT_NE(Open(tunnels, first), first);
  EXPECT_THAT(Notes(), SizeIs(2));
}

TEST_F(TunnelsTest, OneThatCannotBeOpenedHoldsNobodyUp) {
  {
    Tunnels tunnels(kSoon);
    while (Notes().size() < 3) EXPECT_FALSE(tunnels.Resolve("ssh://gone").ok());
  }
  // Nor one whose ssh neither ends nor opens it.
  CHECK(WriteFileAtomically(
            place_.path() + "/bin/ssh",
            absl::StrCat("#!/bin/sh\necho $$ >>", notes_, "\nexec sleep infinity\n"), 0700)
            .ok());
  const size_t before = Notes().size();
  {
    Tunnels tunnels(kSoon);
    while (Notes().size() == before) EXPECT_FALSE(tunnels.Resolve("ssh://silent").ok());
  }
  EXPECT_FALSE(PathExists(absl::StrCat("/proc/", PidIn(Notes().back()))));
}

// Over it goes the same mutual TLS, and the calls find the new one by themselves.
TEST_F(TunnelsTest, AWorkersCallsGoOnOverTheNextOne) {
  Tunnels tunnels(kSoon);
  const std::string directory =
      pool_.Write("worker", key_,
                  IssuePem(pool_.authority(), key_.public_key(), PeerKind::kWorker, kTlsWorker));
  const auto route = std::make_shared<CoordinatorRoute>(
      CoordinatorRoute::Options{
          {kAddress}, PoolDnsName(kTlsPool), CredentialFiles::In(directory), &tunnels},
      clock_);
  GrpcCoordinatorClient client(route, {kTlsWorker, 1, 2, "", ""});
  const auto report = [&] { return client.Report({kTlsPool, {"h", 1}, 7, ""}, {}).status(); };
  EXPECT_TRUE(absl::IsUnavailable(report()));
  const std::string first = Open(tunnels);
  EXPECT_TRUE(report().ok()) << report();
  const ConnectionsPtr before = *route->Get();
  EXPECT_EQ(*route->Get(), before);
  ASSERT_EQ(::kill(PidIn(Notes()[0]), SIGKILL), 0);
  Open(tunnels, first);
  EXPECT_NE(*route->Get(), before) << "with ssh itself those would be dead";
  EXPECT_TRUE(report().ok()) << report();
}

TEST_F(TunnelsTest, ARedemptionHasATunnelOfItsOwn) {
  Tunnels tunnels(kSoon);
  GrpcIdentityClient client(clock_, tunnels);
  const ShownIdentity shown{kTlsPool, pool_.authority().certificate.ToPem(),
                            IssuePem(pool_.authority(), key_.public_key(), PeerKind::kToken, "t"),
                            *key_.ToPem()};
  pool_.identity().Refuse(absl::UnauthenticatedError("used"));
  const absl::Status said =
      client.Redeem(kAddress, shown, {"t", "secret", "request", kTlsWorker, "w"}).status();
  EXPECT_EQ(said, absl::UnauthenticatedError("used"));
  ASSERT_THAT(Notes(), SizeIs(1));
  EXPECT_FALSE(PathExists(absl::StrCat("/proc/", PidIn(Notes()[0]))));
}

}  // namespace
}  // namespace handoff::worker
