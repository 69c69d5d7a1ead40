#include "common/identity/signing_request.h"

#include <openssl/err.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/common/identity/pool_for_test.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

auto IsRefused(const std::string& words) {
  return Refuses(absl::StatusCode::kInvalidArgument, words);
}

TEST(SigningRequest, BringsThePublicKey) {
  const auto key = PrivateKey::Generate();
  const auto request = MakeSigningRequest(*key);
  ASSERT_TRUE(request.ok()) << request.status();
  const auto read = ReadSigningRequest(*request);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, key->public_key());
}

TEST(SigningRequest, IsRefusedDamagedCutOrLarge) {
  const std::string good = *MakeSigningRequest(*PrivateKey::Generate());
  for (size_t i = 0; i < good.size() * 8; ++i) {
    std::string other = good;
    other[i / 8] = static_cast<char>(other[i / 8] ^ (1 << (i % 8)));
    EXPECT_EQ(ReadSigningRequest(other).status().code(), absl::StatusCode::kInvalidArgument) << i;
  }
  for (size_t cut = 0; cut < good.size(); ++cut) {
    EXPECT_THAT(ReadSigningRequest(good.substr(0, cut)).status(), IsRefused("is not readable"));
  }
  EXPECT_THAT(ReadSigningRequest(good + "x").status(), IsRefused("is not readable"));
  EXPECT_THAT(ReadSigningRequest(good + std::string(4096, 'x')).status(),
              IsRefused("is larger than the allowed 4096 bytes; no certificate was made"));
  std::mt19937 random(1);
  for (int i = 0; i < 1000; ++i) {
    std::string garbage(random() % 4096, '\0');
    for (char& c : garbage) c = static_cast<char>(random());
    if (i % 2 == 0) garbage = good.substr(0, random() % 30) + garbage;
    EXPECT_FALSE(ReadSigningRequest(garbage).ok());
  }
  EXPECT_EQ(ERR_peek_error(), 0u) << "left behind for gRPC to find";
}

TEST(SigningRequest, WithAnothersKeyIsRefused) {
  const auto mine = PrivateKey::Generate(), theirs = PrivateKey::Generate();
  std::string request = *MakeSigningRequest(*mine);
  const std::string& from = mine->public_key().der();
  const size_t at = request.find(from);
  ASSERT_NE(at, std::string::npos);
  request.replace(at, from.size(), theirs->public_key().der());
  EXPECT_THAT(ReadSigningRequest(request).status(),
              IsRefused("does not prove that its sender has the private key"));
}

class CraftedRequestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!OpenSslCommand::IsThere()) GTEST_SKIP() << "no openssl command";
  }
  // Of a new key of this kind.
  std::string Make(const std::vector<std::string>& kind,
                   const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"genpkey", "-out", "key"};
    arguments.insert(arguments.end(), kind.begin(), kind.end());
    openssl_.Run(arguments);
    arguments = {"req", "-new", "-key", "key", "-outform", "DER", "-out", "csr"};
    if (more.empty()) arguments.insert(arguments.end(), {"-subj", "/CN=x"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    openssl_.Run(arguments);
    return openssl_.Read("csr");
  }
  const std::vector<std::string> p256_ = {"-algorithm", "EC", "-pkeyopt",
                                          "ec_paramgen_curve:P-256"};
  OpenSslCommand openssl_;
};

TEST_F(CraftedRequestTest, NothingButTheKeyIsTakenOfIt) {
  const std::string wishes = Make(
      p256_, {"-subj", "/O=admin/CN=root", "-addext", "subjectAltName=URI:spiffe://p/user/root",
              "-addext", "basicConstraints=critical,CA:TRUE", "-addext",
              "extendedKeyUsage=serverAuth,clientAuth", "-addext", "keyUsage=keyCertSign"});
  const auto key = ReadSigningRequest(wishes);
  ASSERT_TRUE(key.ok()) << key.status();
  const auto issued = Issue(
      PoolAuthorityForTest(), *key,
      {.peer = WorkerName(), .not_before = absl::Now(), .not_after = absl::Now() + absl::Hours(1)});
  ASSERT_TRUE(issued.ok()) << issued.status();
  openssl_.Write("issued", issued->ToPem());
  const std::string text = openssl_.Run({"x509", "-in", "issued", "-text", "-noout"});
  EXPECT_THAT(text, HasSubstr(ToUri(WorkerName())));
  for (const char* words :
       {"root", "admin", "CA:TRUE", "Server Authentication", "Certificate Sign"}) {
    EXPECT_THAT(text, Not(HasSubstr(words)));
  }
}

TEST_F(CraftedRequestTest, OtherKeysAreRefused) {
  const std::vector<std::vector<std::string>> kinds = {
      {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:512"},
      {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"},
      {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"},
      {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"},
      {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt",
       "ec_param_enc:explicit"},
      {"-algorithm", "ED25519"},
  };
  for (const auto& kind : kinds) {
    EXPECT_THAT(ReadSigningRequest(Make(kind)).status(),
                IsRefused("the key is not of the kind P-256, the only one taken"))
        << kind.back();
  }
  Make(p256_);
  openssl_.Run({"ec", "-in", "key", "-conv_form", "compressed", "-out", "compressed"});
  openssl_.Run(
      {"req", "-new", "-key", "compressed", "-subj", "/CN=x", "-outform", "DER", "-out", "csr"});
  EXPECT_THAT(ReadSigningRequest(openssl_.Read("csr")).status(),
              IsRefused("not of the kind P-256"));
}

TEST_F(CraftedRequestTest, AWeakProofAndALargeOneAreRefused) {
  EXPECT_THAT(ReadSigningRequest(Make(p256_, {"-subj", "/CN=x", "-sha1"})).status(),
              IsRefused("does not prove"));
  EXPECT_EQ(ReadSigningRequest(Make(p256_, {"-subj", "/CN=x", "-sha256"})).status(),
            absl::OkStatus());
  std::string names = "subjectAltName=DNS:a.example.org";
  for (int i = 0; i < 300; ++i) absl::StrAppend(&names, ",DNS:", i, ".example.org");
  EXPECT_THAT(ReadSigningRequest(Make(p256_, {"-subj", "/CN=x", "-addext", names})).status(),
              IsRefused("is larger than the allowed 4096 bytes"));
}

}  // namespace
}  // namespace handoff
