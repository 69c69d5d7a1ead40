#include "cli/credential_directory.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/file.h"
#include "common/identity/private_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_authority.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CredentialDirectory : public ::testing::Test {
 protected:
  CredentialDirectory() : dir_(*TempDir::Make("handoff-credential-")) {}

  absl::Status Write(const std::string& user) const {
    const std::string made = authority_.UserDirectory(user);
    const auto key = ReadPrivateFile(made + "/key.pem", 1 << 16);
    return WriteCredential(path_, {*ReadFile(made + "/authority.pem"),
                                   *ReadFile(made + "/certificate.pem"),
                                   key->Copy(),
                                   {"host:1", "[::1]:2"},
                                   user});
  }
  TempDir dir_;
  FakeAuthority authority_;
  const std::string path_ = dir_.path() + "/test-pool";
};

TEST_F(CredentialDirectory, WhatIsWrittenIsRead) {
  ASSERT_TRUE(Write("alice").ok());
  const auto read = ReadCredential(path_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->pool_id(), "test-pool");
  EXPECT_EQ(read->user(), "alice");
  EXPECT_THAT(read->addresses, ElementsAre("host:1", "[::1]:2"));
  EXPECT_TRUE(read->is_login);
  EXPECT_TRUE(CheckUsable(*read, absl::Now()).ok());
}

TEST_F(CredentialDirectory, AnotherLoginReplacesItWhole) {
  ASSERT_TRUE(Write("alice").ok());
  ASSERT_TRUE(WriteRenewalRecord(path_, {absl::Now(), "failed"}).ok());
  ASSERT_TRUE(Write("grace").ok());
  EXPECT_EQ(ReadCredential(path_)->user(), "grace");
  EXPECT_EQ(ReadRenewalRecord(path_).error, "");
  EXPECT_THAT(*ListDirectory(dir_.path()), ElementsAre("test-pool"));
}

TEST_F(CredentialDirectory, NoneIsNotFoundAndAWorkersIsRefused) {
  EXPECT_TRUE(absl::IsNotFound(ReadCredential(path_).status()));
  const absl::Status coordinator = ReadCredential(authority_.CoordinatorDirectory()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(coordinator)) << coordinator;
  EXPECT_THAT(std::string(coordinator.message()), HasSubstr("not of a user"));
}

TEST_F(CredentialDirectory, WhatOthersCanWriteIsRefused) {
  ASSERT_TRUE(Write("alice").ok());
  for (const char* name : {"", "/authority.pem", "/certificate.pem", "/pool.toml"}) {
    const std::string path = path_ + name;
    struct stat info = {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    ASSERT_EQ(::chmod(path.c_str(), info.st_mode | 0020), 0);
    const absl::Status status = ReadCredential(path_).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << name << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("chmod go-w"));
    ASSERT_EQ(::chmod(path.c_str(), info.st_mode), 0);
  }
  EXPECT_TRUE(ReadCredential(path_).ok());
}

TEST_F(CredentialDirectory, ACertificateOfAnotherAuthorityIsNotUsable) {
  ASSERT_TRUE(Write("alice").ok());
  const FakeAuthority other;
  const auto pem = ReadFile(other.UserDirectory("alice") + "/authority.pem");
  ASSERT_TRUE(WritePrivateFile(path_ + "/authority.pem", *pem).ok());
  const absl::Status status = CheckUsable(*ReadCredential(path_), absl::Now());
  EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
}

TEST_F(CredentialDirectory, RenewalIsDueFromTheHalfOfItsLifeOnceADay) {
  ASSERT_TRUE(Write("alice").ok());
  StoredCredential credential = *ReadCredential(path_);
  const absl::Time half = RenewalTime(credential.certificate);
  EXPECT_EQ(half - credential.certificate.not_before(), credential.certificate.not_after() - half);
  const RenewalRecord never;
  EXPECT_FALSE(IsRenewalDue(credential, never, half - absl::Seconds(1)));
  EXPECT_TRUE(IsRenewalDue(credential, never, half));
  EXPECT_FALSE(IsRenewalDue(credential, {half - absl::Hours(23), ""}, half));
  EXPECT_TRUE(IsRenewalDue(credential, {half - absl::Hours(24), ""}, half));
  EXPECT_TRUE(IsRenewalDue(credential, {half + absl::Hours(1), ""}, half));
  credential.is_login = false;
  EXPECT_FALSE(IsRenewalDue(credential, never, half));
}

TEST_F(CredentialDirectory, TheLastTryIsRemembered) {
  ASSERT_TRUE(Write("alice").ok());
  EXPECT_EQ(ReadRenewalRecord(path_).tried_at, absl::InfinitePast());
  const absl::Time at = absl::FromUnixSeconds(1'796'000'000);
  ASSERT_TRUE(WriteRenewalRecord(path_, {at, "no\nanswer"}).ok());
  EXPECT_EQ(ReadRenewalRecord(path_).tried_at, at);
  EXPECT_EQ(ReadRenewalRecord(path_).error, "no answer");
  ASSERT_TRUE(WriteFileAtomically(path_ + "/renewal", "nonsense").ok());
  EXPECT_EQ(ReadRenewalRecord(path_).tried_at, absl::InfinitePast());
}

}  // namespace
}  // namespace handoff
