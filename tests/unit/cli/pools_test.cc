#include "cli/pools.h"

#include "absl/strings/str_cat.h"
#include "cli/settings.h"
#include "cli/toml_file.h"
#include "common/check.h"
#include "common/file.h"
#include "common/identity/private_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_authority.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class Pools : public ::testing::Test {
 protected:
  Pools() : dir_(*TempDir::Make("handoff-pools-")) {}

  PoolQuestion Ask(const std::vector<std::string>& more = {}, const std::string& flag = "") const {
    PoolQuestion question{flag, {absl::StrCat("HOME=", dir_.path())}, absl::Now()};
    question.environment.insert(question.environment.end(), more.begin(), more.end());
    return question;
  }
  Places Where() const { return PlacesFrom(Ask().environment); }
  void Write(const std::string& path, const std::string& text) const {
    CHECK(MakeDirectories(path.substr(0, path.rfind('/'))).ok());
    CHECK(WriteFileAtomically(path, text).ok());
  }
  void LogIn(const FakeAuthority& authority, const std::string& user,
             const std::vector<std::string>& addresses) const {
    const std::string made = authority.UserDirectory(user);
    const auto key = ReadPrivateFile(made + "/key.pem", 1 << 16);
    CHECK(MakeDirectories(Where().pools).ok());
    CHECK(WriteCredential(absl::StrCat(Where().pools, "/", authority.pool_id()),
                          {*ReadFile(made + "/authority.pem"), *ReadFile(made + "/certificate.pem"),
                           key->Copy(), addresses, user})
              .ok());
  }
  void StartDev(const std::string& address, const std::string& credentials) const {
    Write(Where().context_file, absl::StrCat("coordinator = ", TomlString(address),
                                             "\ncredentials = ", TomlString(credentials), "\n"));
  }
  static std::string Words(const absl::StatusOr<PoolAccess>& access) {
    return std::string(access.status().message());
  }

  TempDir dir_;
  FakeAuthority one_{"pool-one"}, two_{"pool-two"};
};

TEST_F(Pools, WithoutAnyItSaysHowToGetIn) {
  const auto access = FindPool(Ask());
  EXPECT_TRUE(absl::IsUnauthenticated(access.status())) << access.status();
  for (const char* way : {"handoff login", "handoff user add", "handoff dev", "HANDOFF_TOKEN"}) {
    EXPECT_THAT(Words(access), HasSubstr(way));
  }
  EXPECT_THAT(Words(FindPool(Ask({}, "build:7433"))), HasSubstr("at build:7433"));
}

TEST_F(Pools, TheOnlyLoginIsMeant) {
  LogIn(one_, "alice", {"a:1", "b:2"});
  const auto access = FindPool(Ask());
  ASSERT_TRUE(access.ok()) << access.status();
  EXPECT_EQ(access->pool_id(), "pool-one");
  EXPECT_EQ(access->user(), "alice");
  EXPECT_THAT(access->addresses, ElementsAre("a:1", "b:2"));
}

TEST_F(Pools, AnotherWayThereLeadsToTheSamePool) {
  LogIn(one_, "alice", {"a:1"});
  for (const PoolQuestion& question :
       {Ask({}, "127.0.0.1:9"), Ask({"HANDOFF_COORDINATOR=127.0.0.1:9"})}) {
    const auto access = FindPool(question);
    ASSERT_TRUE(access.ok()) << access.status();
    EXPECT_THAT(access->addresses, ElementsAre("127.0.0.1:9"));
    EXPECT_EQ(access->pool_id(), "pool-one");
  }
  Write(Where().config_file, "coordinator = \"127.0.0.1:8\"\n");
  EXPECT_THAT(FindPool(Ask())->addresses, ElementsAre("127.0.0.1:8"));
}

TEST_F(Pools, OfSeveralTheLastLoginCountsUnlessConfigOrAddressSayOtherwise) {
  LogIn(one_, "alice", {"a:1"});
  LogIn(two_, "grace", {"b:2"});
  const auto several = FindPool(Ask());
  EXPECT_TRUE(absl::IsFailedPrecondition(several.status())) << several.status();
  EXPECT_THAT(Words(several), HasSubstr("pool-one, pool-two"));
  Write(Where().current_pool, "pool-two\n");
  EXPECT_EQ(FindPool(Ask())->user(), "grace");
  Write(Where().config_file, "pool = \"pool-one\"\n");
  EXPECT_EQ(FindPool(Ask())->user(), "alice");
  EXPECT_EQ(FindPool(Ask({}, "b:2"))->user(), "grace");
  EXPECT_EQ(FindPool(Ask({}, "tunnel:5"))->user(), "alice");
}

TEST_F(Pools, OneAddressOfSeveralPoolsIsThatOfTheCurrentOne) {
  LogIn(one_, "alice", {"127.0.0.1:7"});
  LogIn(two_, "grace", {"127.0.0.1:7"});
  EXPECT_TRUE(absl::IsFailedPrecondition(FindPool(Ask({}, "127.0.0.1:7")).status()));
  Write(Where().current_pool, "pool-two\n");
  EXPECT_EQ(FindPool(Ask({}, "127.0.0.1:7"))->user(), "grace");
}

TEST_F(Pools, APoolOfTheConfigurationWithoutALoginIsNamed) {
  LogIn(one_, "alice", {"a:1"});
  Write(Where().config_file, "pool = \"pool-two\"\n");
  const auto access = FindPool(Ask());
  EXPECT_TRUE(absl::IsUnauthenticated(access.status())) << access.status();
  EXPECT_THAT(Words(access), HasSubstr("config.toml names pool pool-two"));
  // What the last login left behind does not stand in the way of the only one there is.
  Write(Where().config_file, "");
  Write(Where().current_pool, "pool-two\n");
  EXPECT_EQ(FindPool(Ask())->user(), "alice");
}

TEST_F(Pools, ADevPoolIsForThoseWhoHaveNoOtherOrAskForIt) {
  StartDev("127.0.0.1:5", one_.UserDirectory("root"));
  EXPECT_EQ(FindPool(Ask())->user(), "root");
  EXPECT_THAT(FindPool(Ask())->addresses, ElementsAre("127.0.0.1:5"));
  EXPECT_TRUE(absl::IsUnauthenticated(FindPool(Ask({}, "elsewhere:1")).status()));
  LogIn(two_, "grace", {"b:2"});
  EXPECT_EQ(FindPool(Ask())->user(), "grace");
  EXPECT_EQ(FindPool(Ask({}, "127.0.0.1:5"))->user(), "root");
}

TEST_F(Pools, ADirectoryNeedsAnAddress) {
  const std::string directory = one_.UserDirectory("root");
  const std::string variable = "HANDOFF_CREDENTIALS=" + directory;
  const auto without = FindPool(Ask({variable}));
  EXPECT_TRUE(absl::IsInvalidArgument(without.status())) << without.status();
  EXPECT_THAT(Words(without), HasSubstr("HANDOFF_COORDINATOR"));
  EXPECT_EQ(FindPool(Ask({variable}, "a:1"))->user(), "root");
  StartDev("127.0.0.1:5", directory);
  EXPECT_THAT(FindPool(Ask({variable}))->addresses, ElementsAre("127.0.0.1:5"));
  // It goes before a login.
  LogIn(two_, "grace", {"b:2"});
  EXPECT_EQ(FindPool(Ask({variable}, "b:2"))->user(), "root");
  EXPECT_TRUE(absl::IsNotFound(FindPool(Ask({"HANDOFF_CREDENTIALS=/nowhere"}, "a:1")).status()));
}

TEST_F(Pools, ATokenGoesFirstAndBringsItsAddress) {
  LogIn(two_, "grace", {"b:2"});
  Write(Where().config_file, "coordinator = \"c:3\"\n");
  const Ticket ticket = one_.MakeLine(TicketKind::kCi, "a:1");
  const std::string variable = absl::StrCat("HANDOFF_TOKEN=", EncodeTicket(ticket)->Reveal());
  const auto access = FindPool(Ask({variable}));
  ASSERT_TRUE(access.ok()) << access.status();
  EXPECT_EQ(access->pool_id(), "pool-one");
  EXPECT_EQ(access->user(), "");
  EXPECT_THAT(access->addresses, ElementsAre("a:1"));
  EXPECT_THAT(FindPool(Ask({variable}, "d:4"))->addresses, ElementsAre("d:4"));
}

TEST_F(Pools, AnExpiredTokenIsDeniedWithoutBeingPrinted) {
  const Ticket ticket = one_.MakeLine(TicketKind::kCi, "a:1", absl::Seconds(60));
  const std::string token(EncodeTicket(ticket)->Reveal());
  PoolQuestion later = Ask({"HANDOFF_TOKEN=" + token});
  later.now += absl::Hours(1);
  const auto access = FindPool(later);
  EXPECT_TRUE(absl::IsUnauthenticated(access.status())) << access.status();
  EXPECT_THAT(Words(access), ::testing::StartsWith("HANDOFF_TOKEN: "));
  EXPECT_THAT(Words(access), HasSubstr("handoff token create"));
  EXPECT_THAT(Words(access), Not(HasSubstr(token.substr(5, 20))));
}

TEST_F(Pools, ACertificateOutOfItsTimeSaysWhichClockAndWhatToDo) {
  LogIn(one_, "alice", {"a:1"});
  PoolQuestion late = Ask();
  late.now += absl::Hours(24 * 3650);
  EXPECT_TRUE(absl::IsUnauthenticated(FindPool(late).status()));
  EXPECT_THAT(Words(FindPool(late)), HasSubstr("handoff login --link --user alice"));
  PoolQuestion early = Ask();
  early.now -= absl::Hours(1);
  EXPECT_THAT(Words(FindPool(early)), HasSubstr("by this host's clock it is"));
  EXPECT_TRUE(FindLogin(late).ok());  // to log out of
}

TEST_F(Pools, OnlyALoginIsLoggedOutOf) {
  StartDev("127.0.0.1:5", one_.UserDirectory("root"));
  EXPECT_TRUE(absl::IsUnauthenticated(FindLogin(Ask()).status()));
  LogIn(two_, "grace", {"b:2"});
  EXPECT_EQ(FindLogin(Ask())->user(), "grace");
}

}  // namespace
}  // namespace handoff
