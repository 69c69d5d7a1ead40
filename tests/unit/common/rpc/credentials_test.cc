#include "common/rpc/credentials.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <string>

#include "common/file.h"
#include "common/rpc/memory_file.h"
#include "common/rpc/peer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/test_authority.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void Write(const std::string& path, const std::string& content) {
  ASSERT_TRUE(WriteFileAtomically(path, content).ok());
}
std::string Read(const std::string& path) { return ReadFile(path).value(); }

class CredentialsTest : public ::testing::Test {
 protected:
  CredentialsTest() : directory_(TempDir::Make("credentials").value()) {}
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
  absl::StatusOr<std::shared_ptr<Credentials>> Load(
      const std::string& directory, CredentialUse use = CredentialUse::kClient) const {
    return Credentials::Load(CredentialFiles::In(directory), use, clock_);
  }
  std::string WhyNot(const std::string& directory,
                     CredentialUse use = CredentialUse::kClient) const {
    return std::string(Load(directory, use).status().message());
  }

  const TempDir directory_;
  TestAuthority authority_{Path("authority")};
  FakeClock clock_{absl::Now()};
};

TEST_F(CredentialsTest, AreTakenFromThreeFiles) {
  const auto credentials = Load(authority_.Issue("worker", {}));
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_TRUE((*credentials)->status().ok());
  EXPECT_THAT((*credentials)->facts().uris, ElementsAre("handoff://pool.test/worker/1"));
  const std::string printed =
      OpenSsl({"x509", "-in", Path("authority/worker/certificate.pem"), "-noout", "-serial"});
  EXPECT_STRCASEEQ(("serial=" + (*credentials)->facts().serial + "\n").c_str(), printed.c_str());
}

TEST_F(CredentialsTest, ThatAreNotGoodAreRefusedWithTheReason) {
  TestCertificate expired;
  expired.not_before = clock_.Now() - absl::Hours(48);
  expired.not_after = clock_.Now() - absl::Hours(24);
  EXPECT_THAT(
      WhyNot(authority_.Issue("expired", expired)),
      AllOf(HasSubstr("expired/certificate.pem: the certificate expired at 20"), HasSubstr("UTC")));
  TestCertificate future;
  future.not_before = clock_.Now() + absl::Hours(24);
  future.not_after = clock_.Now() + absl::Hours(48);
  EXPECT_THAT(WhyNot(authority_.Issue("future", future)),
              AllOf(HasSubstr("not valid before"), HasSubstr("clock")));
  EXPECT_THAT(WhyNot(authority_.SelfSigned("self", {})), HasSubstr("not issued by the authority"));
  EXPECT_THAT(WhyNot(authority_.Issue("server", ServerCertificate())),
              HasSubstr("not made for a client"));
  EXPECT_THAT(WhyNot(authority_.Issue("client", {}), CredentialUse::kServer),
              HasSubstr("not made for a server"));
  TestAuthority other(Path("other"));
  const std::string foreign = other.Issue("foreign", {});
  Write(foreign + "/authority.pem", Read(authority_.certificate()));
  EXPECT_THAT(WhyNot(foreign), HasSubstr("not issued by the authority"));
  EXPECT_THAT(WhyNot(Path("nowhere")), HasSubstr("nowhere/authority.pem"));
}

TEST_F(CredentialsTest, AreTakenFromTextsAndStayAsTheyAre) {
  const std::string worker = authority_.Issue("worker", {});
  CredentialSet set{Read(worker + "/authority.pem"), Read(worker + "/certificate.pem"),
                    Read(worker + "/key.pem")};
  const auto credentials = Credentials::FromPem(set, CredentialUse::kClient, clock_);
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_EQ((*credentials)->facts().serial, Load(worker).value()->facts().serial);
  (*credentials)->Refresh();
  EXPECT_TRUE((*credentials)->status().ok());
  EXPECT_NE((*credentials)->ForChannel(), nullptr);
  clock_.Advance(absl::Hours(25));
  EXPECT_THAT(std::string((*credentials)->status().message()), HasSubstr("in use expired at"));
  EXPECT_FALSE(Credentials::FromPem(set, CredentialUse::kClient, clock_).ok());
  set.key = "garbage";
  EXPECT_FALSE(Credentials::FromPem(set, CredentialUse::kClient, clock_).ok());
}

TEST_F(CredentialsTest, AWeakCertificateThatGrpcWouldNotTakeIsRefused) {
  const std::string worker = authority_.Issue("worker", {});
  OpenSsl({"req", "-x509", "-newkey", "rsa:512", "-nodes", "-keyout", worker + "/key.pem", "-out",
           worker + "/certificate.pem", "-days", "1", "-subj", "/CN=weak", "-addext",
           "extendedKeyUsage=clientAuth"});
  EXPECT_THAT(WhyNot(worker), HasSubstr("key too small"));
}

TEST_F(CredentialsTest, AKeyThatOthersMayReadIsRefused) {
  const std::string worker = authority_.Issue("worker", {});
  ASSERT_EQ(::chmod((worker + "/key.pem").c_str(), 0640), 0);
  EXPECT_THAT(WhyNot(worker), HasSubstr("key.pem: chmod 600"));
}

TEST_F(CredentialsTest, AnEncryptedKeyIsRefusedAndNobodyIsAsked) {
  const std::string worker = authority_.Issue("worker", {});
  OpenSsl({"pkey", "-in", worker + "/key.pem", "-aes128", "-passout", "pass:secret", "-out",
           worker + "/sealed.pem"});
  Write(worker + "/key.pem", Read(worker + "/sealed.pem"));
  EXPECT_THAT(WhyNot(worker), HasSubstr("encrypted"));
}

TEST_F(CredentialsTest, ABadSetOnDiskChangesNothingAndIsReported) {
  const std::string worker = authority_.Issue("worker", {});
  const auto credentials = Load(worker).value();
  const std::string serial = credentials->facts().serial;
  const std::string certificate = Read(worker + "/certificate.pem");
  const std::string key = Read(worker + "/key.pem");
  const std::string authority = Read(worker + "/authority.pem");
  TestAuthority other(Path("other"));
  const std::string foreign = other.Issue("foreign", {});
  struct Case {
    std::string file, content, why;
  };
  for (const Case& bad :
       {Case{"certificate.pem", "", "incomplete"}, Case{"certificate.pem", "garbage", "no certif"},
        Case{"certificate.pem", certificate.substr(0, 300), "incomplete"},
        Case{"certificate.pem", certificate + certificate.substr(0, 300), "incomplete"},
        Case{"certificate.pem", Read(foreign + "/certificate.pem"), "does not belong"},
        Case{"key.pem", key.substr(0, 100), "incomplete"},
        Case{"key.pem", Read(foreign + "/key.pem"), "does not belong"},
        Case{"authority.pem", authority.substr(0, 200), "incomplete"},
        Case{"authority.pem", Read(foreign + "/authority.pem"), "not issued"},
        Case{"authority.pem", certificate, "of no authority"}}) {
    Write(worker + "/" + bad.file, bad.content);
    credentials->Refresh();
    EXPECT_THAT(std::string(credentials->status().message()), HasSubstr(bad.why)) << bad.content;
    EXPECT_EQ(credentials->facts().serial, serial);
    Write(worker + "/certificate.pem", certificate);
    Write(worker + "/key.pem", key);
    Write(worker + "/authority.pem", authority);
    credentials->Refresh();
    EXPECT_TRUE(credentials->status().ok()) << credentials->status();
  }
  ASSERT_TRUE(RemoveTree(worker).ok());
  credentials->Refresh();
  EXPECT_EQ(credentials->status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(credentials->facts().serial, serial);
}

TEST_F(CredentialsTest, AreReplacedByNewOnesWithoutBeingAsked) {
  const auto credentials = Load(authority_.Issue("worker", {})).value();
  const std::string before = credentials->facts().serial;
  authority_.Issue("worker", {});
  const absl::Time end = absl::Now() + absl::Seconds(60);
  while (credentials->facts().serial == before) ASSERT_LT(absl::Now(), end);
  EXPECT_TRUE(credentials->status().ok());
}

TEST_F(CredentialsTest, OnesThatAreNotValidYetAreTakenWhenTheyAre) {
  const std::string worker = authority_.Issue("worker", {});
  const auto credentials = Load(worker).value();
  const std::string before = credentials->facts().serial;
  TestCertificate future;
  future.not_before = clock_.Now() + absl::Hours(1);
  authority_.Issue("worker", future);
  credentials->Refresh();
  EXPECT_THAT(std::string(credentials->status().message()), HasSubstr("not valid before"));
  clock_.Advance(absl::Hours(2));
  credentials->Refresh();
  EXPECT_TRUE(credentials->status().ok()) << credentials->status();
  EXPECT_NE(credentials->facts().serial, before);
}

TEST_F(CredentialsTest, OnesThatExpireInUseAreReported) {
  const auto credentials = Load(authority_.Issue("worker", {})).value();
  clock_.Advance(absl::Hours(25));
  EXPECT_THAT(std::string(credentials->status().message()), HasSubstr("in use expired at"));
}

TEST(MemoryFile, IsReplacedAtOnceAndItsTimeTells) {
  MemoryFile file;
  ASSERT_TRUE(file.Replace("first").ok());
  const std::string path = file.path();
  struct stat first = {};
  ASSERT_EQ(::stat(path.c_str(), &first), 0);
  const auto reader = OpenFile(path, O_RDONLY | O_CLOEXEC);
  ASSERT_TRUE(reader.ok());
  ASSERT_TRUE(file.Replace("second").ok());
  EXPECT_EQ(file.path(), path);
  EXPECT_EQ(Read(path), "second");
  char before[16] = "";
  EXPECT_EQ(::read(reader->get(), before, sizeof(before)), 5);  // who had it open reads the old one
  struct stat second = {};
  ASSERT_EQ(::stat(path.c_str(), &second), 0);
  EXPECT_NE(first.st_mtim.tv_sec, 0);
  EXPECT_NE(first.st_mtim.tv_sec, second.st_mtim.tv_sec);
  EXPECT_EQ(second.st_mode & 0777, 0600u);
}

TEST_F(CredentialsTest, ANameWithControlCharactersIsNoName) {
  const std::string name = authority_.Issue("name", {"clientAuth", "URI:handoff://pool/\x01x"});
  EXPECT_EQ(ReadCertificate(Read(name + "/certificate.pem")).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(ReadCertificate("nothing").ok());
}

TEST(PlainAddress, IsWhatPeopleWrite) {
  EXPECT_EQ(PlainAddress("ipv4:192.0.2.7:4711"), "192.0.2.7:4711");
  EXPECT_EQ(PlainAddress("ipv6:%5B2001:db8::7%5D:4711"), "[2001:db8::7]:4711");
  EXPECT_EQ(PlainAddress("unix:"), "unix:");
  EXPECT_EQ(PlainAddress("ipv6:%5"), "%5");
}

}  // namespace
}  // namespace handoff
