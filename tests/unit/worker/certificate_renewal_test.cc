// When and with what this worker's certificate is renewed, step by step with a clock that stands
// still; the certificates are real.

#include "worker/certificate_renewal.h"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/identity/private_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_identity_client.h"

namespace handoff::worker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kUuid[] = "5d9a1c1e-4a43-4f3b-9d53-0a6a3d2f7b10";

class CertificateRenewalTest : public ::testing::Test {
 protected:
  CertificateRenewalTest() {
    EXPECT_TRUE(MakeDirectories(directory()).ok());
    Put(pool_.Issue(key_.public_key(), kUuid));
    Write("authority.pem", pool_.authority().certificate.ToPem());
    Write("key.pem", key_.ToPem()->Reveal());
    Write("pool.toml", RenderPoolFile({kFakePool, {"a:1"}, "build-1", {}}));
    renewal_.emplace(
        CertificateRenewal::Tools{
            directory(), kUuid, {"a:1", "b:2"}, clock_, pool_, [this] { ++renewed_; }},
        7);
  }
  void Put(const IssuedPair& issued) const {
    Write("certificate.pem", issued.certificate);
    Write("renewal.pem", issued.renewal);
  }
  std::string directory() const { return dir_.path() + "/identity"; }
  std::string Read(const std::string& name) const {
    return ReadFile(directory() + "/" + name).value();
  }
  void Write(const std::string& name, absl::string_view content) const {
    ASSERT_TRUE(WritePrivateFile(directory() + "/" + name, content).ok());
  }
  std::string Serial() const { return Certificate::FromPem(Read("certificate.pem"))->serial(); }
  absl::Duration Step() { return renewal_->Step(); }
  size_t calls() const { return pool_.calls.size(); }
  PeerKind ShownLast() const { return pool_.calls.back().shown.kind; }

  const TempDir dir_ = *TempDir::Make("renewal-");
  FakeClock clock_;
  FakeIdentityClient pool_{clock_};
  const PrivateKey key_ = PrivateKey::Generate().value();
  int renewed_ = 0;
  std::optional<CertificateRenewal> renewal_;
};

TEST_F(CertificateRenewalTest, TheNextOneIsAskedForAtHalfOfTheLife) {
  const std::string before = Serial();
  const std::string key = Read("key.pem");
  clock_.Advance(absl::Hours(9));
  EXPECT_GT(Step(), absl::ZeroDuration());
  EXPECT_EQ(calls(), 0u) << "not before";
  clock_.Advance(absl::Hours(3));
  Step();
  ASSERT_EQ(calls(), 1u);
  EXPECT_EQ(ShownLast(), PeerKind::kWorker);
  EXPECT_NE(Serial(), before);
  EXPECT_EQ(Read("key.pem"), key);
  EXPECT_EQ(renewed_, 1);
  EXPECT_THAT(renewal_->problem(), IsEmpty());
  // And then not again for half of the life of that one.
  clock_.Advance(absl::Hours(9));
  Step();
  EXPECT_EQ(calls(), 1u);
  clock_.Advance(absl::Hours(3));
  Step();
  EXPECT_EQ(calls(), 2u);
}

TEST_F(CertificateRenewalTest, WorkersThatJoinedTogetherDoNotRenewTogether) {
  std::set<absl::Duration> ages;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    FakeClock clock(clock_.Now());
    int renewed = 0;
    CertificateRenewal renewal({directory(), kUuid, {"a:1"}, clock, pool_, [&] { ++renewed; }},
                               seed);
    const IssuedPair first{Read("certificate.pem"), Read("renewal.pem"), "", "", {}};
    absl::Duration age;
    for (; renewed == 0 && age < absl::Hours(24); age += absl::Minutes(10)) {
      renewal.Step();
      clock.Advance(absl::Minutes(10));
    }
    EXPECT_GT(age, absl::Hours(9));
    EXPECT_LT(age, absl::Hours(12.5));
    ages.insert(age);
    Put(first);
  }
  EXPECT_GT(ages.size(), 3u);
}

TEST_F(CertificateRenewalTest, OneThatExpiredIsRenewedWithTheOtherCertificate) {
  clock_.Advance(absl::Hours(66));  // a weekend
  Step();
  ASSERT_EQ(calls(), 1u);
  EXPECT_EQ(ShownLast(), PeerKind::kRenewal);
  EXPECT_EQ(renewed_, 1);
  EXPECT_GT(Certificate::FromPem(Read("certificate.pem"))->not_after(), clock_.Now());
}

TEST_F(CertificateRenewalTest, AfterNinetyDaysItIsSaidThatItHasToJoin) {
  clock_.Advance(absl::Hours(24 * 91));
  EXPECT_GT(Step(), absl::ZeroDuration());
  EXPECT_EQ(calls(), 0u);
  EXPECT_THAT(renewal_->problem(), AllOf(HasSubstr("expired at 20"), HasSubstr("join as a new")));
  EXPECT_EQ(renewed_, 0);
}

TEST_F(CertificateRenewalTest, AClockThatIsBehindIsSaid) {
  clock_.StepWall(-absl::Hours(48));
  Step();
  EXPECT_EQ(calls(), 0u);
  EXPECT_THAT(renewal_->problem(), HasSubstr("set the clock"));
  clock_.StepWall(absl::Hours(48));
  Step();
  EXPECT_THAT(renewal_->problem(), IsEmpty());
}

TEST_F(CertificateRenewalTest, WhereNobodyAnswersItIsTriedMoreAndMoreSlowlyAndElsewhere) {
  pool_.failing = {{"a:1", absl::UnavailableError("connection refused")},
                   {"b:2", absl::UnavailableError("connection refused")}};
  clock_.Advance(absl::Hours(12));
  const absl::Duration first = Step();
  EXPECT_EQ(calls(), 2u);
  EXPECT_EQ(pool_.calls[1].address, "b:2");
  EXPECT_THAT(renewal_->problem(), IsEmpty()) << "there are hours left";
  absl::Duration last;
  for (int i = 0; i < 12; ++i) last = Step();
  EXPECT_GT(last, first);
  EXPECT_LE(last, absl::Minutes(10));
  // As its end comes nearer it is a matter of the pool.
  clock_.Advance(absl::Hours(7));
  Step();
  EXPECT_THAT(renewal_->problem(), HasSubstr("b:2: connection refused"));
  pool_.failing.erase("b:2");
  Step();
  EXPECT_EQ(renewed_, 1);
  EXPECT_THAT(renewal_->problem(), IsEmpty());
}

TEST_F(CertificateRenewalTest, WhoIsRevokedAsksSeldom) {
  pool_.failing = {{"a:1", absl::UnauthenticatedError("this worker was revoked")}};
  clock_.Advance(absl::Hours(12));
  EXPECT_GE(Step(), absl::Seconds(15));
  EXPECT_EQ(calls(), 1u) << "the other address is of the same pool";
  absl::Duration last;
  for (int i = 0; i < 12; ++i) last = Step();
  EXPECT_GE(last, absl::Minutes(15));
}

// The coordinator's clock is ahead: it does not take what is in time here.
TEST_F(CertificateRenewalTest, AfterAFailureTheOtherCertificateIsTried) {
  pool_.failing = {{"a:1", absl::UnavailableError("it does not accept this host's certificate")}};
  clock_.Advance(absl::Hours(12));
  pool_.failing["b:2"] = pool_.failing["a:1"];
  Step();
  EXPECT_EQ(ShownLast(), PeerKind::kWorker);
  Step();
  EXPECT_EQ(ShownLast(), PeerKind::kRenewal);
  Step();
  EXPECT_EQ(ShownLast(), PeerKind::kWorker);
}

TEST_F(CertificateRenewalTest, ADamagedCertificateIsReplacedAtOnce) {
  for (const char* name : {"certificate.pem", "renewal.pem"}) {
    for (const std::string& bad : {std::string(), std::string("garbage")}) {
      Write(name, bad);
      const int before = renewed_;
      Step();
      EXPECT_EQ(renewed_, before + 1) << name;
      EXPECT_TRUE(ReadJoined(directory(), kUuid)->damage.ok());
    }
  }
}

TEST_F(CertificateRenewalTest, WhatIsDamagedBeyondThatIsSaidWhenTimeRunsOut) {
  Step();
  const std::string key = Read("key.pem"), certificate = Read("certificate.pem");
  Write("key.pem", "garbage");
  EXPECT_GT(Step(), absl::ZeroDuration());
  EXPECT_THAT(renewal_->problem(), IsEmpty()) << "what is in use is good for a day";
  clock_.Advance(absl::Hours(20));
  Step();
  EXPECT_THAT(renewal_->problem(), AllOf(HasSubstr("cannot be renewed"), HasSubstr("key.pem")));
  EXPECT_EQ(Read("certificate.pem"), certificate);
  EXPECT_EQ(calls(), 0u);
  Write("key.pem", key);
  Step();
  EXPECT_EQ(renewed_, 1);
}

TEST_F(CertificateRenewalTest, NothingIsReplacedByWhatWouldNotBeTaken) {
  clock_.Advance(absl::Hours(12));
  const std::string certificate = Read("certificate.pem"), renewal = Read("renewal.pem");
  const PrivateKey other = PrivateKey::Generate().value();
  const FakeIdentityClient twin(clock_);
  const std::vector<std::function<void(IssuedPair&)>> spoils = {
      [](IssuedPair& issued) { issued.certificate = "garbage"; },
      [](IssuedPair& issued) { issued.renewal.clear(); },
      [](IssuedPair& issued) { std::swap(issued.certificate, issued.renewal); },
      [&](IssuedPair& issued) { issued = pool_.Issue(other.public_key(), kUuid); },
      [&](IssuedPair& issued) { issued = pool_.Issue(key_.public_key(), "another"); },
      [&](IssuedPair& issued) { issued = twin.Issue(key_.public_key(), kUuid); },
  };
  for (const auto& spoil : spoils) {
    pool_.spoil = spoil;
    Step();
    EXPECT_EQ(Read("certificate.pem"), certificate);
    EXPECT_EQ(Read("renewal.pem"), renewal);
  }
  EXPECT_EQ(renewed_, 0);
}

// The pool's records were restored from a copy that does not know what this worker shows.
TEST_F(CertificateRenewalTest, OneThatThePoolDoesNotLetInIsRenewedAtOnceAndTriedAgain) {
  pool_.failing = {{"a:1", absl::UnauthenticatedError("its records do not know it")}};
  const std::string before = Serial();
  Step();
  EXPECT_EQ(calls(), 0u) << "nothing is due";
  renewal_->NotLetIn();
  const absl::Duration pause = Step();
  ASSERT_EQ(calls(), 1u);
  EXPECT_EQ(ShownLast(), PeerKind::kWorker);
  EXPECT_LE(pause, absl::Minutes(5));
  EXPECT_THAT(renewal_->complaint(), HasSubstr("its records do not know it"));
  EXPECT_EQ(Serial(), before) << "nothing of the directory is lost";
  Step();
  ASSERT_EQ(calls(), 2u);
  EXPECT_EQ(ShownLast(), PeerKind::kRenewal);
  pool_.failing.clear();
  Step();
  EXPECT_NE(Serial(), before);
  EXPECT_EQ(renewed_, 1);
  // A call that showed the old one ends after that.
  const size_t so_far = calls();
  renewal_->NotLetIn();
  Step();
  EXPECT_EQ(calls(), so_far);
}

// Killed between its two files: either certificate is there, and fits.
TEST_F(CertificateRenewalTest, BetweenItsTwoFilesEverythingFits) {
  const IssuedPair next = pool_.Issue(key_.public_key(), kUuid);
  Write("renewal.pem", next.renewal);
  const auto joined = ReadJoined(directory(), kUuid);
  ASSERT_TRUE(joined.ok());
  EXPECT_TRUE(joined->certificate && joined->renewal);
  clock_.Advance(absl::Hours(66));
  Step();
  EXPECT_EQ(renewed_, 1);
}

TEST_F(CertificateRenewalTest, TheThreadDoesItAndStops) {
  clock_.Advance(absl::Hours(66));
  Mutex mutex;
  CondVar changed;
  bool done = false;
  renewal_.emplace(CertificateRenewal::Tools{directory(),
                                             kUuid,
                                             {"a:1"},
                                             clock_,
                                             pool_,
                                             [&] {
                                               MutexLock lock(mutex);
                                               done = true;
                                               changed.NotifyAll();
                                             }},
                   7);
  renewal_->Start();
  {
    MutexLock lock(mutex);
    while (!done) changed.Wait(mutex);
  }
  renewal_->Stop();
  EXPECT_EQ(calls(), 1u);
}

}  // namespace
}  // namespace handoff::worker
