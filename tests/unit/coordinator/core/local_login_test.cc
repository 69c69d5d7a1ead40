// Accounts of the coordinator's host: what they get, and what it is good for.

#include "tests/unit/coordinator/core/identity_fixture.h"

namespace handoff::core {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class LocalLoginTest : public IdentityTest {
 protected:
  LocalLoginTest() { Add("ann", Role::kMember); }
  absl::StatusOr<LoginHere::Reply> Try(const std::string& user, unsigned uid = 1000) {
    return pool.Do(LoginHere{{user, "", "unix"}, uid, NewSerial()});
  }
  std::string MustLogIn(unsigned uid = 1000) {
    const auto reply = Try("ann", uid);
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.ok() ? reply->credential.serial : "";
  }
  CreateTokens Link(const std::string& serial) {
    CreateTokens wish = Wish({"ann", serial, "10.0.0.1"}, TokenPurpose::kLogin);
    wish.user = "ann";
    return wish;
  }
};

TEST_F(LocalLoginTest, GivesACredentialOfADayThatIsTheUsers) {
  const Credential credential = *Find(MustLogIn());
  EXPECT_EQ(credential.subject, "ann");
  EXPECT_EQ(credential.purpose, CredentialPurpose::kUser);
  EXPECT_EQ(credential.not_after - credential.issued_at, kLocalLife);
  EXPECT_THAT(credential.device, HasSubstr("uid 1000"));
  EXPECT_TRUE(pool.Do(Link(credential.serial)).ok());
  EXPECT_EQ(LastAudit().action, "CreateTokens");
}

TEST_F(LocalLoginTest, IsInTheAuditLogDoneOrRefused) {
  MustLogIn();
  EXPECT_EQ(LastAudit().action, "LoginHere");
  EXPECT_EQ(LastAudit().actor, "ann");
  EXPECT_EQ(LastAudit().object, "uid 1000");
  EXPECT_EQ(LastAudit().outcome, AuditOutcome::kDone);
  EXPECT_FALSE(Try("nobody").ok());
  EXPECT_EQ(LastAudit().outcome, AuditOutcome::kRefused);
}

TEST_F(LocalLoginTest, WhomThePoolDoesNotHaveIsRefused) {
  const absl::Status unknown = Try("nobody").status();
  EXPECT_TRUE(absl::IsPermissionDenied(unknown)) << unknown;
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("handoff user add nobody"));
  ChangeUser disable{root, "ann", {}, {}, true};
  ASSERT_TRUE(pool.Do(disable).ok());
  const absl::Status disabled = Try("ann").status();
  EXPECT_TRUE(absl::IsPermissionDenied(disabled)) << disabled;
  EXPECT_THAT(std::string(disabled.message()), HasSubstr("disabled"));
  EXPECT_THAT(pool.state.identity().SerialsOf("ann"), ::testing::IsEmpty());
}

// Or an account that is taken out of the configuration would never go.
TEST_F(LocalLoginTest, IsNotRenewed) {
  const std::string serial = MustLogIn();
  const absl::Status renewed = pool.Do(Renewal(serial)).status();
  EXPECT_TRUE(absl::IsPermissionDenied(renewed)) << renewed;
  EXPECT_THAT(std::string(renewed.message()), HasSubstr("handoff login --socket"));
  EXPECT_TRUE(pool.Do(Renewal(Login("ann").serial)).ok()) << "by a line it is";
}

TEST_F(LocalLoginTest, AnAccountHasTwoAtMostHoweverOftenItAsks) {
  const std::string first = MustLogIn(), second = MustLogIn(), third = MustLogIn();
  EXPECT_EQ(Find(first), nullptr);
  ASSERT_NE(Find(second), nullptr);
  EXPECT_EQ(Find(third)->line, Find(second)->line);
  EXPECT_EQ(Find(third)->generation, 3);
  const std::string other = MustLogIn(1001), by_line = Login("ann").serial;
  MustLogIn();
  EXPECT_NE(Find(other), nullptr);
  EXPECT_NE(Find(by_line), nullptr);
  EXPECT_EQ(pool.state.identity().SerialsOf("ann").size(), 4u);
}

TEST_F(LocalLoginTest, WhatWasRevokedStaysSo) {
  const std::string revoked = MustLogIn();
  ASSERT_TRUE(pool.Do(RevokeCredential{root, revoked, ""}).ok());
  const std::string next = MustLogIn();
  EXPECT_NE(Find(revoked)->revoked_at, absl::InfinitePast());
  EXPECT_NE(Find(next)->line, Find(revoked)->line);
  EXPECT_FALSE(pool.Do(Link(revoked)).ok());
  ASSERT_TRUE(pool.Do(RevokeUser{root, "ann", ""}).ok());
  EXPECT_FALSE(pool.Do(Link(next)).ok());
  EXPECT_FALSE(Try("ann").ok());
}

TEST_F(LocalLoginTest, NoUserIsCalledLikeTheSponsor) {
  EXPECT_FALSE(pool.Do(AddUser{root, "uid 1000", Role::kMember, {}}).ok());
  EXPECT_FALSE(IsLocal(*Find(root.serial)));
}

}  // namespace
}  // namespace handoff::core
