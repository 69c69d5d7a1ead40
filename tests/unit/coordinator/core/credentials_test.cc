// How credentials follow each other, and how they are taken back.
#include "coordinator/core/limits.h"
#include "tests/unit/coordinator/core/identity_fixture.h"

namespace handoff::core {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;
constexpr auto kDenied = absl::StatusCode::kPermissionDenied;

class CredentialsTest : public IdentityTest {
 protected:
  RenewCredential::Reply Renew(const std::string& serial) {
    const auto renewed = pool.Do(Renewal(serial));
    EXPECT_TRUE(renewed.ok()) << renewed.status();
    return renewed.ok() ? *renewed : RenewCredential::Reply{};
  }
  absl::StatusCode TryRenew(const std::string& serial) {
    const size_t credentials = pool.state.identity().credentials().size();
    const absl::Status status = pool.Do(Renewal(serial)).status();
    if (!status.ok()) {
      EXPECT_EQ(pool.state.identity().credentials().size(), credentials);
      EXPECT_EQ(LastAudit().outcome, AuditOutcome::kRefused);
      EXPECT_EQ(LastAudit().action, "Renew");
    }
    return status.code();
  }
};

TEST_F(CredentialsTest, TheLatestAndTheOneBeforeAreGood) {
  const std::string first = Join("a").credential.serial;
  pool.now += absl::Hours(12);
  const RenewCredential::Reply second = Renew(first);
  EXPECT_EQ(second.credential.subject, "uuid-a");
  EXPECT_EQ(second.credential.not_after, pool.now + absl::Hours(24));
  EXPECT_EQ(second.credential.generation, 2);
  EXPECT_NE(Find(first), nullptr);
  pool.now += absl::Hours(12);
  const RenewCredential::Reply third = Renew(second.credential.serial);
  EXPECT_EQ(Find(first), nullptr) << "replaced twice";
  EXPECT_NE(Find(second.credential.serial), nullptr);
  EXPECT_NE(Find(third.credential.serial), nullptr);
  EXPECT_THAT(pool.state.identity().SerialsOf("uuid-a"), SizeIs(4)) << "with those for renewal";
  EXPECT_EQ(TryRenew(first), kUnauthenticated);
}

TEST_F(CredentialsTest, ALostAnswerCostsNothing) {
  const std::string first = Join("a").credential.serial;
  const std::string lost = Renew(first).credential.serial;
  const std::string again = Renew(first).credential.serial;
  EXPECT_NE(Find(first), nullptr);
  EXPECT_NE(Find(again), nullptr);
  EXPECT_EQ(Find(lost), nullptr);
  EXPECT_THAT(LastAudit().detail, HasSubstr("has a copy of the key"));
}

// Of two hosts with the same directory one renews after the other: whoever was first is out.
TEST_F(CredentialsTest, ACopyOfAKeyIsNoticed) {
  const std::string first = Join("a").credential.serial;
  const std::string host = Renew(first).credential.serial;
  const std::string thief = Renew(first).credential.serial;
  EXPECT_EQ(TryRenew(host), kUnauthenticated);
  EXPECT_EQ(Renew(thief).credential.generation, 4);
}

TEST_F(CredentialsTest, AHostThatWasOffComesBackWithin90Days) {
  const RedeemToken::Reply a = Join("a");
  const absl::Time expired = a.credential.not_after;
  pool.now = expired + absl::Hours(90 * 24) - absl::Seconds(1);
  EXPECT_EQ(TryRenew(a.credential.serial), kUnauthenticated) << "with the one to renew by alone";
  const Credential next = Renew(a.renewal->serial).credential;
  EXPECT_EQ(next.purpose, CredentialPurpose::kWorker);
  EXPECT_EQ(next.not_after, pool.now + absl::Hours(24));
}

TEST_F(CredentialsTest, AndNotAfterThat) {
  const RedeemToken::Reply a = Join("a");
  pool.now = a.credential.not_after + absl::Hours(90 * 24);
  EXPECT_EQ(TryRenew(a.renewal->serial), kUnauthenticated);
}

TEST_F(CredentialsTest, AUsersIsRenewedWhileItIsGood) {
  Add("ada", Role::kMember);
  const Caller ada = Login("ada");
  const absl::Time end = Find(ada.serial)->not_after;
  EXPECT_EQ(end, pool.now + absl::Hours(90 * 24));
  pool.now = end - absl::Seconds(1);
  const RenewCredential::Reply renewed = Renew(ada.serial);
  EXPECT_EQ(renewed.credential.purpose, CredentialPurpose::kUser);
  EXPECT_EQ(renewed.credential.device, "laptop");
  EXPECT_FALSE(renewed.renewal.has_value());
  pool.now = renewed.credential.not_after;
  EXPECT_EQ(TryRenew(renewed.credential.serial), kUnauthenticated);
}

TEST_F(CredentialsTest, DevicesDoNotReplaceEachOther) {
  Add("ada", Role::kMember);
  const Caller laptop = Login("ada"), desktop = Login("ada");
  for (std::string serial = laptop.serial; Find(serial)->generation < 5;)
    serial = Renew(serial).credential.serial;
  EXPECT_NE(Find(desktop.serial), nullptr);
  EXPECT_EQ(Find(laptop.serial), nullptr);
}

TEST_F(CredentialsTest, AnotherSerialIsNeededEachTime) {
  const std::string first = Join("a").credential.serial;
  RenewCredential same = Renewal(first);
  same.serial = first;
  EXPECT_EQ(pool.Do(same).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(TryRenew("beef"), kUnauthenticated);
  EXPECT_EQ(TryRenew(""), kUnauthenticated);
}

TEST_F(CredentialsTest, ARevokedWorkerIsOutWithAllOfItsCredentials) {
  const RedeemToken::Reply joined = Join("a");
  const std::string second = Renew(joined.credential.serial).credential.serial;
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h1");
  a.Call();
  const auto revoked = pool.Do(RevokeWorker{root, "a", "stolen"});
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_EQ(revoked->worker_uuid, "uuid-a");
  EXPECT_FALSE(revoked->already);
  EXPECT_EQ(pool.state.FindWorker("uuid-a"), nullptr);
  EXPECT_TRUE(pool.state.identity().IsRevoked("uuid-a"));
  for (const std::string& serial : pool.state.identity().SerialsOf("uuid-a"))
    EXPECT_EQ(Find(serial)->revoked_at, pool.now);
  EXPECT_THAT(LastAudit().detail, HasSubstr("stolen"));
  EXPECT_THAT(pool.EventKinds(), Contains("worker_revoked"));

  EXPECT_EQ(TryRenew(second), kUnauthenticated);
  EXPECT_EQ(TryRenew(joined.renewal->serial), kUnauthenticated);
  EXPECT_EQ(a.TryCall().code(), kDenied) << "looked at before it was revoked";
  EXPECT_EQ(a.Finish("h1", 1, Success()).status().code(), kDenied);
  EXPECT_EQ(a.Save("h1", 1, Taken(pool, "c1")).status().code(), kDenied);
  EXPECT_EQ(pool.state.FindWorker("uuid-a"), nullptr);

  const size_t entries = pool.audit().size();
  for (const char* name : {"a", "uuid-a"})
    EXPECT_TRUE(pool.Do(RevokeWorker{root, name, ""})->already) << name;
  EXPECT_EQ(pool.audit().size(), entries);
  EXPECT_FALSE(pool.Do(RevokeWorker{root, "b", ""}).ok());
}

// It may still run there until its lease ends: then it goes on elsewhere.
TEST_F(CredentialsTest, WhatARevokedWorkerHeldIsGivenAwayWhenItsLeaseEnds) {
  Join("a");
  FakeWorker a(pool, "a");
  a.Call();
  pool.Submit("h1", [](Handoff& h) { h.owner = "root"; });  // whose workers these are
  a.Call();
  ASSERT_TRUE(IsLive(pool.Latest("h1").state));
  ASSERT_TRUE(pool.Do(RevokeWorker{root, "a", ""}).ok());
  Join("b");
  FakeWorker b(pool, "b");
  b.Call();
  EXPECT_EQ(pool.Get("h1").attempts.size(), 1u) << "one at a time";
  pool.Pass(pool.Latest("h1").lease_until - pool.now);
  b.Call();
  pool.Pass(absl::Seconds(20));  // the pause before it is tried again
  b.Call();
  ASSERT_EQ(pool.Get("h1").attempts.size(), 2u);
  EXPECT_EQ(pool.Latest("h1").worker_uuid, "uuid-b");
  EXPECT_EQ(pool.Get("h1").attempts[0].state, AttemptState::kLost);
}

TEST_F(CredentialsTest, ARemovedWorkerIsRevoked) {
  const RedeemToken::Reply joined = Join("a");
  ASSERT_TRUE(pool.Do(RemoveWorker{"a", "root", root}).ok());
  EXPECT_TRUE(pool.state.identity().IsRevoked("uuid-a"));
  EXPECT_EQ(LastAudit().action, "RemoveWorker");
  EXPECT_EQ(LastAudit().actor, "root");
  EXPECT_EQ(TryRenew(joined.renewal->serial), kUnauthenticated);
  EXPECT_TRUE(Join("b").credential.generation == 1) << "others are not";
  RedeemToken again = Redemption(Invite(), TokenPurpose::kWorker, "a");
  EXPECT_EQ(pool.Do(again).status().code(), absl::StatusCode::kAlreadyExists);
  again.worker_uuid = "uuid-new";
  EXPECT_TRUE(pool.Do(again).ok()) << "the name is free, the identity is not";
}

TEST_F(CredentialsTest, WhoMayRemoveAndRevokeAWorker) {
  Add("ada", Role::kMember);
  Add("oli", Role::kOperator);
  const Caller ada = Login("ada"), oli = Login("oli");
  Join("of-root");
  for (const char* name : {"ada-1", "ada-2"}) {
    ASSERT_TRUE(
        pool.Do(Redemption(Create(Wish(ada, TokenPurpose::kWorker)), TokenPurpose::kWorker, name))
            .ok());
  }
  for (const Caller& caller : {ada, oli}) {
    EXPECT_EQ(pool.Do(RemoveWorker{"of-root", "", caller}).status().code(), kDenied);
    EXPECT_EQ(LastAudit().outcome, AuditOutcome::kRefused);
    EXPECT_EQ(pool.Do(RevokeWorker{caller, "of-root", ""}).status().code(), kDenied);
    EXPECT_EQ(LastAudit().outcome, AuditOutcome::kRefused);
  }
  EXPECT_TRUE(pool.Do(RemoveWorker{"ada-1", "", ada}).ok());
  EXPECT_EQ(LastAudit().actor, "ada");
  EXPECT_TRUE(pool.Do(RevokeWorker{ada, "ada-2", ""}).ok());
  EXPECT_TRUE(pool.Do(RevokeWorker{ada, "ada-2", ""})->already);
  EXPECT_TRUE(pool.Do(RemoveWorker{"of-root", "", root}).ok());
}

TEST_F(CredentialsTest, WhoeverHasNoneMayNothing) {
  Join("a");
  for (const Caller& caller : {Caller{}, Caller{"root", "", "10.0.0.1"}}) {
    const auto code = [&](const auto& command) { return pool.Do(command).status().code(); };
    EXPECT_EQ(code(AddUser{caller, "eve", Role::kAdmin, {}}), kDenied);
    EXPECT_EQ(code(ListUsers{caller}), kDenied);
    EXPECT_EQ(code(ListTokens{caller}), kDenied);
    EXPECT_EQ(code(Wish(caller, TokenPurpose::kWorker)), kDenied);
    EXPECT_EQ(code(RevokeUser{caller, "root", ""}), kDenied);
    EXPECT_EQ(code(RevokeWorker{caller, "a", ""}), kDenied);
    EXPECT_EQ(code(Drain{"a", "", false, "root", caller}), kDenied);
    EXPECT_EQ(code(RemoveWorker{"a", "root", caller}), kDenied);
  }
  EXPECT_FALSE(pool.state.FindWorkerByName("a")->draining);
}

TEST_F(CredentialsTest, WhoMayDrainAWorker) {
  Add("ada", Role::kMember);
  Add("bob", Role::kMember);
  Add("oli", Role::kOperator);
  const Caller ada = Login("ada"), bob = Login("bob"), oli = Login("oli");
  CreateTokens shared = Wish(root, TokenPurpose::kWorker);
  shared.owner = "ada";
  shared.shared = true;
  ASSERT_TRUE(pool.Do(Redemption(Create(shared), TokenPurpose::kWorker, "hers")).ok());
  const auto drain = [&](const Caller& caller, bool undrain) {
    return pool.Do(Drain{"hers", "", undrain, caller.name, caller}).status().code();
  };
  EXPECT_EQ(drain(bob, false), kDenied);
  EXPECT_EQ(LastAudit().action, "DrainWorker");
  EXPECT_EQ(LastAudit().outcome, AuditOutcome::kRefused);
  EXPECT_FALSE(pool.state.FindWorker("uuid-hers")->draining);
  EXPECT_EQ(drain(ada, false), absl::StatusCode::kOk) << "hers, although it takes others' work";
  EXPECT_TRUE(pool.state.FindWorker("uuid-hers")->draining);
  EXPECT_EQ(drain(bob, true), kDenied);
  EXPECT_EQ(drain(oli, true), absl::StatusCode::kOk);
  EXPECT_EQ(drain(root, false), absl::StatusCode::kOk);
  EXPECT_EQ(pool.Do(Drain{"nobody", "", false, "bob", bob}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(CredentialsTest, ARevokedDeviceIsRevokedWithWhatFollowedIt) {
  Add("ada", Role::kMember);
  Add("bob", Role::kMember);
  const Caller ada = Login("ada"), other = Login("ada"), bob = Login("bob");
  const std::string next = Renew(ada.serial).credential.serial;
  EXPECT_EQ(pool.Do(RevokeCredential{bob, ada.serial, ""}).status().code(),
            absl::StatusCode::kNotFound);
  const auto revoked = pool.Do(RevokeCredential{other, ada.serial, "laptop lost"});
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_EQ(Find(next)->revoked_at, pool.now) << "or the thief renews";
  EXPECT_EQ(TryRenew(next), kUnauthenticated);
  EXPECT_EQ(Find(other.serial)->revoked_at, absl::InfinitePast());
  EXPECT_TRUE(pool.Do(RevokeCredential{other, ada.serial, ""})->already);
  EXPECT_FALSE(pool.Do(ListUsers{ada}).ok());
  EXPECT_TRUE(pool.Do(ListUsers{other}).ok());
}

// Each login there began another line: one that a thief took would be as good as before.
TEST_F(CredentialsTest, ADeviceIsRevokedWithEveryLineThatItHas) {
  Add("ada", Role::kMember);
  Add("bob", Role::kMember);
  const Caller taken = Login("ada"), again = Login("ada"), bob = Login("bob");
  const Caller other = Login("ada", "desk");
  const std::string next = Renew(taken.serial).credential.serial;
  const auto revoked = pool.Do(RevokeDevice{other, "ada", "laptop", "lost"});
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_FALSE(revoked->already);
  EXPECT_EQ(revoked->credentials, 3u);
  for (const std::string& serial : {taken.serial, next, again.serial}) {
    EXPECT_EQ(Find(serial)->revoked_at, pool.now) << serial;
    EXPECT_EQ(TryRenew(serial), kUnauthenticated);
  }
  for (const Caller& kept : {other, bob}) {
    EXPECT_EQ(Find(kept.serial)->revoked_at, absl::InfinitePast()) << kept.name;
  }
  const size_t entries = pool.audit().size();
  EXPECT_TRUE(pool.Do(RevokeDevice{other, "ada", "laptop", ""})->already);
  EXPECT_EQ(pool.audit().size(), entries);
  ASSERT_FALSE(pool.Do(RevokeDevice{root, "ada", "desk", "left"})->already);
  EXPECT_EQ(LastAudit().action, "RevokeCredential");
  EXPECT_EQ(LastAudit().object, "ada (desk)");
  EXPECT_EQ(LastAudit().detail, "1 credential. left");
}

TEST_F(CredentialsTest, ADeviceThatIsNoneOrAnothersIsNotFound) {
  Add("ada", Role::kMember);
  Add("bob", Role::kMember);
  const Caller ada = Login("ada"), bob = Login("bob");
  Login("ada", "desk");
  const absl::Status none = pool.Do(RevokeDevice{ada, "ada", "phone", ""}).status();
  EXPECT_EQ(none.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(none.message()), HasSubstr("theirs are: desk, laptop."));
  for (const char* user : {"ada", "nobody"}) {
    const absl::Status anothers = pool.Do(RevokeDevice{bob, user, "laptop", ""}).status();
    EXPECT_EQ(anothers.code(), absl::StatusCode::kNotFound) << user;
    EXPECT_THAT(std::string(anothers.message()), HasSubstr("no user is named"));
  }
  EXPECT_EQ(LastAudit().outcome, AuditOutcome::kRefused);
  EXPECT_EQ(Find(ada.serial)->revoked_at, absl::InfinitePast());
}

// Joined under one name, and started with another: of the first name may be another by now.
TEST_F(CredentialsTest, AWorkerIsRevokedByTheNameThatItHasNow) {
  Join("build-1");
  FakeWorker renamed(pool, "build-1");
  renamed.self.name = "build-2";
  renamed.Call();
  EXPECT_EQ(pool.Do(RevokeWorker{root, "build-1", ""}).status().code(),
            absl::StatusCode::kNotFound);
  ASSERT_NE(pool.state.FindWorker("uuid-build-1"), nullptr);
  // A second one of that name, whose serials sort behind, was revoked.
  RedeemToken second = Redemption(Invite(), TokenPurpose::kWorker, "build-1");
  second.worker_uuid = "uuid-second";
  ASSERT_TRUE(pool.Do(second).ok());
  EXPECT_EQ(pool.Do(RevokeWorker{root, "build-1", ""})->worker_uuid, "uuid-second");
  EXPECT_TRUE(pool.Do(RevokeWorker{root, "build-1", ""})->already);
  ASSERT_NE(pool.state.FindWorker("uuid-build-1"), nullptr);
  EXPECT_EQ(pool.Do(RevokeWorker{root, "build-2", ""})->worker_uuid, "uuid-build-1");
}

TEST_F(CredentialsTest, AUserIsNoWorker) {
  Add("ada", Role::kMember);
  const Caller ada = Login("ada");
  EXPECT_EQ(pool.Do(RevokeWorker{root, "ada", ""}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(pool.Do(RevokeWorker{root, "laptop", ""}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Find(ada.serial)->revoked_at, absl::InfinitePast());
}

TEST_F(CredentialsTest, AnOwnerRevokesByAnySerialOfTheWorker) {
  Add("ada", Role::kMember);
  Add("bob", Role::kMember);
  const Caller ada = Login("ada"), bob = Login("bob");
  const auto joined = pool.Do(
      Redemption(Create(Wish(ada, TokenPurpose::kWorker)), TokenPurpose::kWorker, "her-host"));
  ASSERT_TRUE(joined.ok()) << joined.status();
  const std::string serial = joined->credential.serial;
  EXPECT_EQ(pool.Do(RevokeCredential{bob, serial, ""}).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_FALSE(pool.Do(RevokeCredential{ada, serial, ""})->already);
  EXPECT_TRUE(pool.Do(RevokeCredential{ada, serial, ""})->already);
}

TEST_F(CredentialsTest, AWorkersCredentialStandsForTheWorker) {
  const RedeemToken::Reply joined = Join("a");
  ASSERT_TRUE(pool.Do(RevokeCredential{root, joined.renewal->serial, "copied"}).ok());
  EXPECT_EQ(pool.state.FindWorker("uuid-a"), nullptr);
  EXPECT_TRUE(pool.state.identity().IsRevoked("uuid-a"));
}

TEST_F(CredentialsTest, AWorkersOrACiCredentialAsksForNoIdentities) {
  const std::string worker = Join("a").credential.serial;
  CreateTokens wish = Wish(root, TokenPurpose::kCi);
  wish.repos = {"h/x"};
  const auto ci = pool.Do(Redemption(Create(wish), TokenPurpose::kCi, "job"));
  ASSERT_TRUE(ci.ok());
  for (const Caller& caller :
       {Caller{"uuid-a", worker, ""}, Caller{"ci/root", ci->credential.serial, ""},
        Caller{"root", worker, ""}, Caller{"root", ci->credential.serial, ""}}) {
    EXPECT_EQ(pool.Do(AddUser{caller, "x", Role::kAdmin, {}}).status().code(), kDenied);
    EXPECT_EQ(pool.Do(ListUsers{caller}).status().code(), kDenied);
    EXPECT_EQ(pool.Do(Wish(caller, TokenPurpose::kWorker)).status().code(), kDenied);
    EXPECT_EQ(pool.Do(RevokeWorker{caller, "a", ""}).status().code(), kDenied);
  }
}

TEST_F(CredentialsTest, RevokedOnesAreForgottenWhenTheyCouldNotBeRenewedAnyMore) {
  Join("a");
  ASSERT_TRUE(pool.Do(RevokeWorker{root, "a", ""}).ok());
  pool.now += kWorkerLife + kExpiredWorkerKept;
  const std::string user = Login("root").serial;
  EXPECT_THAT(pool.state.identity().SerialsOf("uuid-a"), SizeIs(1)) << "the one for renewal";
  pool.now += kRenewalLife;
  Login("root");
  EXPECT_THAT(pool.state.identity().SerialsOf("uuid-a"), IsEmpty());
}

// ---- Records that were restored from a copy ----

// The records as they were are put back after "a" renewed once, at noon.
class RestoredCredentialsTest : public CredentialsTest {
 protected:
  RestoredCredentialsTest() {
    first_ = Join("a");
    pool.now += absl::Hours(12);
    const State copy = pool.state;
    noon_ = pool.now += absl::Seconds(10);
    second_ = Renew(first_.credential.serial);
    pool.now += absl::Hours(1);
    pool.state = copy;
  }
  void SayRestored() { pool.Install(Edit{{SetRestored{pool.now}}}); }
  RenewCredential Showing(const Credential& shown, absl::Time issued_at) {
    RenewCredential renew = Renewal(shown.serial);
    renew.unknown.emplace();
    renew.unknown->purpose = shown.purpose;
    renew.unknown->worker_uuid = shown.subject;
    renew.unknown->issued_at = issued_at;
    renew.unknown->not_after = shown.not_after;
    return renew;
  }
  absl::Status TryShowing(const Credential& shown, absl::Time issued_at) {
    return pool.Do(Showing(shown, issued_at)).status();
  }

  RedeemToken::Reply first_;
  RenewCredential::Reply second_;
  absl::Time noon_;
};

TEST_F(RestoredCredentialsTest, ANewerOneIsRefusedWithWhatToDoUntilAPersonSaysSo) {
  const absl::Status refused = TryShowing(second_.credential, noon_);
  EXPECT_EQ(refused.code(), kUnauthenticated);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("handoff-coordinator --data-dir DIR rest"));
  EXPECT_EQ(LastAudit().outcome, AuditOutcome::kRefused);
  EXPECT_THAT(LastAudit().detail, HasSubstr("restored"));
  EXPECT_EQ(Find(second_.credential.serial), nullptr);
}

TEST_F(RestoredCredentialsTest, ThenItIsRenewedAndAllIsAsWithoutTheRestore) {
  SayRestored();
  const auto third = pool.Do(Showing(second_.credential, noon_));
  ASSERT_TRUE(third.ok()) << third.status();
  EXPECT_EQ(third->credential.generation, 3);
  EXPECT_EQ(third->credential.subject, "uuid-a");
  ASSERT_TRUE(third->renewal.has_value());
  EXPECT_EQ(LastAudit().outcome, AuditOutcome::kDone);
  EXPECT_THAT(LastAudit().detail, HasSubstr("before these records were restored"));
  EXPECT_NE(Find(second_.credential.serial), nullptr);
  EXPECT_EQ(Find(first_.credential.serial), nullptr);
  pool.state.CheckInvariants();
  // The answer is lost, and it tries with the other one of the two that it has.
  pool.now += absl::Minutes(1);
  const auto again = pool.Do(Showing(*second_.renewal, noon_ + absl::Seconds(1)));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(Find(third->credential.serial), nullptr);
  // As ever: what was replaced twice since is out, whoever has it.
  const std::string fifth = Renew(again->credential.serial).credential.serial;
  Renew(fifth);
  EXPECT_EQ(TryShowing(second_.credential, noon_).code(), kUnauthenticated);
  EXPECT_EQ(TryShowing(*second_.renewal, noon_).code(), kUnauthenticated);
  EXPECT_THAT(LastAudit().detail, HasSubstr("was replaced"));
}

TEST_F(RestoredCredentialsTest, WhatWasReplacedBeforeTheCopyWasMadeStaysOut) {
  SayRestored();
  Credential stolen = first_.credential;
  stolen.serial = "0dd";
  const absl::Status refused = TryShowing(stolen, first_.credential.issued_at - absl::Hours(20));
  EXPECT_EQ(refused.code(), kUnauthenticated);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("was replaced"));
}

TEST_F(RestoredCredentialsTest, WhatWasGivenAfterAPersonSaidSoIsNotCovered) {
  SayRestored();
  const absl::Status refused = TryShowing(second_.credential, pool.now + absl::Seconds(1));
  EXPECT_EQ(refused.code(), kUnauthenticated);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("restored from a backup"));
}

TEST_F(RestoredCredentialsTest, WhoIsRevokedOrUnknownStaysOut) {
  SayRestored();
  Credential other = second_.credential;
  other.subject = "uuid-b";
  EXPECT_EQ(TryShowing(other, noon_).code(), kUnauthenticated);
  other.subject = "root";  // a user's records are no worker's
  EXPECT_EQ(TryShowing(other, noon_).code(), kUnauthenticated);
  ASSERT_TRUE(pool.Do(RevokeWorker{root, "a", "stolen"}).ok());
  EXPECT_EQ(TryShowing(second_.credential, noon_).code(), kUnauthenticated);
  EXPECT_EQ(Find(second_.credential.serial), nullptr);
}

}  // namespace
}  // namespace handoff::core
