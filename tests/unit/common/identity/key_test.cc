#include "common/identity/key.h"

#include <openssl/err.h>

#include <string>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/common/identity/pool_for_test.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(PrivateKey, ComesBackFromPemAndDer) {
  const auto key = PrivateKey::Generate();
  ASSERT_TRUE(key.ok()) << key.status();
  const auto pem = key->ToPem();
  const auto der = key->ToDer();
  ASSERT_TRUE(pem.ok() && der.ok());
  EXPECT_THAT(std::string(pem->Reveal()), StartsWith("-----BEGIN PRIVATE KEY-----\n"));
  const auto from_pem = PrivateKey::FromPem(pem->Reveal());
  const auto from_der = PrivateKey::FromDer(der->Reveal());
  ASSERT_TRUE(from_pem.ok() && from_der.ok()) << from_pem.status() << from_der.status();
  EXPECT_EQ(from_pem->public_key(), key->public_key());
  EXPECT_EQ(from_der->public_key(), key->public_key());
  const auto again = from_der->ToPem();
  EXPECT_EQ(again->Reveal(), pem->Reveal());
  EXPECT_FALSE(PrivateKey::Generate()->public_key() == key->public_key());
}

TEST(PrivateKey, IsWhatTheOpensslCommandTakesForP256) {
  if (!OpenSslCommand::IsThere()) GTEST_SKIP() << "no openssl command";
  const OpenSslCommand openssl;
  const auto key = PrivateKey::Generate();
  const auto pem = key->ToPem();
  openssl.Write("key", pem->Reveal());
  EXPECT_THAT(openssl.Run({"pkey", "-in", "key", "-text", "-noout", "-check"}),
              ::testing::AllOf(HasSubstr("Key is valid"), HasSubstr("prime256v1")));
  openssl.Run({"pkey", "-in", "key", "-pubout", "-outform", "DER", "-out", "pub"});
  EXPECT_EQ(openssl.Read("pub"), key->public_key().der());
}

TEST(PrivateKey, OtherKindsAndGarbageAreRefused) {
  if (!OpenSslCommand::IsThere()) GTEST_SKIP() << "no openssl command";
  const OpenSslCommand openssl;
  const std::vector<std::vector<std::string>> kinds = {
      {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:512"},
      {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"},
      {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"},
      {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt",
       "ec_param_enc:explicit"},
      {"-algorithm", "ED25519"},
  };
  for (const auto& kind : kinds) {
    std::vector<std::string> arguments = {"genpkey", "-out", "key"};
    arguments.insert(arguments.end(), kind.begin(), kind.end());
    openssl.Run(arguments);
    EXPECT_THAT(PrivateKey::FromPem(openssl.Read("key")).status(),
                Refuses(absl::StatusCode::kInvalidArgument, "P-256, the only one taken"))
        << kind.back();
  }
  openssl.Run({"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes256",
               "-pass", "pass:x", "-out", "key"});
  const auto pem = PrivateKey::Generate()->ToPem();
  const std::string good(pem->Reveal());
  for (const std::string& text :
       {std::string(), std::string("x"), openssl.Read("key"), good + good, good.substr(0, 60),
        absl::StrReplaceAll(good, {{"PRIVATE", "PUBLIC"}}), good + std::string(20'000, ' ')}) {
    EXPECT_THAT(PrivateKey::FromPem(text).status(),
                Refuses(absl::StatusCode::kInvalidArgument, "not a private key in PKCS#8 form"))
        << text.substr(0, 100);
  }
  EXPECT_EQ(ERR_peek_error(), 0u) << "left behind for gRPC to find";
}

TEST(PrivateKey, DerIsTakenWholeAndUndamaged) {
  const auto key = PrivateKey::Generate();
  const auto der = key->ToDer();
  const std::string good(der->Reveal());
  for (size_t cut = 0; cut < good.size(); ++cut) {
    EXPECT_FALSE(PrivateKey::FromDer(good.substr(0, cut)).ok()) << cut;
  }
  EXPECT_FALSE(PrivateKey::FromDer(good + '\0').ok());
  // One bit of the number itself: the public key beside it does not fit any more.
  std::string other = good;
  other[40] = static_cast<char>(other[40] ^ 1);
  EXPECT_THAT(PrivateKey::FromDer(other).status(),
              Refuses(absl::StatusCode::kInvalidArgument, "does not fit the public key beside it"));
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST(PublicKey, IsAPointOfTheCurve) {
  const std::string good = PrivateKey::Generate()->public_key().der();
  ASSERT_EQ(good.size(), 91u);
  EXPECT_EQ(PublicKey::FromDer(good)->der(), good);
  EXPECT_NE(PublicKey::FromDer(good)->Open(), nullptr);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string other = good;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_EQ(PublicKey::FromDer(other).status().code(), absl::StatusCode::kInvalidArgument) << i;
    EXPECT_FALSE(PublicKey::FromDer(good.substr(0, i)).ok()) << i;
  }
  EXPECT_FALSE(PublicKey::FromDer(good + good).ok());
  EXPECT_FALSE(PublicKey::FromDer(good.substr(0, 27) + std::string(64, '\0')).ok());
  EXPECT_EQ(ERR_peek_error(), 0u);
}

}  // namespace
}  // namespace handoff
