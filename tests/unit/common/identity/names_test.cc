#include "common/identity/names.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/common/identity/pool_for_test.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(PeerName, IsTheUriInACertificate) {
  const struct {
    PeerName peer;
    std::string uri;
  } cases[] = {
      {{kPool, PeerKind::kCoordinator, ""}, absl::StrCat("spiffe://", kPool, "/coordinator")},
      {WorkerName(), absl::StrCat("spiffe://", kPool, "/worker/", kWorkerUuid)},
      {{kPool, PeerKind::kRenewal, kWorkerUuid},
       absl::StrCat("spiffe://", kPool, "/renewal/", kWorkerUuid)},
      {{kPool, PeerKind::kUser, "anna.b-c_d"},
       absl::StrCat("spiffe://", kPool, "/user/anna.b-c_d")},
      {{kPool, PeerKind::kToken, "00ff"}, absl::StrCat("spiffe://", kPool, "/token/00ff")},
      {{"p", PeerKind::kUser, std::string(64, 'x')}, "spiffe://p/user/" + std::string(64, 'x')},
  };
  for (const auto& c : cases) {
    EXPECT_TRUE(CheckPeerName(c.peer).ok()) << c.uri;
    EXPECT_EQ(ToUri(c.peer), c.uri);
    const auto parsed = ParsePeerName(c.uri);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, c.peer) << c.uri;
  }
}

TEST(PeerName, IsParsedStrictly) {
  const std::string uris[] = {
      "",
      "spiffe://",
      "spiffe:///worker/a",
      "spiffe://p",
      "spiffe://p/",
      "spiffe://p/worker",
      "spiffe://p/worker/",
      "spiffe://p/worker/a/b",
      "spiffe://p/worker/a/",
      "spiffe://p//worker/a",
      "spiffe://p/worker//a",
      "spiffe://p/admin/a",
      "spiffe://p/Worker/a",
      "spiffe://P/worker/a",
      "SPIFFE://p/worker/a",
      "https://p/worker/a",
      " spiffe://p/worker/a",
      "spiffe://p/worker/a ",
      "spiffe://p/worker/a\n",
      std::string("spiffe://p/worker/a\0b", 21),
      std::string("spiffe://p/worker/a\0", 20),
      "spiffe://p/worker/A",
      "spiffe://p/worker/..",
      "spiffe://p/worker/.a",
      "spiffe://p/worker/%61",
      "spiffe://p/worker/a?x",
      "spiffe://p/worker/a#x",
      "spiffe://p:1/worker/a",
      "spiffe://u@p/worker/a",
      "spiffe://p.q/worker/a",
      "spiffe://-p/worker/a",
      "spiffe://p-/worker/a",
      "spiffe://p/coordinator/",
      "spiffe://p/coordinator/a",
      "spiffe://p/user/\xc3\xa4",
      "spiffe://p/user/" + std::string(65, 'x'),
      "spiffe://" + std::string(49, 'p') + "/user/a",
      std::string(1 << 20, 'x'),
  };
  for (const std::string& uri : uris) {
    EXPECT_THAT(ParsePeerName(uri).status(),
                Refuses(absl::StatusCode::kInvalidArgument, "names nobody in a pool"))
        << uri.substr(0, 100);
  }
}

TEST(PeerName, OneThatIsNotValidIsSaidHow) {
  EXPECT_THAT(CheckPeerName({kPool, PeerKind::kUser, "Anna"}),
              Refuses(absl::StatusCode::kInvalidArgument, "'Anna' is no name for a user: 1 to 64"));
  EXPECT_THAT(CheckPeerName({"my pool", PeerKind::kUser, "anna"}),
              Refuses(absl::StatusCode::kInvalidArgument, "'my pool' is no pool id"));
  const absl::Status hostile = CheckPeerName({kPool, PeerKind::kUser, "\x1b[2Ja"});
  EXPECT_THAT(std::string(hostile.message()), Not(HasSubstr("\x1b")));
}

TEST(PeerName, IsDescribedForPeople) {
  EXPECT_EQ(DescribePeer({kPool, PeerKind::kUser, "anna"}), "user anna");
  EXPECT_EQ(DescribePeer({kPool, PeerKind::kCoordinator, ""}),
            absl::StrCat("the coordinator of ", kPool));
}

TEST(PoolNames, AreOfOnePool) {
  EXPECT_EQ(*ParsePoolUri(PoolUri(kPool)), kPool);
  for (const char* uri : {"spiffe://", "spiffe://p/", "spiffe://p/worker/a", "p", "spiffe://P"}) {
    EXPECT_FALSE(ParsePoolUri(uri).ok()) << uri;
  }
  EXPECT_EQ(PoolDnsName("p1"), "p1.handoff.invalid");
  EXPECT_TRUE(IsDnsName(PoolDnsName(std::string(48, 'p'))));
}

TEST(PoolNames, HostNamesAreWithoutWildcards) {
  for (const char* name : {"localhost", "build-1.example.org", "10.0.0.1"}) {
    EXPECT_TRUE(IsDnsName(name)) << name;
  }
  for (const char* name :
       {"", "*.example.org", "a..b", ".a", "a.", "-a", "a_b", "A", "a b", "a,b"}) {
    EXPECT_FALSE(IsDnsName(name)) << name;
  }
  EXPECT_FALSE(IsDnsName(std::string(64, 'a')));
}

}  // namespace
}  // namespace handoff
