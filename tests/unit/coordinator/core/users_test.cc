// Users, and who may do what to them.
#include "coordinator/core/limits.h"
#include "tests/unit/coordinator/core/identity_fixture.h"

namespace handoff::core {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class UsersTest : public IdentityTest {
 protected:
  absl::Status Change(const std::string& name, Role role) {
    return pool.Do(ChangeUser{root, name, role, {}, {}}).status();
  }
  absl::Status Disable(const std::string& name, bool disabled = true) {
    return pool.Do(ChangeUser{root, name, {}, {}, disabled}).status();
  }
};

TEST_F(UsersTest, AnAdminAddsOneAndTheLogSaysSo) {
  const auto added = pool.Do(AddUser{root, "ada", Role::kMember, {}});
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_TRUE(pool.durable);
  const User* ada = pool.state.identity().FindUser("ada");
  ASSERT_NE(ada, nullptr);
  EXPECT_EQ(*ada, added->user);
  EXPECT_EQ(ada->role, Role::kMember);
  EXPECT_EQ(ada->created_by, "root");
  EXPECT_EQ(ada->created_at, pool.now);
  EXPECT_EQ(LastAudit().actor, "root");
  EXPECT_EQ(LastAudit().serial, root.serial);
  EXPECT_EQ(LastAudit().address, "10.0.0.1");
  EXPECT_EQ(LastAudit().action, "AddUser");
  EXPECT_EQ(LastAudit().object, "ada");
  EXPECT_EQ(LastAudit().outcome, AuditOutcome::kDone);
}

TEST_F(UsersTest, ARefusalChangesNothingAndIsInTheLog) {
  Add("ada", Role::kMember);
  const Caller ada = Login("ada");
  const struct {
    AddUser command;
    absl::StatusCode code;
  } cases[] = {
      {{ada, "bob", Role::kAdmin, {}}, absl::StatusCode::kPermissionDenied},
      {{root, "ada", Role::kAdmin, {}}, absl::StatusCode::kAlreadyExists},
      {{root, "", Role::kMember, {}}, absl::StatusCode::kInvalidArgument},
      {{root, "ci/x", Role::kMember, {}}, absl::StatusCode::kInvalidArgument},
      {{root, "coordinator", Role::kMember, {}}, absl::StatusCode::kInvalidArgument},
      {{root, "-rf", Role::kMember, {}}, absl::StatusCode::kInvalidArgument},
      {{root, "a\nb", Role::kMember, {}}, absl::StatusCode::kInvalidArgument},
      {{root, std::string(65, 'a'), Role::kMember, {}}, absl::StatusCode::kInvalidArgument},
      {{root, "bob", Role::kMember, {""}}, absl::StatusCode::kInvalidArgument},
      {{root, "bob", Role::kMember, {"a b"}}, absl::StatusCode::kInvalidArgument},
      {{root, "bob", Role::kCi, {}}, absl::StatusCode::kInvalidArgument},
      {{{"root", "", ""}, "bob", Role::kMember, {}}, absl::StatusCode::kPermissionDenied},
      {{{"nobody", "", ""}, "bob2", Role::kMember, {}}, absl::StatusCode::kPermissionDenied},
      {{{}, "bob2", Role::kMember, {}}, absl::StatusCode::kPermissionDenied},
      {{{"root", "beef", ""}, "bob2", Role::kMember, {}}, absl::StatusCode::kPermissionDenied},
      {{{"root", ada.serial, ""}, "bob2", Role::kMember, {}}, absl::StatusCode::kPermissionDenied},
  };
  for (const auto& c : cases) {
    const auto users = pool.state.identity().users();
    const size_t entries = pool.audit().size();
    const absl::Status status = pool.Do(c.command).status();
    EXPECT_EQ(status.code(), c.code) << c.command.name << ": " << status;
    EXPECT_EQ(pool.audit().size(), entries + 1) << c.command.name;
    if (status.ok()) continue;
    EXPECT_EQ(pool.state.identity().users(), users) << c.command.name;
    EXPECT_EQ(LastAudit().outcome, AuditOutcome::kRefused);
  }
}

// Who has a name that no certificate can say could never log in.
TEST_F(UsersTest, ANameIsOneThatACertificateCanSay) {
  for (const char* name :
       {"Ada", "ada@example.org", "ada+1", "ada b", "_ada", ".ada", "ad\xc3\xa4"}) {
    const absl::Status refused = pool.Do(AddUser{root, name, Role::kMember, {}}).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(std::string(refused.message()),
                HasSubstr("is no name for a user: 1 to 64 of a-z, 0-9, '-', '_' and '.', the first "
                          "a letter or a digit. Nothing was done."));
    EXPECT_EQ(pool.state.identity().FindUser(name), nullptr);
  }
  for (const std::string& name : {std::string("0.a_b-c"), std::string(64, 'z')}) {
    EXPECT_TRUE(pool.Do(AddUser{root, name, Role::kMember, {}}).ok()) << name;
    Login(name);
  }
}

TEST_F(UsersTest, NobodyIsNamedAsAWorkerIs) {
  Join("a");
  EXPECT_EQ(pool.Do(AddUser{root, "uuid-a", Role::kMember, {}}).status().code(),
            absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(pool.Do(RevokeWorker{root, "a", ""}).ok());
  EXPECT_EQ(pool.Do(AddUser{root, "uuid-a", Role::kMember, {}}).status().code(),
            absl::StatusCode::kAlreadyExists);
}

TEST_F(UsersTest, TheLastAdminStays) {
  EXPECT_EQ(Change("root", Role::kOperator).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Disable("root").code(), absl::StatusCode::kFailedPrecondition);
  const absl::Status revoked = pool.Do(RevokeUser{root, "root", ""}).status();
  EXPECT_EQ(revoked.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(revoked.message()), HasSubstr("last admin"));
  EXPECT_TRUE(pool.state.identity().IsActive("root"));

  Add("eve", Role::kAdmin);
  ASSERT_TRUE(Disable("eve").ok());
  EXPECT_FALSE(Change("root", Role::kViewer).ok()) << "a disabled admin does not count";
  ASSERT_TRUE(Disable("eve", false).ok());
  EXPECT_TRUE(Change("root", Role::kViewer).ok());
  EXPECT_EQ(Change("root", Role::kAdmin).code(), absl::StatusCode::kPermissionDenied)
      << "it counts from then on";
}

TEST_F(UsersTest, ADisabledUserMayNothingUntilTheyAreEnabled) {
  Add("eve", Role::kAdmin);
  const Caller eve = Login("eve");
  ASSERT_TRUE(Disable("eve").ok());
  EXPECT_EQ(pool.Do(AddUser{eve, "x", Role::kMember, {}}).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_FALSE(pool.Do(ListUsers{eve}).ok());
  EXPECT_EQ(pool.Do(Renewal(eve.serial)).status().code(), absl::StatusCode::kUnauthenticated);
  ASSERT_TRUE(Disable("eve", false).ok());
  EXPECT_TRUE(pool.Do(AddUser{eve, "x", Role::kMember, {}}).ok());
}

TEST_F(UsersTest, WhatIsTheSameIsNoChange) {
  Add("ada", Role::kMember);
  const size_t entries = pool.audit().size();
  EXPECT_TRUE(Change("ada", Role::kMember).ok());
  EXPECT_EQ(pool.audit().size(), entries);
  EXPECT_EQ(Change("nobody", Role::kMember).code(), absl::StatusCode::kNotFound);
}

TEST_F(UsersTest, AreListedInPages) {
  for (const char* name : {"bob", "ada", "cyd"}) Add(name, Role::kMember);
  std::vector<std::string> names;
  ListUsers list{root};
  list.most = 2;
  bool more = true;
  for (int page = 0; more && page < 3; ++page) {
    const auto reply = pool.Do(list);
    ASSERT_TRUE(reply.ok()) << reply.status();
    ASSERT_LE(reply->users.size(), 2u);
    for (const auto& item : reply->users) names.push_back(item.user.name);
    list.after = names.back();
    more = reply->more;
  }
  EXPECT_FALSE(more);
  EXPECT_EQ(names, (std::vector<std::string>{"ada", "bob", "cyd", "root"}));
  // What is others' makes no further page.
  list = {Login("ada")};
  list.most = 1;
  const auto own = pool.Do(list);
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_THAT(own->users, SizeIs(1));
  EXPECT_FALSE(own->more);
}

TEST_F(UsersTest, OneIsListedByNameForWhoMaySeeThem) {
  Add("ada", Role::kMember);
  const Caller ada = Login("ada");
  ListUsers list{root, "ada"};
  const auto found = pool.Do(list);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_THAT(found->users, SizeIs(1));
  EXPECT_EQ(found->users[0].user.name, "ada");
  EXPECT_THAT(found->users[0].credentials, SizeIs(1));
  EXPECT_TRUE(pool.Do(ListUsers{ada, "ada"}).ok());
  const absl::Status absent = pool.Do(ListUsers{root, "bob"}).status();
  EXPECT_EQ(absent.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(pool.Do(ListUsers{ada, "root"}).status().code(), absl::StatusCode::kNotFound);
}

// Or whoever logs in and out again often enough could not be listed, nor their devices found.
TEST_F(UsersTest, OfWhatWasRevokedTheLastIsListed) {
  Add("ada", Role::kMember);
  std::string last;
  for (size_t n = 0; n < kMaxRevokedShown + 5; ++n) {
    pool.now += absl::Seconds(1);
    last = Login("ada").serial;
    ASSERT_TRUE(pool.Do(RevokeCredential{root, last, ""}).ok());
  }
  const std::string good = Login("ada").serial;
  const auto found = pool.Do(ListUsers{root, "ada"});
  ASSERT_TRUE(found.ok()) << found.status();
  const auto& shown = found->users[0].credentials;
  ASSERT_THAT(shown, SizeIs(kMaxRevokedShown + 1));
  EXPECT_EQ(shown[0].serial, good);
  EXPECT_EQ(shown[1].serial, last);
}

TEST_F(UsersTest, EachSeesWhatTheyMay) {
  Add("ada", Role::kMember);
  const Caller ada = Login("ada");
  const auto all = pool.Do(ListUsers{root});
  ASSERT_TRUE(all.ok());
  EXPECT_FALSE(pool.durable);
  EXPECT_THAT(all->users, SizeIs(2));
  const auto own = pool.Do(ListUsers{ada});
  ASSERT_TRUE(own.ok());
  ASSERT_THAT(own->users, SizeIs(1));
  EXPECT_EQ(own->users[0].user.name, "ada");
  ASSERT_THAT(own->users[0].credentials, SizeIs(1));
  EXPECT_EQ(own->users[0].credentials[0].serial, ada.serial);
  EXPECT_EQ(own->users[0].credentials[0].device, "laptop");
}

TEST_F(UsersTest, ARevokedUserLosesAllThatTheyHaveAndMade) {
  Add("eve", Role::kAdmin);
  const Caller eve = Login("eve");
  const Caller second = Login("eve");
  CreateTokens ci = Wish(eve, TokenPurpose::kCi);
  ci.repos = {"h/x"};
  const auto of_ci = pool.Do(Redemption(Create(ci), TokenPurpose::kCi, "job"));
  ASSERT_TRUE(of_ci.ok()) << of_ci.status();
  const std::string invitation = Create(Wish(eve, TokenPurpose::kWorker));
  CreateTokens link = Wish(root, TokenPurpose::kLogin);
  link.user = "eve";
  const std::string login = Create(link);
  const auto joined = pool.Do(
      Redemption(Create(Wish(eve, TokenPurpose::kWorker)), TokenPurpose::kWorker, "her-host"));
  ASSERT_TRUE(joined.ok());

  const auto revoked = pool.Do(RevokeUser{root, "eve", "left"});
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_EQ(revoked->credentials, 3u);
  EXPECT_EQ(revoked->tokens, 2u);
  EXPECT_FALSE(revoked->already);
  for (const std::string& serial : {eve.serial, second.serial, of_ci->credential.serial})
    EXPECT_EQ(Find(serial)->revoked_at, pool.now);
  EXPECT_EQ(Find(joined->credential.serial)->revoked_at, absl::InfinitePast())
      << "a host of the pool";
  EXPECT_FALSE(pool.Do(Redemption(invitation, TokenPurpose::kWorker, "h")).ok());
  EXPECT_FALSE(pool.Do(Redemption(login, TokenPurpose::kLogin, "d")).ok());
  EXPECT_THAT(pool.audit()[pool.audit().size() - 3].detail, HasSubstr("left"));

  const size_t entries = pool.audit().size();
  EXPECT_TRUE(pool.Do(RevokeUser{root, "eve", "left"})->already);
  EXPECT_EQ(pool.audit().size(), entries);
  ASSERT_TRUE(Disable("eve", false).ok());
  EXPECT_FALSE(pool.Do(ListUsers{eve}).ok()) << "enabled again, and has to sign in again";
}

// An admin who is one no more may have had a login made for anybody.
TEST_F(UsersTest, WhatWasMadeByRightsThatAreGoneGoesToo) {
  for (const bool disable : {false, true}) {
    SCOPED_TRACE(disable);
    const std::string name = disable ? "eve" : "mal";
    Add(name, Role::kAdmin);
    const Caller eve = Login(name);
    CreateTokens link = Wish(eve, TokenPurpose::kLogin);
    link.user = "root";
    const std::string login = Create(link), host = Create(Wish(eve, TokenPurpose::kWorker));
    CreateTokens ci = Wish(eve, TokenPurpose::kCi);
    ci.repos = {"h/x"};
    const auto of_ci = pool.Do(Redemption(Create(ci), TokenPurpose::kCi, "job"));
    ASSERT_TRUE(of_ci.ok()) << of_ci.status();
    const std::string kept = Invite();
    link.caller = root;
    link.user = name;
    link.secrets = Secrets(1);
    const std::string for_them = Create(link);
    const auto changed = pool.Do(disable ? ChangeUser{root, name, {}, {}, true}
                                         : ChangeUser{root, name, Role::kViewer, {}, {}});
    ASSERT_TRUE(changed.ok()) << changed.status();
    EXPECT_EQ(changed->revoked_credentials, 1u);
    EXPECT_EQ(changed->revoked_tokens, disable ? 3u : 2u);
    EXPECT_THAT(LastAudit().detail,
                HasSubstr(absl::StrCat("1 credentials of ci and ", disable ? 3 : 2, " tokens")));
    ASSERT_TRUE(Disable(name, false).ok());
    EXPECT_FALSE(pool.Do(Redemption(login, TokenPurpose::kLogin, "d")).ok());
    EXPECT_FALSE(pool.Do(Redemption(host, TokenPurpose::kWorker, "h")).ok());
    EXPECT_EQ(pool.Do(Redemption(for_them, TokenPurpose::kLogin, "d")).ok(), !disable);
    EXPECT_NE(Find(of_ci->credential.serial)->revoked_at, absl::InfinitePast());
    EXPECT_EQ(Find(eve.serial)->revoked_at, absl::InfinitePast());
    EXPECT_TRUE(pool.Do(Redemption(kept, TokenPurpose::kWorker, absl::StrCat("k", disable))).ok());
  }
}

// Whoever is refused again and again does not fill the log.
TEST_F(UsersTest, RefusalsAreNotedUpToABoundAndThenCounted) {
  const size_t before = pool.audit().size();
  const NoteRefusal refusal{{"ada", "", "10.0.0.7"}, Method::kCancel, "h-1", "not yours"};
  for (uint64_t i = 0; i < kMaxRefusalsNoted + 40; ++i) ASSERT_TRUE(pool.Do(refusal).ok());
  EXPECT_EQ(pool.audit().size(), before + kMaxRefusalsNoted);
  EXPECT_FALSE(pool.durable);
  pool.now += absl::Minutes(1);
  ASSERT_TRUE(pool.Do(refusal).ok());
  EXPECT_EQ(pool.audit().size(), before + kMaxRefusalsNoted + 1);
  EXPECT_THAT(LastAudit().detail, HasSubstr("40 refusals before this one were not noted"));
  EXPECT_THAT(LastAudit().detail, HasSubstr("not yours"));
  EXPECT_EQ(LastAudit().action, "Cancel");
  EXPECT_EQ(LastAudit().address, "10.0.0.7");
  EXPECT_TRUE(pool.Do(AddUser{root, "bob", Role::kMember, {}}).ok());
  EXPECT_EQ(LastAudit().object, "bob") << "what is done is always noted";
}

TEST_F(UsersTest, TheChainGoesOnAfterARestart) {
  pool.Restart();
  Add("ada", Role::kMember);
  pool.Restart();
  Add("bob", Role::kMember);
  std::string hash;
  uint64_t seq = 0;
  for (const AuditEntry& entry : pool.audit()) {
    EXPECT_EQ(entry.seq, ++seq);
    EXPECT_EQ(entry.hash, AuditHash(hash, entry));
    hash = entry.hash;
  }
  EXPECT_GE(seq, 4u);
}

// Nothing of an entry is outside of its hash.
TEST_F(UsersTest, EveryFieldOfAnEntryCountsInItsHash) {
  AuditEntry entry{7, pool.now, "a", "b", "c", "d", "e", AuditOutcome::kDone, "f", ""};
  const std::string hash = AuditHash("prev", entry);
  EXPECT_NE(AuditHash("prew", entry), hash);
  const auto differs = [&](auto change) {
    AuditEntry other = entry;
    change(other);
    return AuditHash("prev", other) != hash;
  };
  EXPECT_TRUE(differs([](AuditEntry& e) { e.seq = 8; }));
  EXPECT_TRUE(differs([](AuditEntry& e) { e.at += absl::Nanoseconds(1); }));
  EXPECT_TRUE(differs([](AuditEntry& e) { e.actor = "x"; }));
  EXPECT_TRUE(differs([](AuditEntry& e) { e.serial = "x"; }));
  EXPECT_TRUE(differs([](AuditEntry& e) { e.address = "x"; }));
  EXPECT_TRUE(differs([](AuditEntry& e) { e.action = "x"; }));
  EXPECT_TRUE(differs([](AuditEntry& e) { e.object = "x"; }));
  EXPECT_TRUE(differs([](AuditEntry& e) { e.outcome = AuditOutcome::kRefused; }));
  EXPECT_TRUE(differs([](AuditEntry& e) { e.detail = "x"; }));
  EXPECT_TRUE(differs([](AuditEntry& e) { e.actor = "ab", e.serial = ""; })) << "moved across";
  EXPECT_TRUE(differs([](AuditEntry& e) { e.actor = "a1:b", e.serial = ""; })) << "moved across";
}

}  // namespace
}  // namespace handoff::core
