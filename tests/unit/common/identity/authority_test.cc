#include "common/identity/authority.h"

#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/common/identity/pool_for_test.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

IssueSpec SpecFor(PeerName peer) {
  return {.peer = std::move(peer), .not_before = kNow, .not_after = kNow + absl::Hours(24)};
}

TEST(Authority, IsOfOnePoolForTenYears) {
  const auto authority = MakeAuthority(kPool, kNow);
  ASSERT_TRUE(authority.ok()) << authority.status();
  const Certificate& certificate = authority->certificate;
  EXPECT_TRUE(certificate.is_authority());
  EXPECT_EQ(certificate.pool_id(), kPool);
  EXPECT_FALSE(certificate.peer().has_value());
  EXPECT_EQ(certificate.not_before(), kNow - absl::Minutes(5));
  EXPECT_EQ(certificate.not_after(), kNow + absl::Hours(24 * 3652));
  EXPECT_EQ(certificate.public_key(), authority->key.public_key());
  EXPECT_EQ(certificate.Describe(), absl::StrCat("the authority of pool ", kPool));
  EXPECT_THAT(MakeAuthority("a b", kNow).status(),
              Refuses(absl::StatusCode::kInvalidArgument, "is no pool id"));
}

TEST(Issue, SaysWhatTheSpecSaysAndNothingElse) {
  const auto authority = MakeAuthority(kPool, kNow);
  const auto key = PrivateKey::Generate();
  IssueSpec spec = SpecFor(WorkerName());
  spec.serial = NewSerial();
  const auto issued = Issue(*authority, key->public_key(), spec);
  ASSERT_TRUE(issued.ok()) << issued.status();
  EXPECT_EQ(issued->serial(), spec.serial);
  EXPECT_EQ(issued->peer(), WorkerName());
  EXPECT_EQ(issued->pool_id(), kPool);
  EXPECT_EQ(issued->not_before(), kNow - absl::Minutes(5));
  EXPECT_EQ(issued->not_after(), kNow + absl::Hours(24));
  EXPECT_EQ(issued->public_key(), key->public_key());
  EXPECT_TRUE(issued->IsOnlyFor(CertificateUse::kClient));
  EXPECT_FALSE(issued->IsOnlyFor(CertificateUse::kServer));
  EXPECT_FALSE(issued->is_authority());
  EXPECT_THAT(issued->dns_names(), IsEmpty());
  EXPECT_EQ(issued->Describe(), absl::StrCat("the certificate of worker ", kWorkerUuid));
}

TEST(Issue, ACoordinatorServesUnderThePoolsName) {
  const auto authority = MakeAuthority(kPool, kNow);
  const auto key = PrivateKey::Generate();
  IssueSpec spec = SpecFor({kPool, PeerKind::kCoordinator, ""});
  spec.dns_names = {"localhost", PoolDnsName(kPool), "localhost"};
  const auto issued = Issue(*authority, key->public_key(), spec);
  ASSERT_TRUE(issued.ok()) << issued.status();
  EXPECT_TRUE(issued->IsOnlyFor(CertificateUse::kServer));
  EXPECT_THAT(issued->dns_names(), ElementsAre(PoolDnsName(kPool), "localhost"));
  for (const PeerKind kind :
       {PeerKind::kWorker, PeerKind::kRenewal, PeerKind::kUser, PeerKind::kToken}) {
    const auto client = Issue(*authority, key->public_key(), SpecFor({kPool, kind, "a"}));
    ASSERT_TRUE(client.ok()) << client.status();
    EXPECT_TRUE(client->IsOnlyFor(CertificateUse::kClient)) << KindName(kind);
  }
}

TEST(Issue, RefusesWhatNoAuthorityMaySay) {
  const auto authority = MakeAuthority(kPool, kNow);
  const PublicKey key = PrivateKey::Generate()->public_key();
  const struct {
    const char* words;
    void (*change)(IssueSpec&);
  } cases[] = {
      {"issues nothing for pool", [](IssueSpec& s) { s.peer.pool_id = kOtherPool; }},
      {"is no pool id", [](IssueSpec& s) { s.peer.pool_id = "A"; }},
      {"is no name for a worker", [](IssueSpec& s) { s.peer.name = "a/b"; }},
      {"is no name for a worker", [](IssueSpec& s) { s.peer.name = ""; }},
      {"no further name", [](IssueSpec& s) { s.peer.kind = PeerKind::kCoordinator; }},
      {"32 hexadecimal digits", [](IssueSpec& s) { s.serial = "01"; }},
      {"32 hexadecimal digits", [](IssueSpec& s) { s.serial = std::string(32, '0'); }},
      {"32 hexadecimal digits", [](IssueSpec& s) { s.serial = std::string(32, 'f'); }},
      {"32 hexadecimal digits", [](IssueSpec& s) { s.serial = "4" + std::string(31, 'G'); }},
      {"would end before it begins", [](IssueSpec& s) { s.not_after = s.not_before; }},
      {"would end before it begins",
       [](IssueSpec& s) {
         s.not_before = kNow + absl::Hours(24 * 3653);
         s.not_after = s.not_before + absl::Hours(1);
       }},
      {"only a coordinator has host names", [](IssueSpec& s) { s.dns_names = {"localhost"}; }},
      {"without a wildcard",
       [](IssueSpec& s) {
         s.peer = {kPool, PeerKind::kCoordinator, ""};
         s.dns_names = {"*"};
       }},
  };
  for (const auto& c : cases) {
    IssueSpec spec = SpecFor(WorkerName());
    c.change(spec);
    EXPECT_THAT(Issue(*authority, key, spec).status(),
                Refuses(absl::StatusCode::kInvalidArgument, c.words));
  }
}

TEST(Issue, NothingOutlivesItsAuthority) {
  const auto authority = MakeAuthority(kPool, kNow);
  IssueSpec spec = SpecFor(WorkerName());
  spec.not_after = kNow + absl::Hours(24 * 36500);
  const auto issued = Issue(*authority, PrivateKey::Generate()->public_key(), spec);
  ASSERT_TRUE(issued.ok()) << issued.status();
  EXPECT_EQ(issued->not_after(), authority->certificate.not_after());
}

TEST(Serials, AreRandomAndOfOneLength) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(NewSerial());
  EXPECT_EQ(seen.size(), 1000u);
  for (const std::string& serial : seen) {
    EXPECT_EQ(serial.size(), 32u);
    EXPECT_TRUE(serial[0] >= '4' && serial[0] <= '7') << serial;
  }
  const auto key = PrivateKey::Generate();
  EXPECT_EQ(IssueForTest(WorkerName(), *key).serial().size(), 32u);
  EXPECT_NE(IssueForTest(WorkerName(), *key).serial(), IssueForTest(WorkerName(), *key).serial());
}

TEST(CertificateText, ComesBackAndIsTakenWhole) {
  const Certificate made = IssueForTest(WorkerName(), *PrivateKey::Generate());
  const std::string pem = made.ToPem();
  EXPECT_EQ(Certificate::FromPem(pem)->der(), made.der());
  EXPECT_EQ(Certificate::FromDer(made.der())->Fingerprint(), Sha256Hex(made.der()));
  for (const std::string& text : {std::string(), std::string("x"), pem + pem, pem.substr(0, 100),
                                  made.der(), pem + std::string(20'000, ' ')}) {
    EXPECT_THAT(Certificate::FromPem(text).status(),
                Refuses(absl::StatusCode::kInvalidArgument, "not a certificate"));
  }
  for (size_t cut = 0; cut < made.der().size(); ++cut) {
    EXPECT_FALSE(Certificate::FromDer(made.der().substr(0, cut)).ok()) << cut;
  }
  EXPECT_FALSE(Certificate::FromDer(made.der() + '\0').ok());
}

TEST(OpensslCommand, ReadsOurCertificatesAsWeDo) {
  if (!OpenSslCommand::IsThere()) GTEST_SKIP() << "no openssl command";
  const OpenSslCommand openssl;
  const auto key = PrivateKey::Generate();
  const Certificate worker = IssueForTest(WorkerName(), *key);
  const Certificate server = IssueForTest({kPool, PeerKind::kCoordinator, ""}, *key);
  openssl.Write("ca", PoolAuthorityForTest().certificate.ToPem());
  openssl.Write("worker", worker.ToPem());
  openssl.Write("server", server.ToPem());
  const auto verify = [&](const char* purpose, const char* file) {
    bool ok = false;
    openssl.Try({"verify", "-x509_strict", "-CAfile", "ca", "-purpose", purpose, file}, &ok);
    return ok;
  };
  EXPECT_TRUE(verify("sslclient", "worker"));
  EXPECT_FALSE(verify("sslserver", "worker"));
  EXPECT_TRUE(verify("sslserver", "server"));
  EXPECT_FALSE(verify("sslclient", "server"));
  const std::string text = openssl.Run({"x509", "-in", "worker", "-text", "-noout"});
  for (const std::string& words :
       {std::string("Version: 3"), absl::StrCat("URI:", ToUri(WorkerName())),
        std::string("CA:FALSE"), std::string("TLS Web Client Authentication"),
        std::string("Digital Signature"), std::string("ecdsa-with-SHA256")}) {
    EXPECT_THAT(text, HasSubstr(words));
  }
  // The spaces in what -text says of a name are not those of every version.
  EXPECT_THAT(openssl.Run({"x509", "-in", "worker", "-subject", "-nameopt", "RFC2253", "-noout"}),
              HasSubstr(absl::StrCat("CN=", kWorkerUuid, ",O=worker")));
  EXPECT_THAT(text, Not(HasSubstr("TLS Web Server Authentication")));
  EXPECT_THAT(openssl.Run({"x509", "-in", "server", "-text", "-noout"}),
              HasSubstr(absl::StrCat("DNS:", PoolDnsName(kPool))));
  EXPECT_THAT(
      openssl.Run({"x509", "-in", "ca", "-text", "-noout"}),
      ::testing::AllOf(HasSubstr("CA:TRUE, pathlen:0"), HasSubstr("Certificate Sign, CRL Sign")));
  EXPECT_THAT(absl::AsciiStrToLower(openssl.Run({"x509", "-in", "worker", "-serial", "-noout"})),
              HasSubstr(worker.serial()));
}

}  // namespace
}  // namespace handoff
