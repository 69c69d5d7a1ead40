// A host joins: against a pool that issues real certificates, broken off at every step.

#include "worker/joining/join.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/identity/private_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_identity_client.h"
#include "worker/data_dir.h"
#include "worker/identity.h"
#include "worker/joining/what_runs_where.h"

namespace handoff::worker {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

constexpr const char* kFiles[] = {"authority.pem", "certificate.pem", "key.pem", "pool.toml",
                                  "renewal.pem"};

class JoinTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return absl::StrCat(dir_.path(), "/", name); }
  std::string data() const { return path("data"); }
  absl::StatusOr<JoinResult> Join(const std::string& line) {
    asked_ = 0;
    return worker::Join(
        {data(), "build-1", {{"os", "linux"}}, coordinator_},
        [&]() -> absl::StatusOr<Secret> {
          ++asked_;
          return Secret(line);
        },
        pool_, clock_);
  }
  std::string WhyNot(const std::string& line) { return std::string(Join(line).status().message()); }
  std::string Uuid() const { return ReadIdentity(data() + "/identity.json").value().uuid; }
  absl::StatusOr<Joined> Read() const { return ReadJoined(data() + "/identity", Uuid()); }
  // As a join leaves it that was killed before its last step.
  void TakeBackTheLastStep() {
    ASSERT_EQ(std::rename((data() + "/identity").c_str(), (data() + "/identity.joining").c_str()),
              0);
  }

  const TempDir dir_ = *TempDir::Make("join-");
  FakeClock clock_;
  FakeIdentityClient pool_{clock_};
  std::string coordinator_;
  int asked_ = 0;
};

TEST_F(JoinTest, OneLineMakesTheFiveFiles) {
  const auto result = Join(pool_.Line({"10.0.0.5:7433", "build.example:7433"}) + "\n");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->data_dir, data());
  EXPECT_FALSE(result->was_begun);
  EXPECT_THAT(*ListDirectory(data() + "/identity"), ::testing::ElementsAreArray(kFiles));
  const auto joined = Read();
  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_TRUE(joined->damage.ok());
  EXPECT_EQ(joined->pool.pool_id, kFakePool);
  EXPECT_THAT(joined->pool.coordinators, ElementsAre("10.0.0.5:7433", "build.example:7433"));
  EXPECT_EQ(joined->pool.name, "build-1");
  EXPECT_EQ(joined->pool.labels.at("os"), "linux");
  EXPECT_EQ(joined->certificate->peer()->name, Uuid());
  ASSERT_EQ(pool_.calls.size(), 1u);
  EXPECT_EQ(pool_.calls[0].name, "build-1");
  EXPECT_EQ(pool_.calls[0].worker_uuid, Uuid());
  struct stat info = {};
  ASSERT_EQ(::stat((data() + "/identity/key.pem").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  // The daemon starts as that worker, in that pool.
  const Identity identity = BeginStart(data() + "/identity.json", data()).value();
  EXPECT_EQ(identity.uuid, joined->certificate->peer()->name);
  EXPECT_EQ(identity.pool_id, kFakePool);
  EXPECT_EQ(identity.start, 1u);
}

TEST_F(JoinTest, TheLineMaySayLabelsAndTheHostsOwnerWins) {
  pool_.spoil = [](IssuedPair& issued) { issued.labels = {{"os", "of the line"}, {"gpu", "yes"}}; };
  ASSERT_TRUE(Join(pool_.Line()).ok());
  EXPECT_THAT(Read()->pool.labels, ElementsAre(Pair("gpu", "yes"), Pair("os", "linux")));
}

TEST_F(JoinTest, APersonIsToldWhoseWorkTheHostWillTake) {
  struct Case {
    std::string owner;
    bool shared;
    std::vector<std::string> repos;
    std::string said;
  };
  for (const Case& c : std::vector<Case>{
           {"ann", false, {}, "It takes the work of ann.\n"},
           {"ann", true, {}, "It takes the work of everybody.\n"},
           {"ann",
            true,
            {"github.com/acme/*", "host/\x1b[2Jx"},
            "It takes the work of everybody, of repositories like github.com/acme/*, host/"}}) {
    ASSERT_TRUE(RemoveTree(data()).ok());
    pool_.spoil = [&](IssuedPair& issued) {
      issued.owner = c.owner;
      issued.shared = c.shared;
      issued.repos = c.repos;
    };
    const auto result = Join(pool_.Line());
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_THAT(DescribeJoined(*result, {"builder", 1001}),
                AllOf(HasSubstr(c.said), Not(HasSubstr("\x1b"))));
  }
  // A coordinator of before says nothing of it.
  ASSERT_TRUE(RemoveTree(data()).ok());
  pool_.spoil = [](IssuedPair&) {};
  EXPECT_THAT(DescribeJoined(*Join(pool_.Line()), {"builder", 1001}),
              Not(HasSubstr("takes the work")));
}

TEST_F(JoinTest, NothingOfTheLineStaysOnDisk) {
  const std::string line = pool_.Line();
  ASSERT_TRUE(Join(line).ok());
  for (const char* file : kFiles) {
    EXPECT_FALSE(absl::StrContains(*ReadFile(data() + "/identity/" + file), line.substr(5, 20)));
  }
}

TEST_F(JoinTest, ADirectoryThatJoinedRefusesASecondTime) {
  ASSERT_TRUE(Join(pool_.Line()).ok());
  const std::string key = *ReadFile(data() + "/identity/key.pem");
  const absl::Status refused = Join(pool_.Line()).status();
  EXPECT_TRUE(absl::IsAlreadyExists(refused));
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr(absl::StrCat("has joined pool ", kFakePool,
                                           " as worker build-1. "
                                           "Nothing was done.")),
                    HasSubstr("another --data-dir")));
  EXPECT_EQ(asked_, 0) << "nobody is asked for a secret in vain";
  EXPECT_EQ(pool_.calls.size(), 1u);
  EXPECT_EQ(*ReadFile(data() + "/identity/key.pem"), key);
}

TEST_F(JoinTest, OneThatCannotRenewAnyMoreMayAskThePool) {
  ASSERT_TRUE(Join(pool_.Line()).ok());
  clock_.Advance(absl::Hours(24 * 89));
  EXPECT_TRUE(absl::IsAlreadyExists(Join(pool_.Line()).status()));
  clock_.Advance(absl::Hours(48));
  ASSERT_TRUE(Join(pool_.Line()).ok());
  EXPECT_GT(Read()->certificate->not_after(), clock_.Now());
}

TEST_F(JoinTest, AnAddressThatIsAwayIsPassedOver) {
  pool_.failing["inside:1"] = absl::UnavailableError("connection refused");
  ASSERT_TRUE(Join(pool_.Line({"inside:1", "outside:2", "third:3"})).ok());
  EXPECT_THAT(Read()->pool.coordinators, ElementsAre("outside:2", "inside:1", "third:3"));
  EXPECT_EQ(pool_.calls.size(), 2u);
}

TEST_F(JoinTest, TheAddressThatIsAskedForGoesFirstFromNowOn) {
  coordinator_ = "ssh://me@front";
  ASSERT_TRUE(Join(pool_.Line({"10.0.0.5:7433", "ssh://me@front"})).ok());
  EXPECT_EQ(pool_.calls.size(), 1u);
  EXPECT_THAT(Read()->pool.coordinators, ElementsAre("ssh://me@front", "10.0.0.5:7433"));
}

TEST_F(JoinTest, WhereNobodyAnswersTheLineIsStillGood) {
  pool_.failing["a:1"] = absl::UnavailableError("what answers there speaks no TLS");
  pool_.failing["b:2"] = absl::DeadlineExceededError("Deadline Exceeded");
  const std::string line = pool_.Line({"a:1", "b:2"});
  EXPECT_THAT(WhyNot(line),
              AllOf(HasSubstr("did not join"), HasSubstr("the line can be tried again"),
                    HasSubstr("a:1: what answers there speaks no TLS"),
                    HasSubstr("b:2: Deadline Exceeded")));
  EXPECT_FALSE(PathExists(data() + "/identity"));
  pool_.failing.clear();
  EXPECT_TRUE(Join(line).ok());
}

// As on a full disk: what is written beyond a page is refused.
TEST_F(JoinTest, WhereItsFilesFindNoRoomTheLineIsNotUsed) {
  const std::string line = pool_.Line({"a:1"});
  rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit little{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &little), 0);
  const std::string refused = WhyNot(line);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(refused, AllOf(HasSubstr("did not join"), HasSubstr("still good")));
  const auto joined = Join(line);
  EXPECT_TRUE(joined.ok()) << joined.status();
}

TEST_F(JoinTest, ARefusalIsNotTriedElsewhere) {
  pool_.failing["a:1"] = absl::AlreadyExistsError("there is a worker named 'build-1' already");
  EXPECT_THAT(WhyNot(pool_.Line({"a:1", "b:2"})), HasSubstr("there is a worker named 'build-1'"));
  EXPECT_EQ(pool_.calls.size(), 1u);
}

TEST_F(JoinTest, ALineThatIsNoneIsSaidToBe) {
  const std::string line = pool_.Line();
  EXPECT_THAT(WhyNot("hello"), HasSubstr("this is not a line that a pool made"));
  EXPECT_THAT(WhyNot(line.substr(0, 600)), HasSubstr("damaged"));
  std::string changed = line;
  changed[300] = changed[300] == 'A' ? 'B' : 'A';
  EXPECT_THAT(WhyNot(changed), HasSubstr("damaged"));
  clock_.Advance(absl::Minutes(20));
  EXPECT_THAT(WhyNot(line), HasSubstr("this line expired 5 min ago"));
  EXPECT_TRUE(pool_.calls.empty());
  EXPECT_FALSE(PathExists(data() + "/identity"));
}

TEST_F(JoinTest, AUsedLineIsRefused) {
  const std::string line = pool_.Line();
  ASSERT_TRUE(Join(line).ok());
  const auto other = worker::Join(
      {path("other"), "build-2", {}}, [&]() -> absl::StatusOr<Secret> { return Secret(line); },
      pool_, clock_);
  EXPECT_TRUE(absl::IsUnauthenticated(other.status())) << other.status();
}

TEST_F(JoinTest, AWorkerOfAnotherPoolStaysOne) {
  ASSERT_TRUE(MakeDirectories(data()).ok());
  Identity identity = BeginStart(data() + "/identity.json", data()).value();
  identity.pool_id = "another";
  ASSERT_TRUE(SaveIdentity(data() + "/identity.json", identity).ok());
  EXPECT_THAT(WhyNot(pool_.Line()),
              AllOf(HasSubstr("of a worker of pool another"), HasSubstr("the line is still good")));
  EXPECT_TRUE(pool_.calls.empty());
}

TEST_F(JoinTest, AWorkerOfBeforeKeepsItsIdentity) {
  ASSERT_TRUE(MakeDirectories(data()).ok());
  Identity identity = BeginStart(data() + "/identity.json", data()).value();
  identity.pool_id = kFakePool;
  ASSERT_TRUE(SaveIdentity(data() + "/identity.json", identity).ok());
  ASSERT_TRUE(Join(pool_.Line()).ok());
  EXPECT_EQ(Uuid(), identity.uuid);
  EXPECT_EQ(BeginStart(data() + "/identity.json", data()).value().start, 2u);
}

TEST_F(JoinTest, ACopiedDirectoryDoesNotJoin) {
  ASSERT_TRUE(MakeDirectories(data()).ok());
  Identity identity = BeginStart(data() + "/identity.json", data()).value();
  identity.directory = "host/1/2";
  ASSERT_TRUE(SaveIdentity(data() + "/identity.json", identity).ok());
  EXPECT_THAT(WhyNot(pool_.Line()), HasSubstr("was copied or moved here"));
  EXPECT_TRUE(pool_.calls.empty());
}

TEST_F(JoinTest, ADirectoryInUseDoesNotJoin) {
  const auto claimed = ClaimDataDir(data());
  ASSERT_TRUE(claimed.ok());
  EXPECT_THAT(WhyNot(pool_.Line()), HasSubstr("another worker daemon uses"));
  EXPECT_EQ(asked_, 0);
}

TEST_F(JoinTest, ACoordinatorsDirectoryDoesNotJoin) {
  ASSERT_TRUE(MakeDirectories(data()).ok());
  ASSERT_TRUE(WriteFileAtomically(data() + "/handoff.db", "").ok());
  EXPECT_THAT(WhyNot(pool_.Line()), HasSubstr("is the data directory of a coordinator"));
}

TEST_F(JoinTest, OneThatHadEverythingIsFinishedWithoutALine) {
  ASSERT_TRUE(Join(pool_.Line()).ok());
  const std::string uuid = Uuid();
  TakeBackTheLastStep();
  const auto finished = Join("none");
  ASSERT_TRUE(finished.ok()) << finished.status();
  EXPECT_TRUE(finished->was_begun);
  EXPECT_EQ(asked_, 0);
  EXPECT_EQ(Uuid(), uuid);
  EXPECT_TRUE(Read().ok());
  EXPECT_FALSE(PathExists(data() + "/identity.joining"));
}

// Each file in turn was not written any more; then each is there, but cut.
TEST_F(JoinTest, AHalfMadeOneIsBegunAnewWithANewLine) {
  for (const bool cut : {false, true}) {
    for (const char* file : kFiles) {
      ASSERT_TRUE(RemoveTree(data()).ok());
      ASSERT_TRUE(Join(pool_.Line()).ok());
      const std::string uuid = Uuid();
      TakeBackTheLastStep();
      const std::string half = data() + "/identity.joining/" + file;
      const std::string text = *ReadFile(half);
      ASSERT_TRUE(RemoveTree(half).ok());
      if (cut) {
        ASSERT_TRUE(WritePrivateFile(half, text.substr(0, text.size() / 2)).ok());
      }
      const auto again = Join(pool_.Line());
      ASSERT_TRUE(again.ok()) << file << ": " << again.status();
      EXPECT_FALSE(again->was_begun) << file;
      EXPECT_TRUE(Read().ok()) << file;
      EXPECT_NE(Uuid(), uuid) << "the pool may have given certificates for that one";
    }
  }
}

TEST_F(JoinTest, AnAnswerThatWasLostLeavesRoomForANewLine) {
  pool_.lose_answer = true;
  const std::string line = pool_.Line({"a:1", "b:2"});
  EXPECT_THAT(
      WhyNot(line),
      AllOf(HasSubstr("a:1 was reached, and then gave no answer: the connection broke"),
            HasSubstr("Whether this host joined is not known"), HasSubstr("`handoff worker list`"),
            HasSubstr("`handoff worker remove build-1`"), Not(HasSubstr("did not join"))));
  EXPECT_EQ(pool_.calls.size(), 1u) << "elsewhere it is the same pool, and the line may be used";
  EXPECT_FALSE(PathExists(data() + "/identity"));
  const std::string uuid = Uuid();
  pool_.lose_answer = false;
  EXPECT_TRUE(absl::IsUnauthenticated(Join(line).status()));
  ASSERT_TRUE(Join(pool_.Line()).ok());
  EXPECT_NE(Uuid(), uuid);
}

TEST_F(JoinTest, WhatIsDamagedInPlaceGoesOnlyWhenTheNewOneIsThere) {
  ASSERT_TRUE(Join(pool_.Line()).ok());
  ASSERT_TRUE(WriteFileAtomically(data() + "/identity/key.pem", "garbage").ok());
  EXPECT_FALSE(Join("none").ok());
  EXPECT_EQ(*ReadFile(data() + "/identity/key.pem"), "garbage");
  ASSERT_TRUE(Join(pool_.Line()).ok());
  EXPECT_TRUE(Read().ok());
  EXPECT_FALSE(PathExists(data() + "/identity.old"));
}

TEST_F(JoinTest, WhatTheDaemonWouldRefuseDoesNotComeToItsPlace) {
  const auto key = PrivateKey::Generate().value();
  const FakeIdentityClient twin(clock_);
  const std::vector<std::function<void(IssuedPair&)>> spoils = {
      [](IssuedPair& issued) { issued.certificate = "garbage"; },
      [](IssuedPair& issued) { issued.renewal.clear(); },
      [](IssuedPair& issued) { std::swap(issued.certificate, issued.renewal); },
      [&](IssuedPair& issued) { issued = pool_.Issue(key.public_key(), issued.subject); },
      [&](IssuedPair& issued) { issued = twin.Issue(key.public_key(), issued.subject); },
  };
  for (const auto& spoil : spoils) {
    pool_.spoil = spoil;
    EXPECT_THAT(WhyNot(pool_.Line()), AllOf(HasSubstr("what the coordinator sent cannot be used"),
                                            HasSubstr("The line is used up")));
    EXPECT_FALSE(PathExists(data() + "/identity"));
  }
}

TEST_F(JoinTest, APersonIsToldWhatRunsWhereAndWhatToDoNext) {
  const auto result = Join(pool_.Line());
  ASSERT_TRUE(result.ok());
  const std::string text = DescribeJoined(*result, {"builder", 1001});
  EXPECT_THAT(text,
              AllOf(HasSubstr(absl::StrCat("Joined pool ", kFakePool, " as worker build-1")),
                    HasSubstr("as         builder, uid 1001"), HasSubstr("network    the host's"),
                    HasSubstr("isolation  none"), HasSubstr("handoff-worker --data-dir " + data()),
                    Not(HasSubstr("root"))));
  EXPECT_THAT(DescribeJoined(*result, {"root", 0}), HasSubstr("That is root"));
  // What the pool is told of it later are the same words.
  const Enclosure enclosure = EnclosureOf({"builder", 1001});
  EXPECT_EQ(enclosure.account, "builder");
  EXPECT_EQ(enclosure.uid, 1001u);
  EXPECT_THAT(text, AllOf(HasSubstr("network    " + enclosure.network + "\n"),
                          HasSubstr("isolation  " + enclosure.isolation + "\n")));
}

}  // namespace
}  // namespace handoff::worker
