#include "common/rpc/known_certificates.h"

#include <string>

#include "common/file.h"
#include "gtest/gtest.h"
#include "tests/fakes/test_authority.h"

namespace handoff {
namespace {

class KnownCertificatesTest : public ::testing::Test {
 protected:
  std::string Issue(const std::string& name) {
    return *ReadFile(authority_.Issue(name, {}) + "/certificate.pem", 1 << 16);
  }
  const TempDir directory_ = *TempDir::Make("known-certificates-");
  TestAuthority authority_{directory_.path() + "/authority"};
};

TEST_F(KnownCertificatesTest, OneIsReadOnceAndIsWhatItIs) {
  KnownCertificates known;
  const std::string one = Issue("one"), two = Issue("two");
  const auto first = known.Read(one);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ((*first)->serial, ReadCertificate(one)->serial);
  EXPECT_EQ((*first)->not_after, ReadCertificate(one)->not_after);
  EXPECT_EQ((*first)->uris, ReadCertificate(one)->uris);
  EXPECT_EQ(*known.Read(one), *first) << "the same, not another that is alike";
  EXPECT_EQ((*known.Read(two))->serial, ReadCertificate(two)->serial);
  EXPECT_NE((*known.Read(two))->serial, (*first)->serial);
  EXPECT_EQ(known.size(), 2u);
}

TEST_F(KnownCertificatesTest, WhatIsNoneIsNotKept) {
  KnownCertificates known;
  for (const char* text : {"", "no certificate", "-----BEGIN CERTIFICATE-----\n"})
    EXPECT_FALSE(known.Read(text).ok()) << text;
  EXPECT_EQ(known.size(), 0u);
}

TEST_F(KnownCertificatesTest, BeyondTheBoundItBeginsAnew) {
  KnownCertificates known(3);
  std::string text = Issue("one");
  for (int i = 0; i < 10; ++i, text += "\n") {
    ASSERT_TRUE(known.Read(text).ok());
    EXPECT_EQ(known.size(), static_cast<size_t>(i % 3 + 1));
  }
  EXPECT_TRUE(known.Read(Issue("two")).ok());
}

}  // namespace
}  // namespace handoff
