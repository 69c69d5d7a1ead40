#include "worker/doctor.h"

#include <sys/stat.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "common/version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_identity_client.h"
#include "worker/joining/join.h"

namespace handoff::worker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class DoctorTest : public ::testing::Test {
 protected:
  void Join(const std::vector<std::string>& addresses = {"near:1", "far:2"}) {
    const std::string line = pool_.Line(addresses);
    const auto joined = worker::Join(
        {data_, "build-1", {}}, [&] { return Secret(line); }, pool_, clock_);
    ASSERT_TRUE(joined.ok()) << joined.status();
  }
  DoctorReport Ask(const std::string& coordinator = "") {
    return Examine({data_, coordinator, clock_,
                    [&](const std::string& address, const std::string& pool_id,
                        const std::string& directory) -> absl::StatusOr<PoolAnswer> {
                      EXPECT_EQ(pool_id, kFakePool);
                      EXPECT_EQ(directory, data_ + "/identity");
                      const auto away = away_.find(address);
                      if (away != away_.end()) return away->second;
                      return PoolAnswer{version_, clock_.Now() + ahead_};
                    },
                    [&] { return agents_; }});
  }

  const TempDir dir_ = *TempDir::Make("doctor-");
  const std::string data_ = dir_.path() + "/data";
  FakeClock clock_;
  FakeIdentityClient pool_{clock_};
  std::map<std::string, absl::Status> away_;
  std::string version_ = kVersion;
  absl::Duration ahead_;
  std::vector<AgentOffer> agents_;
};

TEST_F(DoctorTest, WhereAllIsWellEachLineSaysSo) {
  Join();
  const DoctorReport report = Ask();
  EXPECT_TRUE(report.good) << report.text;
  EXPECT_THAT(report.text, AllOf(HasSubstr("ok       pool: worker build-1 ("),
                                 HasSubstr("ok       certificate: good until "),
                                 HasSubstr("ok       coordinator near:1: answers"),
                                 HasSubstr("ok       coordinator far:2: answers"),
                                 HasSubstr("ok       clock: this host's agrees")));
  EXPECT_THAT(report.text, Not(HasSubstr("note   ")));
}

TEST_F(DoctorTest, OneThatHasNotJoinedIsToldHow) {
  const DoctorReport report = Ask();
  EXPECT_FALSE(report.good);
  EXPECT_THAT(report.text,
              AllOf(HasSubstr("problem  pool: "), HasSubstr("handoff-worker join --data-dir")));
  EXPECT_FALSE(PathExists(data_ + "/identity")) << "it only looks";
}

TEST_F(DoctorTest, FilesThatAreNotInOrderAreNamed) {
  Join();
  CHECK(::chmod((data_ + "/identity/key.pem").c_str(), 0644) == 0);
  const DoctorReport open = Ask();
  EXPECT_FALSE(open.good);
  EXPECT_THAT(open.text, AllOf(HasSubstr("problem  pool: "), HasSubstr("key.pem")));
  CHECK(::chmod((data_ + "/identity/key.pem").c_str(), 0600) == 0);
  CHECK(WriteFileAtomically(data_ + "/identity/certificate.pem", "garbage").ok());
  const DoctorReport damaged = Ask();
  EXPECT_FALSE(damaged.good);
  EXPECT_THAT(damaged.text,
              AllOf(HasSubstr("problem  certificate: "), HasSubstr("certificate.pem")));
}

TEST_F(DoctorTest, ACertificateIsSaidToTheEndOfIts90Days) {
  Join();
  clock_.Advance(absl::Hours(48));
  const DoctorReport expired = Ask();
  EXPECT_TRUE(expired.good) << expired.text;
  EXPECT_THAT(expired.text, HasSubstr("note     certificate: it has expired; the daemon renews"));
  clock_.Advance(absl::Hours(100 * 24));
  const DoctorReport over = Ask();
  EXPECT_FALSE(over.good);
  EXPECT_THAT(over.text, AllOf(HasSubstr("problem  certificate: "), HasSubstr("join again")));
}

TEST_F(DoctorTest, AClockIsComparedWithTheCoordinatorsAndTheCertificates) {
  Join();
  ahead_ = absl::Minutes(1);
  EXPECT_THAT(Ask().text, AllOf(HasSubstr("note     clock: this host's is"),
                                HasSubstr("behind the coordinator's")));
  ahead_ = absl::Minutes(-10);
  const DoctorReport wrong = Ask();
  EXPECT_FALSE(wrong.good);
  EXPECT_THAT(wrong.text, AllOf(HasSubstr("problem  clock: this host's is"),
                                HasSubstr("ahead of the coordinator's")));
  clock_.StepWall(absl::Hours(-24 * 365));
  EXPECT_THAT(Ask().text, HasSubstr("problem  certificate: it is valid from "));
}

TEST_F(DoctorTest, OneAddressThatAnswersIsEnough) {
  Join();
  away_["near:1"] = absl::UnavailableError("Connection refused");
  const DoctorReport one = Ask();
  EXPECT_TRUE(one.good) << one.text;
  EXPECT_THAT(one.text, AllOf(HasSubstr("note     coordinator near:1: Connection refused"),
                              HasSubstr("ok       coordinator far:2")));
  away_["far:2"] = absl::UnauthenticatedError("this certificate is not good in this pool");
  const DoctorReport none = Ask();
  EXPECT_FALSE(none.good);
  EXPECT_THAT(none.text, AllOf(HasSubstr("problem  coordinator near:1: "),
                               HasSubstr("problem  coordinator far:2: this certificate")));
  EXPECT_THAT(none.text, Not(HasSubstr("clock")));
  EXPECT_TRUE(Ask("elsewhere:3").good) << "the flag goes before what it joined with";
}

TEST_F(DoctorTest, AnotherVersionAndWhatAgentsNeedAreSaid) {
  Join();
  version_ = "0.0.1";
  agents_.resize(3);
  agents_[0].name = "cursor";
  agents_[0].state = AgentState::kReady;
  agents_[0].account = "ann@example.org";
  agents_[1].name = "claude";
  agents_[1].state = AgentState::kNeedsSetup;
  agents_[1].message = "log in with claude login";
  agents_[2].name = "codex";
  agents_[2].state = AgentState::kMissing;
  const DoctorReport report = Ask();
  EXPECT_TRUE(report.good);
  EXPECT_THAT(report.text,
              AllOf(HasSubstr("note     version: this worker is"),
                    HasSubstr("ok       agent cursor: ready, logged in as ann@example.org"),
                    HasSubstr("note     agent claude: needs setup: log in with claude login"),
                    HasSubstr("note     agent codex: is missing")));
}

}  // namespace
}  // namespace handoff::worker
