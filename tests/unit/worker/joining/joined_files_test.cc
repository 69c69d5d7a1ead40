// What a daemon that starts makes of DATA/identity.

#include "worker/joining/joined_files.h"

#include <sys/stat.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/identity/private_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_identity_client.h"
#include "worker/identity.h"

namespace handoff::worker {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class JoinedFilesTest : public ::testing::Test {
 protected:
  JoinedFilesTest() {
    EXPECT_TRUE(MakeDirectories(data()).ok());
    uuid_ = BeginStart(data() + "/identity.json", data()).value().uuid;
    EXPECT_TRUE(MakeDirectories(directory()).ok());
    const IssuedPair issued = pool_.Issue(key_.public_key(), uuid_);
    Write("authority.pem", pool_.authority().certificate.ToPem());
    Write("certificate.pem", issued.certificate);
    Write("renewal.pem", issued.renewal);
    Write("key.pem", key_.ToPem()->Reveal());
    Write("pool.toml", RenderPoolFile({kFakePool, {"a:1"}, "build-1", {}}));
  }
  std::string data() const { return dir_.path() + "/data"; }
  std::string directory() const { return data() + "/identity"; }
  void Write(const std::string& name, absl::string_view content) const {
    ASSERT_TRUE(WritePrivateFile(directory() + "/" + name, content).ok());
  }
  std::string WhyNot() const {
    std::string uuid;
    return std::string(LoadJoined(data(), uuid).status().message());
  }

  const TempDir dir_ = *TempDir::Make("joined-");
  FakeClock clock_;
  FakeIdentityClient pool_{clock_};
  const PrivateKey key_ = PrivateKey::Generate().value();
  std::string uuid_;
};

TEST_F(JoinedFilesTest, AreReadWithTheWorkersIdentity) {
  std::string uuid;
  const auto joined = LoadJoined(data(), uuid);
  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_EQ(uuid, uuid_);
  EXPECT_TRUE(joined->certificate && joined->renewal);
  EXPECT_THAT(joined->pool.coordinators, ElementsAre("a:1"));
}

TEST_F(JoinedFilesTest, WithoutThemItIsSaidHowToJoin) {
  ASSERT_TRUE(RemoveTree(directory()).ok());
  EXPECT_EQ(WhyNot(),
            absl::StrCat(data(),
                         " has not joined a pool. Nothing was started: have a line made with "
                         "`handoff worker invite`, and give it to `handoff-worker join --data-dir ",
                         data(), "`."));
}

TEST_F(JoinedFilesTest, OneCertificateIsEnough) {
  for (const char* name : {"certificate.pem", "renewal.pem"}) {
    const std::string path = directory() + "/" + name, text = *ReadFile(path);
    for (const std::string& bad : {std::string(), text.substr(0, 200), std::string("garbage")}) {
      Write(name, bad);
      const auto joined = ReadJoined(directory(), uuid_);
      ASSERT_TRUE(joined.ok()) << joined.status();
      EXPECT_NE(joined->certificate.has_value(), joined->renewal.has_value());
      EXPECT_THAT(std::string(joined->damage.message()), HasSubstr(name));
    }
    Write(name, text);
  }
  Write("certificate.pem", "garbage");
  Write("renewal.pem", "garbage");
  EXPECT_THAT(WhyNot(), AllOf(HasSubstr("certificate.pem"), HasSubstr("Nothing was started")));
}

TEST_F(JoinedFilesTest, WithoutTheOthersNothingIsStarted) {
  for (const char* name : {"authority.pem", "key.pem", "pool.toml"}) {
    const std::string path = directory() + "/" + name, text = *ReadFile(path);
    ASSERT_TRUE(RemoveTree(path).ok());
    EXPECT_THAT(WhyNot(), AllOf(HasSubstr(path), HasSubstr("Nothing was started: restore the file"),
                                HasSubstr("another --data-dir")));
    Write(name, text.substr(0, 20));
    EXPECT_THAT(WhyNot(), HasSubstr(path));
    Write(name, text);
  }
  ASSERT_TRUE(RemoveTree(data() + "/identity.json").ok());
  EXPECT_THAT(WhyNot(), HasSubstr("identity.json is missing. Nothing was started"));
}

TEST_F(JoinedFilesTest, AKeyThatOthersMayReadIsNotUsed) {
  ASSERT_EQ(::chmod((directory() + "/key.pem").c_str(), 0644), 0);
  EXPECT_THAT(WhyNot(), HasSubstr("is open to other users"));
}

// Somebody could put another authority there.
TEST_F(JoinedFilesTest, ADirectoryThatOthersMayWriteIsNotUsed) {
  ASSERT_EQ(::chmod(directory().c_str(), 0722), 0);
  EXPECT_THAT(WhyNot(), AllOf(HasSubstr("can be written by other users"), HasSubstr("chmod go-w")));
}

TEST_F(JoinedFilesTest, AnotherWorkersCertificatesAreNotUsed) {
  const IssuedPair other = pool_.Issue(key_.public_key(), "5d9a1c1e-4a43-4f3b-9d53-0a6a3d2f7b10");
  Write("certificate.pem", other.certificate);
  Write("renewal.pem", other.renewal);
  EXPECT_THAT(WhyNot(), HasSubstr("it is the certificate of worker 5d9a1c1e"));
}

TEST_F(JoinedFilesTest, AnotherAuthorityIsNotBelieved) {
  const FakeIdentityClient twin(clock_);
  Write("authority.pem", twin.authority().certificate.ToPem());
  EXPECT_FALSE(ReadJoined(directory(), uuid_).ok());
  const FakeIdentityClient other(clock_, "another");
  Write("authority.pem", other.authority().certificate.ToPem());
  EXPECT_THAT(WhyNot(), HasSubstr("is not the authority of pool"));
}

TEST_F(JoinedFilesTest, OutOfTimeIsNoDamage) {
  clock_.Advance(absl::Hours(24 * 200));
  const auto joined = ReadJoined(directory(), uuid_);
  ASSERT_TRUE(joined.ok());
  EXPECT_TRUE(joined->damage.ok());
}

TEST(PoolFile, IsReadAsItWasWritten) {
  const PoolFile pool{kFakePool,
                      {"10.0.0.5:7433", "[2001:db8::7]:1", "unix:/a \"b\"\\c"},
                      "build-1",
                      {{"os", "linux"}, {"a.b/c", "\"quoted\" ä"}}};
  const auto read = ParsePoolFile(RenderPoolFile(pool));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->pool_id, pool.pool_id);
  EXPECT_EQ(read->coordinators, pool.coordinators);
  EXPECT_EQ(read->name, pool.name);
  EXPECT_EQ(read->labels, pool.labels);
}

TEST(PoolFile, WhatIsNoneIsRefused) {
  const std::string good = RenderPoolFile({kFakePool, {"a:1"}, "n", {}});
  ASSERT_TRUE(ParsePoolFile(good).ok());
  for (const char* bad : {"", "pool_id = ", "pool_id = 'a'\nname = 'n'",
                          "pool_id = 'a'\ncoordinator = []\nname = 'n'",
                          "pool_id = 'a'\ncoordinator = [1]\nname = 'n'",
                          "pool_id = 'A_B'\ncoordinator = ['a:1']\nname = 'n'",
                          "pool_id = 'a'\ncoordinator = ['a:1']\nname = '-n'",
                          "pool_id = 'a'\ncoordinator = ['a:1']"}) {
    EXPECT_FALSE(ParsePoolFile(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace handoff::worker
