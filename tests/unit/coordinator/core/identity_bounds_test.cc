// What is remembered of identities and for how long, how many there may be, and whose a token or
// credential is.
#include "coordinator/core/limits.h"
#include "tests/unit/coordinator/core/identity_fixture.h"

namespace handoff::core {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kOk = absl::StatusCode::kOk;
constexpr auto kFull = absl::StatusCode::kResourceExhausted;
constexpr auto kNotFound = absl::StatusCode::kNotFound;

class IdentityBoundsTest : public IdentityTest {
 protected:
  Credential Known(const std::string& serial, const std::string& subject) const {
    Credential credential;
    credential.serial = credential.line = serial;
    credential.purpose = CredentialPurpose::kUser;
    credential.subject = subject;
    credential.issued_at = pool.now;
    credential.not_after = pool.now + absl::Hours(1);
    return credential;
  }
  // What a ci token of this caller bought.
  std::string Ci(const Caller& caller, const std::string& token) {
    CreateTokens wish = Wish(caller, TokenPurpose::kCi);
    wish.secrets = {{token, Sha256Hex(SecretOf(token))}};
    wish.repos = {"h/x"};
    const auto bought = pool.Do(Redemption(Create(wish), TokenPurpose::kCi, ""));
    EXPECT_TRUE(bought.ok()) << bought.status();
    return bought->credential.serial;
  }
  bool IsGood(const std::string& serial) const {
    return Find(serial)->revoked_at == absl::InfinitePast();
  }
};

TEST_F(IdentityBoundsTest, WhoHasOneGoodCredentialIsNotRevoked) {
  IdentityRecords records;
  Credential revoked = Known("a1", "w");
  revoked.revoked_at = pool.now;
  records.Install(PutCredential{revoked});
  EXPECT_TRUE(records.IsRevoked("w"));
  records.Install(PutCredential{Known("a2", "w")});
  EXPECT_FALSE(records.IsRevoked("w"));
  EXPECT_FALSE(records.IsRevoked("nobody"));
}

// Others' tokens are made and dropped meanwhile.
TEST_F(IdentityBoundsTest, AWorkersCredentialIsRememberedAsLongAsItCanBeRenewed) {
  const RedeemToken::Reply joined = Join("a");
  const std::string serial = joined.credential.serial;
  pool.now = Find(serial)->not_after + kExpiredWorkerKept - absl::Seconds(1);
  Login("root");
  EXPECT_NE(Find(serial), nullptr);
  EXPECT_TRUE(pool.Do(Renewal(joined.renewal->serial)).ok());
}

TEST_F(IdentityBoundsTest, OneDecisionForgetsOnlySoMany) {
  Edit edit;
  for (size_t i = 0; i < kMaxDropped + 50; ++i)
    edit.changes.emplace_back(PutCredential{Known(absl::StrCat("b", i), "root")});
  pool.Install(edit);
  pool.now += absl::Hours(1) + kExpiredKept;
  const auto kept = [&] {
    const IdentityRecords& identity = pool.state.identity();
    return identity.credentials().size() + identity.tokens().size();
  };
  const size_t before = kept();
  Create(Wish(root, TokenPurpose::kLogin));
  EXPECT_EQ(kept(), before - kMaxDropped + 1) << "with the one that was made";
}

TEST_F(IdentityBoundsTest, ARevokedWorkersHoldsGoWithIt) {
  Join("a");
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h1", [](Handoff& h) { h.owner = "root"; });
  a.Call();
  ASSERT_TRUE(
      a.Finish("h1", 1, HostFault(FailureClass::kAgentNeedsSetup, "agent:cursor", "no login"))
          .ok());
  ASSERT_NE(pool.state.FindHold("uuid-a", "agent:cursor"), nullptr);
  ASSERT_TRUE(pool.Do(RevokeWorker{root, "a", ""}).ok());
  EXPECT_EQ(pool.state.FindHold("uuid-a", "agent:cursor"), nullptr);
}

TEST_F(IdentityBoundsTest, UsersAreBounded) {
  Edit edit;
  for (size_t i = pool.state.identity().users().size(); i + 1 < kMaxUsers; ++i) {
    User user;
    user.name = absl::StrCat("u", i);
    edit.changes.emplace_back(PutUser{std::move(user)});
  }
  pool.Install(edit);
  EXPECT_EQ(pool.Do(AddUser{root, "last", Role::kViewer, {}}).status().code(), kOk);
  EXPECT_EQ(pool.Do(AddUser{root, "more", Role::kViewer, {}}).status().code(), kFull);
}

TEST_F(IdentityBoundsTest, WorkersAreBoundedAndAKnownOneComesIn) {
  Edit edit;
  for (size_t i = 0; i + 1 < kMaxWorkers; ++i) {
    Worker worker;
    worker.uuid = absl::StrCat("uuid-", i);
    worker.name = absl::StrCat("w", i);
    edit.changes.emplace_back(PutWorker{std::move(worker)});
  }
  pool.Install(edit);
  Join("last");
  const std::string id = Invite();
  EXPECT_EQ(pool.Do(Redemption(id, TokenPurpose::kWorker, "more")).status().code(), kFull);
  RedeemToken known = Redemption(id, TokenPurpose::kWorker, "w0");
  known.worker_uuid = "uuid-0";  // of a time without identities
  EXPECT_EQ(pool.Do(known).status().code(), kOk);
}

TEST_F(IdentityBoundsTest, DevicesThatExpiredLeaveRoom) {
  Add("ada", Role::kMember);
  for (size_t i = 0; i < kMaxDevices; ++i) Login("ada");
  CreateTokens wish = Wish(root, TokenPurpose::kLogin);
  wish.user = "ada";
  const std::string refused = Create(wish);
  EXPECT_EQ(pool.Do(Redemption(refused, TokenPurpose::kLogin, "d")).status().code(), kFull);
  pool.now += kUserLife;
  wish.caller = Coordinator();  // root's own has expired
  wish.secrets = Secrets(1);
  const std::string taken = Create(wish);
  EXPECT_EQ(pool.Do(Redemption(taken, TokenPurpose::kLogin, "d")).status().code(), kOk);
}

TEST_F(IdentityBoundsTest, TokensOfOnePipelineAreBoundedAndNoneIsLeftWithoutItsLine) {
  CreateTokens wish = Wish(root, TokenPurpose::kCi);
  wish.repos = {"h/x"};
  const std::string meanwhile = Create(wish);
  Edit edit;
  for (size_t i = 0; i < kMaxCiCredentials; ++i) {
    Credential credential = Known(absl::StrCat("c", i), "ci/root");
    credential.purpose = CredentialPurpose::kCi;
    credential.repos = {"h/x"};
    edit.changes.emplace_back(PutCredential{std::move(credential)});
  }
  pool.Install(edit);
  const size_t tokens = pool.state.identity().tokens().size();
  wish.secrets = Secrets(1);
  const absl::Status created = pool.Do(wish).status();
  const absl::Status redeemed = pool.Do(Redemption(meanwhile, TokenPurpose::kCi, "")).status();
  for (const absl::Status& status : {created, redeemed}) {
    EXPECT_EQ(status.code(), kFull);
    EXPECT_THAT(std::string(status.message()), HasSubstr("No line was given"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("`handoff token list` shows them"));
  }
  EXPECT_EQ(pool.state.identity().tokens().size(), tokens);
  wish.user = "nightly";
  EXPECT_EQ(pool.Do(wish).status().code(), kOk) << "another pipeline";
  pool.now += absl::Hours(1);
  wish.user.clear();
  wish.secrets = Secrets(1);
  EXPECT_EQ(pool.Do(wish).status().code(), kOk) << "those have expired";
}

TEST_F(IdentityBoundsTest, RefusalsAreToldOnceAndAClockThatWasSetBackHidesNone) {
  const NoteRefusal refusal{{"ada", "", "10.0.0.7"}, Method::kCancel, "h-1", "not yours"};
  for (uint64_t i = 0; i < kMaxRefusalsNoted + 1; ++i) ASSERT_TRUE(pool.Do(refusal).ok());
  pool.now += absl::Minutes(1);
  ASSERT_TRUE(pool.Do(refusal).ok());
  EXPECT_THAT(LastAudit().detail, HasSubstr("1 refusals before this one"));
  ASSERT_TRUE(pool.Do(refusal).ok());
  EXPECT_THAT(LastAudit().detail, Not(HasSubstr("before this one")));
  while (pool.durable) ASSERT_TRUE(pool.Do(refusal).ok());
  pool.now -= absl::Hours(1);
  ASSERT_TRUE(pool.Do(refusal).ok());
  EXPECT_TRUE(pool.durable) << "or nothing is noted for an hour";
}

TEST_F(IdentityBoundsTest, OtherRepositoriesRevokeWhatWasMadeForTheFormer) {
  Add("ada", Role::kMember);
  const std::string ci = Ci(Login("ada"), "ci-1");
  ASSERT_TRUE(pool.Do(ChangeUser{root, "ada", {}, std::vector<std::string>{"h/y"}, {}}).ok());
  EXPECT_FALSE(IsGood(ci));
}

TEST_F(IdentityBoundsTest, TheLastAdminMayBeLimited) {
  const std::vector<std::string> repos = {"h/x"};
  EXPECT_EQ(pool.Do(ChangeUser{root, "root", {}, repos, {}}).status().code(), kOk);
  EXPECT_EQ(pool.state.identity().FindUser("root")->repos, repos);
}

TEST_F(IdentityBoundsTest, NoWorkerIsInvitedForWhoIsDisabled) {
  Add("ada", Role::kMember);
  CreateTokens wish = Wish(root, TokenPurpose::kWorker);
  wish.owner = "ada";
  ASSERT_TRUE(pool.Do(ChangeUser{root, "ada", {}, {}, true}).ok());
  EXPECT_EQ(pool.Do(wish).status().code(), kNotFound);
}

TEST_F(IdentityBoundsTest, ALinkIsRevokedByWhomItIsForAndByNoOther) {
  Add("ada", Role::kMember);
  Add("bob", Role::kMember);
  const Caller ada = Login("ada"), bob = Login("bob");
  CreateTokens wish = Wish(root, TokenPurpose::kLogin);
  wish.user = "ada";
  const std::string link = Create(wish);
  EXPECT_EQ(pool.Do(RevokeToken{bob, link, ""}).status().code(), kNotFound);
  EXPECT_EQ(pool.Do(RevokeToken{ada, link, ""}).status().code(), kOk);
}

TEST_F(IdentityBoundsTest, ACiTokenIsRevokedWithWhatItBoughtAndNothingElse) {
  const std::string one = Ci(root, "ci-1"), other = Ci(root, "ci-2");
  ASSERT_TRUE(pool.Do(RevokeToken{root, "ci-1", ""}).ok());
  EXPECT_FALSE(IsGood(one));
  EXPECT_TRUE(IsGood(other));
}

TEST_F(IdentityBoundsTest, ACiCredentialIsRevokedByWhoHadItMade) {
  Add("ada", Role::kMember);
  Add("bob", Role::kMember);
  const Caller ada = Login("ada"), bob = Login("bob");
  const std::string ci = Ci(ada, "ci-1");
  EXPECT_EQ(pool.Do(RevokeCredential{bob, ci, ""}).status().code(), kNotFound);
  EXPECT_EQ(pool.Do(RevokeCredential{ada, ci, ""}).status().code(), kOk);
  EXPECT_FALSE(IsGood(ci));
}

}  // namespace
}  // namespace handoff::core
