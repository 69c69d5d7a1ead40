#include "common/identity/verify.h"

#include <openssl/err.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/common/identity/pool_for_test.h"

namespace handoff {
namespace {

absl::Status VerifyAsClient(const Certificate& certificate, absl::Time now) {
  return VerifyCertificate(certificate, PoolAuthorityForTest().certificate, now,
                           CertificateUse::kClient);
}
// No default argument: a compiler may evaluate it before the one that makes the certificate, and
// OpenSSL's tool knows no margin for clocks.
absl::Status VerifyAsClient(const Certificate& certificate) {
  return VerifyAsClient(certificate, absl::Now());
}
auto IsRefused(const std::string& words) {
  return Refuses(absl::StatusCode::kUnauthenticated, words);
}

TEST(Verify, TakesAPeerOfThePoolForItsUse) {
  const auto key = PrivateKey::Generate();
  EXPECT_EQ(VerifyAsClient(IssueForTest(WorkerName(), *key)), absl::OkStatus());
  const Certificate server = IssueForTest({kPool, PeerKind::kCoordinator, ""}, *key);
  const Certificate& authority = PoolAuthorityForTest().certificate;
  EXPECT_EQ(VerifyCertificate(server, authority, absl::Now(), CertificateUse::kServer),
            absl::OkStatus());
  EXPECT_THAT(VerifyAsClient(server), IsRefused("is not for use as a client"));
  EXPECT_THAT(VerifyCertificate(IssueForTest(WorkerName(), *key), authority, absl::Now(),
                                CertificateUse::kServer),
              IsRefused(absl::StrCat("the certificate of worker ", kWorkerUuid,
                                     " is not for use as a server")));
}

TEST(Verify, SaysSinceWhenAndUntilWhen) {
  const absl::Time begin = absl::FromUnixSeconds(1'800'000'000);  // 2027-01-15 08:00:00 UTC
  const Certificate worker = IssueForTest(WorkerName(), *PrivateKey::Generate(), begin);
  EXPECT_EQ(VerifyAsClient(worker, begin - absl::Minutes(5)), absl::OkStatus());
  EXPECT_EQ(VerifyAsClient(worker, begin + absl::Hours(24) - absl::Seconds(1)), absl::OkStatus());
  EXPECT_THAT(VerifyAsClient(worker, begin + absl::Hours(27)),
              IsRefused("expired 3 h ago, at 2027-01-16 08:00:00 UTC"));
  EXPECT_THAT(VerifyAsClient(worker, begin - absl::Minutes(185)),
              IsRefused("is not valid before 2027-01-15 07:55:00 UTC, in 3 h; are the clocks"));
  EXPECT_THAT(VerifyAsClient(worker, begin + absl::Hours(24 * 36500)),
              IsRefused(absl::StrCat("the authority of pool ", kPool, " expired")));
}

TEST(Verify, RefusesAnotherPoolsAndAnotherAuthorityOfTheSameName) {
  const auto key = PrivateKey::Generate();
  const auto other = MakeAuthority(kOtherPool, absl::Now());
  const auto twin = MakeAuthority(kPool, absl::Now());
  const auto issue = [&](const Authority& authority) {
    return *Issue(authority, key->public_key(),
                  {.peer = {authority.certificate.pool_id(), PeerKind::kWorker, kWorkerUuid},
                   .not_before = absl::Now(),
                   .not_after = absl::Now() + absl::Hours(1)});
  };
  EXPECT_THAT(
      VerifyAsClient(issue(*other)),
      IsRefused(absl::StrCat("is of another pool, ", kOtherPool, "; this is pool ", kPool)));
  EXPECT_THAT(VerifyAsClient(issue(*twin)),
              IsRefused(absl::StrCat("was not issued by the authority of pool ", kPool)));
  EXPECT_THAT(VerifyAsClient(PoolAuthorityForTest().certificate),
              IsRefused("is an authority's own and speaks for nobody"));
  EXPECT_THAT(VerifyAsClient(twin->certificate), IsRefused("is an authority's own"));
  const Certificate worker = IssueForTest(WorkerName(), *key);
  EXPECT_THAT(VerifyCertificate(worker, worker, absl::Now(), CertificateUse::kClient),
              IsRefused("is not an authority's"));
}

TEST(Verify, RefusesADamagedOne) {
  const Certificate worker = IssueForTest(WorkerName(), *PrivateKey::Generate());
  int read = 0;
  for (size_t i = 0; i < worker.der().size(); ++i) {
    std::string der = worker.der();
    der[i] = static_cast<char>(der[i] ^ 1);
    const auto damaged = Certificate::FromDer(der);
    if (!damaged.ok()) continue;
    ++read;
    EXPECT_EQ(VerifyAsClient(*damaged).code(), absl::StatusCode::kUnauthenticated) << i;
  }
  EXPECT_GT(read, 100);  // most can be read: it is the signature that tells
  EXPECT_EQ(ERR_peek_error(), 0u) << "left behind for gRPC to find";
}

TEST(Verify, RefusesADamagedAuthority) {
  const Certificate worker = IssueForTest(WorkerName(), *PrivateKey::Generate());
  const std::string& good = PoolAuthorityForTest().certificate.der();
  int read = 0;
  for (size_t i = 0; i < good.size(); ++i) {
    std::string der = good;
    der[i] = static_cast<char>(der[i] ^ 1);
    const auto damaged = Certificate::FromDer(der);
    if (!damaged.ok()) continue;
    ++read;
    EXPECT_FALSE(VerifyCertificate(worker, *damaged, absl::Now(), CertificateUse::kClient).ok())
        << i;
  }
  EXPECT_GT(read, 100);
  std::string der = good;
  der[der.size() - 1] = static_cast<char>(der[der.size() - 1] ^ 1);
  EXPECT_THAT(
      VerifyCertificate(worker, *Certificate::FromDer(der), absl::Now(), CertificateUse::kClient),
      IsRefused(absl::StrCat("the authority of pool ", kPool, " is damaged")));
}

// Whatever else the authority's key might have signed, or somebody without it.
class CraftedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!OpenSslCommand::IsThere()) GTEST_SKIP() << "no openssl command";
    const auto key = PoolAuthorityForTest().key.ToPem();
    openssl_.Write("ca", PoolAuthorityForTest().certificate.ToPem());
    openssl_.Write("ca.key", key->Reveal());
    NewRequest({"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"});
  }
  void NewRequest(const std::vector<std::string>& key) {
    std::vector<std::string> arguments = {"req",  "-new", "-nodes", "-keyout", "key",
                                          "-out", "csr",  "-subj",  "/CN=x"};
    arguments.insert(arguments.end(), key.begin(), key.end());
    openssl_.Run(arguments);
  }
  // Signed by the pool's authority, with these extensions.
  Certificate Sign(const std::string& extensions, const std::string& out = "leaf",
                   const std::string& ca = "ca") {
    openssl_.Write("ext", extensions);
    openssl_.Run({"x509", "-req", "-in", "csr", "-CA", ca, "-CAkey", ca + ".key", "-days", "1",
                  "-extfile", "ext", "-out", out, "-set_serial", "0x4711"});
    return *Certificate::FromPem(openssl_.Read(out));
  }
  static std::string San(const PeerName& peer) {
    return absl::StrCat("subjectAltName=URI:", ToUri(peer), "\n");
  }
  static constexpr char kCommon[] =
      "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
      "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";
  OpenSslCommand openssl_;
};

TEST_F(CraftedTest, OneLikeOursIsTaken) {
  const Certificate certificate =
      Sign(absl::StrCat(kCommon, San(WorkerName()), "extendedKeyUsage=clientAuth\n"));
  EXPECT_EQ(VerifyAsClient(certificate), absl::OkStatus());
  EXPECT_EQ(certificate.serial(), "4711");
}

TEST_F(CraftedTest, WrongUsesNamesAndKindsAreRefused) {
  const std::string client = "extendedKeyUsage=clientAuth\n";
  const std::string worker = San(WorkerName());
  const struct {
    std::string extensions, words;
  } cases[] = {
      {kCommon + worker, "is not for use as a client"},
      {kCommon + worker + "extendedKeyUsage=serverAuth\n", "is not for use as a client"},
      {kCommon + worker + "extendedKeyUsage=clientAuth,serverAuth\n", "is not for use as a client"},
      {kCommon + worker + "extendedKeyUsage=anyExtendedKeyUsage\n", "is not for use as a client"},
      {kCommon + worker + "extendedKeyUsage=emailProtection\n", "is not for use as a client"},
      {kCommon + client, "names nobody in a pool (serial 4711) cannot be used here"},
      {kCommon + client + "subjectAltName=DNS:localhost\n", "cannot be used here"},
      {kCommon + client + "subjectAltName=URI:https://example.org/\n", "cannot be used here"},
      {absl::StrCat(kCommon, client, "subjectAltName=URI:", ToUri(WorkerName()),
                    ",URI:", ToUri({kPool, PeerKind::kUser, "root"}), "\n"),
       "cannot be used here"},
      {kCommon + client + San({kOtherPool, PeerKind::kWorker, "a"}), "is of another pool"},
      {kCommon + client + San({kPool, PeerKind::kCoordinator, ""}), "is not for use as a client"},
      {"basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n" + worker + client,
       "is an authority's own"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(VerifyAsClient(Sign(c.extensions)), IsRefused(c.words)) << c.extensions;
  }
  const Certificate rogue =
      Sign(absl::StrCat(kCommon, San(WorkerName()), "extendedKeyUsage=serverAuth\n"));
  EXPECT_THAT(VerifyCertificate(rogue, PoolAuthorityForTest().certificate, absl::Now(),
                                CertificateUse::kServer),
              IsRefused("is not for use as a server"));
}

TEST_F(CraftedTest, OtherKeysAreRefused) {
  NewRequest({"-newkey", "rsa:2048"});
  EXPECT_THAT(VerifyAsClient(
                  Sign(absl::StrCat(kCommon, San(WorkerName()), "extendedKeyUsage=clientAuth\n"))),
              IsRefused("has no P-256 key"));
}

TEST_F(CraftedTest, OneSignedByItselfIsRefused) {
  openssl_.Run({"req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-keyout",
                "key",
                "-out",
                "self",
                "-days",
                "1",
                "-subj",
                absl::StrCat("/CN=handoff pool ", kPool),
                "-addext",
                absl::StrCat("subjectAltName=URI:", ToUri(WorkerName())),
                "-addext",
                "extendedKeyUsage=clientAuth",
                "-addext",
                "basicConstraints=critical,CA:FALSE"});
  EXPECT_THAT(VerifyAsClient(*Certificate::FromPem(openssl_.Read("self"))),
              IsRefused("is signed by itself and not by the authority of pool"));
}

TEST_F(CraftedTest, AnAuthorityBelowOursIssuesNothing) {
  Sign(
      "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
      "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
      "below");
  openssl_.Write("below.key", openssl_.Read("key"));
  NewRequest({"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"});
  const Certificate leaf = Sign(
      absl::StrCat(kCommon, San(WorkerName()), "extendedKeyUsage=clientAuth\n"), "leaf", "below");
  EXPECT_THAT(VerifyAsClient(leaf), IsRefused("was not issued by the authority of pool"));
}

}  // namespace
}  // namespace handoff
