// Tokens: who has them made, and that each is good once.
#include <algorithm>
#include <set>

#include "coordinator/core/identity_rules.h"
#include "coordinator/core/limits.h"
#include "tests/unit/coordinator/core/identity_fixture.h"

namespace handoff::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class TokensTest : public IdentityTest {
 protected:
  absl::StatusCode TryCreate(const CreateTokens& wish) {
    const size_t tokens = pool.state.identity().tokens().size();
    const size_t entries = pool.audit().size();
    const absl::Status status = pool.Do(wish).status();
    if (!status.ok()) {
      EXPECT_EQ(pool.state.identity().tokens().size(), tokens);
      EXPECT_EQ(pool.audit().size(), entries + 1);
      EXPECT_EQ(LastAudit().outcome, AuditOutcome::kRefused);
    }
    return status.code();
  }
};

constexpr auto kDenied = absl::StatusCode::kPermissionDenied;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST_F(TokensTest, ManyAreMadeInOneStepAndNoReplyHasAHash) {
  CreateTokens wish = Wish(root, TokenPurpose::kWorker);
  wish.secrets = Secrets(1000);
  wish.labels = {{"os", "linux"}};
  wish.repos = {"github.com/acme/**"};
  wish.shared = true;
  const size_t entries = pool.audit().size();
  const auto created = pool.Do(wish);
  ASSERT_TRUE(created.ok()) << created.status();
  ASSERT_THAT(created->tokens, SizeIs(1000));
  EXPECT_EQ(pool.audit().size(), entries + 1000) << "each is found by its id";
  for (const Token& token : created->tokens) {
    EXPECT_EQ(token.secret_hash, "");
    EXPECT_EQ(token.expires_at, pool.now + absl::Minutes(10));
    EXPECT_EQ(token.labels.at("os"), "linux");
    EXPECT_EQ(token.owner, "root");
    EXPECT_TRUE(token.shared);
  }
  EXPECT_EQ(pool.state.identity().FindToken(wish.secrets[9].id)->secret_hash, wish.secrets[9].hash);
  const auto listed = pool.Do(ListTokens{root});
  ASSERT_TRUE(listed.ok());
  EXPECT_THAT(listed->tokens, SizeIs(1001)) << "with root's own login";
  for (const Token& token : listed->tokens) EXPECT_EQ(token.secret_hash, "");
}

TEST_F(TokensTest, AreListedInPagesNewestFirst) {
  std::vector<std::string> expected;  // newest last
  for (int n = 0; n < 3; ++n) {
    pool.now += absl::Seconds(1);
    CreateTokens wish = Wish(root, TokenPurpose::kWorker);
    wish.secrets = Secrets(2);
    ASSERT_TRUE(pool.Do(wish).ok());
    // Of one moment they come by their ids.
    const auto [first, second] = std::minmax(wish.secrets[0].id, wish.secrets[1].id);
    expected.insert(expected.end(), {second, first});
  }
  std::vector<std::string> ids;
  ListTokens list{root};
  list.most = 3;
  bool more = true;
  while (more && ids.size() < 10) {
    const auto reply = pool.Do(list);
    ASSERT_TRUE(reply.ok()) << reply.status();
    ASSERT_LE(reply->tokens.size(), 3u);
    for (const Token& token : reply->tokens) ids.push_back(token.id);
    list.after = {reply->tokens.back().created_at, reply->tokens.back().id};
    more = reply->more;
  }
  ASSERT_THAT(ids, SizeIs(7)) << "with root's own login";
  ids.pop_back();
  EXPECT_EQ(ids, std::vector<std::string>(expected.rbegin(), expected.rend()));
}

TEST_F(TokensTest, WhatIsNotATokenIsNotMade) {
  CreateTokens wish = Wish(root, TokenPurpose::kWorker);
  const CreateTokens good = wish;
  wish.secrets.clear();
  EXPECT_EQ(TryCreate(wish), kInvalid);
  wish.secrets = Secrets(1001);
  EXPECT_EQ(TryCreate(wish), kInvalid);
  wish.secrets = {good.secrets[0], good.secrets[0]};
  EXPECT_EQ(TryCreate(wish), kInvalid);
  wish.secrets = {{"", good.secrets[0].hash}};
  EXPECT_EQ(TryCreate(wish), kInvalid);
  wish.secrets = {{"id", "secret"}};
  EXPECT_EQ(TryCreate(wish), kInvalid) << "a secret by mistake";
  wish = good;
  for (const absl::Duration ttl : {absl::ZeroDuration(), -absl::Hours(1), absl::Seconds(59),
                                   absl::Hours(25), absl::InfiniteDuration()}) {
    wish.ttl = ttl;
    EXPECT_EQ(TryCreate(wish), kInvalid) << ttl;
  }
  wish = good;
  wish.repos = std::vector<std::string>(101, "h/x");
  EXPECT_EQ(TryCreate(wish), kInvalid);
  wish = good;
  wish.owner = "nobody";
  EXPECT_EQ(TryCreate(wish), absl::StatusCode::kNotFound);
  wish = Wish(root, TokenPurpose::kLogin);
  wish.user = "nobody";
  EXPECT_EQ(TryCreate(wish), absl::StatusCode::kNotFound);
  wish = Wish(root, TokenPurpose::kCi);
  EXPECT_EQ(TryCreate(wish), kInvalid) << "for no repository";
  EXPECT_EQ(TryCreate(good), absl::StatusCode::kOk);
  EXPECT_EQ(TryCreate(good), kInvalid) << "the same id again";
}

// By who makes them: nobody can keep others from letting people and hosts in.
TEST_F(TokensTest, OpenOnesOfOneUserAreBounded) {
  Add("ada", Role::kMember);
  Add("vic", Role::kViewer);
  const struct {
    Caller caller;
    TokenPurpose purpose;
    size_t most;
  } users[] = {{Login("ada"), TokenPurpose::kWorker, kMaxOpenTokens},
               {Login("vic"), TokenPurpose::kLogin, kMaxOpenTokens},
               {root, TokenPurpose::kWorker, kMaxOpenTokensOfAdmin}};
  for (const auto& user : users) {
    CreateTokens wish = Wish(user.caller, user.purpose);
    for (size_t made = 0; made < user.most; made += wish.secrets.size()) {
      wish.secrets = Secrets(1000);
      ASSERT_EQ(TryCreate(wish), absl::StatusCode::kOk) << user.caller.name << " " << made;
    }
    wish.secrets = Secrets(1);
    EXPECT_EQ(TryCreate(wish), absl::StatusCode::kResourceExhausted) << user.caller.name;
  }
  CreateTokens link = Wish(Coordinator(), TokenPurpose::kLogin);
  link.user = "root";
  EXPECT_EQ(TryCreate(link), absl::StatusCode::kOk) << "an admin gets in at any time";
  pool.now += absl::Minutes(10);
  for (const auto& user : users)
    EXPECT_EQ(TryCreate(Wish(user.caller, user.purpose)), absl::StatusCode::kOk) << "those expired";
}

TEST_F(TokensTest, AMemberHasThemMadeForThemselvesOnly) {
  Add("ada", Role::kMember);
  Add("bob", Role::kMember);
  const Caller ada = Login("ada");
  const auto with = [&](TokenPurpose purpose, auto change) {
    CreateTokens wish = Wish(ada, purpose);
    if (purpose == TokenPurpose::kCi) wish.repos = {"h/x"};
    change(wish);
    return TryCreate(wish);
  };
  constexpr auto kOk = absl::StatusCode::kOk;
  EXPECT_EQ(with(TokenPurpose::kLogin, [](auto&) {}), kOk);
  EXPECT_EQ(with(TokenPurpose::kLogin, [](auto& w) { w.user = "ada"; }), kOk);
  EXPECT_EQ(with(TokenPurpose::kLogin, [](auto& w) { w.user = "root"; }), kDenied);
  EXPECT_EQ(with(TokenPurpose::kWorker, [](auto&) {}), kOk);
  EXPECT_EQ(with(TokenPurpose::kWorker, [](auto& w) { w.shared = true; }), kDenied);
  EXPECT_EQ(with(TokenPurpose::kWorker, [](auto& w) { w.owner = "bob"; }), kDenied);
  EXPECT_EQ(with(TokenPurpose::kCi, [](auto&) {}), kOk);
  EXPECT_EQ(with(TokenPurpose::kCi, [](auto& w) { w.user = "bob"; }), kDenied);
  EXPECT_THAT(pool.Do(ListTokens{ada})->tokens, SizeIs(5)) << "with the one she came in with";
}

TEST_F(TokensTest, AViewerHasALinkForAnotherDeviceAndNothingElse) {
  Add("vic", Role::kViewer);
  const Caller vic = Login("vic");
  EXPECT_EQ(TryCreate(Wish(vic, TokenPurpose::kLogin)), absl::StatusCode::kOk);
  EXPECT_EQ(TryCreate(Wish(vic, TokenPurpose::kWorker)), kDenied);
  CreateTokens ci = Wish(vic, TokenPurpose::kCi);
  ci.repos = {"h/x"};
  EXPECT_EQ(TryCreate(ci), kDenied);
}

TEST_F(TokensTest, WhoIsLimitedToRepositoriesPassesOnNoMore) {
  Add("ada", Role::kMember, {"github.com/acme/*", "h/x"});
  const Caller ada = Login("ada");
  CreateTokens ci = Wish(ada, TokenPurpose::kCi);
  ci.repos = {"**"};
  EXPECT_EQ(TryCreate(ci), kDenied);
  ci.repos = {"h/x", "h/y"};
  EXPECT_EQ(TryCreate(ci), kDenied);
  ci.repos = {"h/x"};
  EXPECT_EQ(TryCreate(ci), absl::StatusCode::kOk);
  EXPECT_EQ(TryCreate(Wish(ada, TokenPurpose::kWorker)), kDenied) << "for any repository";
}

TEST_F(TokensTest, AWorkerJoinsWithWhatItsTokenSays) {
  Add("ada", Role::kMember);
  CreateTokens wish = Wish(root, TokenPurpose::kWorker);
  wish.owner = "ada";
  wish.shared = true;
  wish.repos = {"github.com/acme/*"};
  wish.labels = {{"gpu", "2"}};
  const std::string id = Create(wish);
  const auto joined = pool.Do(Redemption(id, TokenPurpose::kWorker, "build-1"));
  ASSERT_TRUE(joined.ok()) << joined.status();
  const Worker* worker = pool.state.FindWorker("uuid-build-1");
  ASSERT_NE(worker, nullptr);
  EXPECT_EQ(worker->name, "build-1");
  EXPECT_EQ(worker->owner, "ada");
  EXPECT_TRUE(worker->shared);
  EXPECT_THAT(worker->repos, ElementsAre("github.com/acme/*"));
  EXPECT_EQ(worker->registered_at, pool.now);
  EXPECT_EQ(joined->token.labels.at("gpu"), "2");
  EXPECT_EQ(joined->token.secret_hash, "");
  EXPECT_EQ(joined->credential.subject, "uuid-build-1");
  EXPECT_EQ(joined->credential.purpose, CredentialPurpose::kWorker);
  EXPECT_EQ(joined->credential.not_after, pool.now + absl::Hours(24));
  EXPECT_EQ(joined->renewal->purpose, CredentialPurpose::kRenewal);
  EXPECT_EQ(joined->renewal->not_after, pool.now + absl::Hours(91 * 24));
  EXPECT_EQ(*Find(joined->credential.serial), joined->credential);
  EXPECT_EQ(*Find(joined->renewal->serial), *joined->renewal);

  // What its daemon says of itself does not change whose it is.
  FakeWorker daemon(pool, "build-1");
  daemon.Call();
  worker = pool.state.FindWorker("uuid-build-1");
  EXPECT_EQ(worker->owner, "ada");
  EXPECT_TRUE(worker->shared);
  EXPECT_THAT(worker->repos, ElementsAre("github.com/acme/*"));
  EXPECT_EQ(worker->slots, 2);
  pool.Restart();
  EXPECT_EQ(pool.state.FindWorker("uuid-build-1")->owner, "ada");
}

TEST_F(TokensTest, WhateverIsWrongWithOneIsSaidInTheSameWords) {
  Add("ada", Role::kMember);
  Add("eve", Role::kAdmin);
  const Caller eve = Login("eve");
  const std::string used = Invite(), old = Invite(), revoked = Invite(), good = Invite();
  const std::string of_eve = Create(Wish(eve, TokenPurpose::kWorker));
  ASSERT_TRUE(pool.Do(Redemption(used, TokenPurpose::kWorker, "a")).ok());
  ASSERT_TRUE(pool.Do(RevokeToken{root, revoked, ""}).ok());
  ASSERT_TRUE(pool.Do(ChangeUser{root, "eve", {}, {}, true}).ok());
  CreateTokens login = Wish(root, TokenPurpose::kLogin);
  login.user = "ada";
  const std::string for_ada = Create(login);
  ASSERT_TRUE(pool.Do(ChangeUser{root, "ada", {}, {}, true}).ok());

  RedeemToken one_bit = Redemption(good, TokenPurpose::kWorker, "b");
  one_bit.secret_hash.back() = one_bit.secret_hash.back() == '0' ? '1' : '0';
  RedeemToken truncated = Redemption(good, TokenPurpose::kWorker, "b");
  truncated.secret_hash.pop_back();
  RedeemToken empty = Redemption(good, TokenPurpose::kWorker, "b");
  empty.secret_hash.clear();
  RedeemToken zeros = Redemption("nothing", TokenPurpose::kWorker, "b");
  zeros.secret_hash = std::string(64, '0');
  const struct {
    const char* name;
    RedeemToken redeem;
    const char* detail;
  } cases[] = {
      {"reused", Redemption(used, TokenPurpose::kWorker, "b"), "used before"},
      {"reused by itself", Redemption(used, TokenPurpose::kWorker, "a"), "used before"},
      {"revoked", Redemption(revoked, TokenPurpose::kWorker, "b"), "revoked"},
      {"unknown", Redemption("another pool's", TokenPurpose::kWorker, "b"), "No such"},
      {"unknown, hash of nothing", zeros, "No such"},
      {"one bit", one_bit, "Wrong secret"},
      {"truncated", truncated, "Wrong secret"},
      {"empty", empty, "Wrong secret"},
      {"other purpose", Redemption(good, TokenPurpose::kLogin, "b"), "It is for worker"},
      {"maker disabled", Redemption(of_eve, TokenPurpose::kWorker, "b"), "revoked"},
      {"user disabled", Redemption(for_ada, TokenPurpose::kLogin, "b"), "revoked"},
  };
  std::set<std::string> sentences;
  for (const auto& c : cases) {
    const State before = pool.state;
    const absl::Status status = pool.Do(c.redeem).status();
    sentences.insert(status.ToString());
    EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << c.name;
    EXPECT_EQ(pool.state.identity().tokens(), before.identity().tokens()) << c.name;
    EXPECT_EQ(pool.state.identity().credentials(), before.identity().credentials()) << c.name;
    EXPECT_EQ(pool.state.workers(), before.workers()) << c.name;
    EXPECT_EQ(LastAudit().outcome, AuditOutcome::kRefused);
    EXPECT_EQ(LastAudit().object, c.redeem.token_id);
    EXPECT_THAT(LastAudit().detail, HasSubstr(c.detail)) << c.name << ": for the log alone";
  }
  pool.now += absl::Minutes(10);
  const absl::Status expired = pool.Do(Redemption(old, TokenPurpose::kWorker, "b")).status();
  sentences.insert(expired.ToString());
  EXPECT_THAT(LastAudit().detail, HasSubstr("expired"));
  EXPECT_THAT(sentences, SizeIs(1));
}

TEST_F(TokensTest, OneIsGoodUntilTheMomentAtWhichItExpires) {
  const std::string a = Invite(), b = Invite();
  pool.now += absl::Minutes(10) - absl::Nanoseconds(1);
  EXPECT_TRUE(pool.Do(Redemption(a, TokenPurpose::kWorker, "a")).ok());
  pool.now += absl::Nanoseconds(1);
  EXPECT_FALSE(pool.Do(Redemption(b, TokenPurpose::kWorker, "b")).ok());
}

// What is wrong with the request and not with the token leaves the token good.
TEST_F(TokensTest, WhoChoseBadlyMayTryAgain) {
  Join("a");
  const std::string id = Invite();
  const RedeemToken good = Redemption(id, TokenPurpose::kWorker, "b");
  const auto refused = [&](absl::StatusCode code, auto change) {
    RedeemToken redeem = good;
    change(redeem);
    const absl::Status status = pool.Do(redeem).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_TRUE(IsOpen(*pool.state.identity().FindToken(id)));
  };
  const Credential known = pool.state.identity().credentials().begin()->second;
  refused(absl::StatusCode::kAlreadyExists, [](auto& r) { r.device = "a"; });
  refused(absl::StatusCode::kAlreadyExists, [](auto& r) { r.worker_uuid = "uuid-a"; });
  refused(kInvalid, [](auto& r) { r.worker_uuid = ""; });
  refused(kInvalid, [](auto& r) { r.worker_uuid = "root"; });
  refused(kInvalid, [](auto& r) { r.worker_uuid = "ci/root"; });
  refused(kInvalid, [](auto& r) { r.worker_uuid = "UUID-B"; });  // in no certificate
  refused(kInvalid, [](auto& r) { r.device = ""; });
  refused(kInvalid, [](auto& r) { r.device = "b\nc"; });
  refused(kInvalid, [](auto& r) { r.device = std::string(65, 'b'); });
  refused(kInvalid, [](auto& r) { r.serial = ""; });
  refused(kInvalid, [](auto& r) { r.serial = "XYZ"; });
  refused(kInvalid, [](auto& r) { r.renewal_serial = ""; });
  refused(kInvalid, [](auto& r) { r.renewal_serial = r.serial; });
  refused(kInvalid, [&](auto& r) { r.serial = known.serial; });
  EXPECT_TRUE(pool.Do(good).ok());
}

// A pool from before identities: its workers go on as they are, once somebody lets them in.
TEST_F(TokensTest, AWorkerThatWasHereBeforeKeepsItsRecord) {
  FakeWorker daemon(pool, "b");
  daemon.Call();
  pool.Submit("h1");
  daemon.Call();
  pool.now += absl::Seconds(5);
  const auto joined = pool.Do(Redemption(Invite(), TokenPurpose::kWorker, "b"));
  ASSERT_TRUE(joined.ok()) << joined.status();
  const Worker* worker = pool.state.FindWorker("uuid-b");
  EXPECT_EQ(worker->start, daemon.self.start);
  EXPECT_EQ(worker->owner, "root");
  EXPECT_THAT(pool.state.AttemptsOf("uuid-b"), SizeIs(1));
}

TEST_F(TokensTest, ANameOfAJoinedWorkerIsKeptForItHoweverLongItIsSilent) {
  Join("a");
  pool.now += absl::Hours(1);
  FakeWorker other(pool, "a");
  other.self.uuid = "uuid-other";
  EXPECT_EQ(other.TryCall().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_NE(pool.state.FindWorker("uuid-a"), nullptr);
}

TEST_F(TokensTest, ACiTokenBuysWhatItSaysAndNoLonger) {
  Add("ada", Role::kMember);
  CreateTokens wish = Wish(Login("ada"), TokenPurpose::kCi);
  wish.repos = {"h/x", "h/y"};
  wish.ttl = absl::Hours(2);
  const std::string id = Create(wish);
  pool.now += absl::Hours(1);
  const auto redeemed = pool.Do(Redemption(id, TokenPurpose::kCi, "job"));
  ASSERT_TRUE(redeemed.ok()) << redeemed.status();
  EXPECT_EQ(redeemed->credential.subject, "ci/ada") << "not ada: her own work is none of its";
  EXPECT_THAT(redeemed->credential.repos, ElementsAre("h/x", "h/y"));
  EXPECT_EQ(redeemed->credential.not_after, pool.now + absl::Hours(1));
  EXPECT_EQ(redeemed->credential.sponsor, "ada");
  EXPECT_FALSE(redeemed->renewal.has_value());
  const absl::Status renewed = pool.Do(Renewal(redeemed->credential.serial)).status();
  EXPECT_EQ(renewed.code(), kDenied);
}

TEST_F(TokensTest, DevicesOfOneUserAreBounded) {
  Add("ada", Role::kMember);
  for (size_t i = 0; i < kMaxDevices; ++i) Login("ada");
  CreateTokens wish = Wish(root, TokenPurpose::kLogin);
  wish.user = "ada";
  const std::string id = Create(wish);
  EXPECT_EQ(pool.Do(Redemption(id, TokenPurpose::kLogin, "one more")).status().code(),
            absl::StatusCode::kResourceExhausted);
  const std::string first = *pool.state.identity().SerialsOf("ada").begin();
  ASSERT_TRUE(pool.Do(RevokeCredential{root, first, "lost"}).ok());
  EXPECT_TRUE(pool.Do(Redemption(id, TokenPurpose::kLogin, "one more")).ok());
}

TEST_F(TokensTest, ARevokedOneIsRevokedOnceAndOthersAreNotSeen) {
  Add("ada", Role::kMember);
  const Caller ada = Login("ada");
  const std::string of_root = Invite(), of_ada = Create(Wish(ada, TokenPurpose::kWorker));
  EXPECT_EQ(pool.Do(RevokeToken{ada, of_root, ""}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(pool.Do(RevokeToken{ada, "none", ""}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(pool.Do(RevokeToken{ada, of_ada, "mistake"})->already);
  EXPECT_EQ(LastAudit().detail, "mistake");
  const size_t entries = pool.audit().size();
  EXPECT_TRUE(pool.Do(RevokeToken{ada, of_ada, ""})->already);
  EXPECT_EQ(pool.audit().size(), entries);
}

// Who pasted a line that leaked stays in: that must not read as if it were done.
TEST_F(TokensTest, AUsedOneIsNotRevokedAndItSaysWhatToRevoke) {
  Add("ada", Role::kMember);
  CreateTokens wish = Wish(root, TokenPurpose::kLogin);
  wish.user = "ada";
  const std::string link = Create(wish), invitation = Invite();
  const auto login = pool.Do(Redemption(link, TokenPurpose::kLogin, "ada's desk"));
  ASSERT_TRUE(login.ok()) << login.status();
  ASSERT_TRUE(pool.Do(Redemption(invitation, TokenPurpose::kWorker, "a")).ok());
  // Renewed until the first of the line is forgotten.
  std::string serial = login->credential.serial;
  for (int i = 0; i < 2; ++i) serial = pool.Do(Renewal(serial))->credential.serial;
  ASSERT_EQ(Find(login->credential.serial), nullptr);
  pool.Restart();
  const auto refused = [&](const std::string& id, const char* how) {
    const auto tokens = pool.state.identity().tokens();
    const absl::Status status = pool.Do(RevokeToken{root, id, ""}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("was used at"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(how));
    EXPECT_EQ(pool.state.identity().tokens(), tokens);
    EXPECT_EQ(LastAudit().outcome, AuditOutcome::kRefused);
  };
  refused(link, "`handoff user revoke ada --device 'ada'\\''s desk'`");
  refused(invitation, "`handoff worker revoke a`");

  ASSERT_TRUE(pool.Do(RevokeDevice{root, "ada", "ada's desk", ""}).ok());
  ASSERT_TRUE(pool.Do(RevokeWorker{root, "a", ""}).ok());
  for (const std::string& id : {link, invitation})
    EXPECT_TRUE(pool.Do(RevokeToken{root, id, ""})->already) << "nobody is in by it";

  // One that an earlier version took did not note what it bought.
  Token old = *pool.state.identity().FindToken(link);
  old.line.clear();
  pool.Install({{PutToken{old}}});
  refused(link, "`handoff user revoke NAME --device NAME`");
}

TEST_F(TokensTest, WhatIsOfNoUseAnyMoreGoes) {
  const std::string used = Invite(), open = Invite();
  ASSERT_TRUE(pool.Do(Redemption(used, TokenPurpose::kWorker, "a")).ok());
  pool.now += absl::Minutes(10) + kExpiredKept - absl::Seconds(1);
  Invite();
  EXPECT_NE(pool.state.identity().FindToken(used), nullptr) << "lists show it for a while";
  pool.now += absl::Seconds(1);
  Invite();
  EXPECT_EQ(pool.state.identity().FindToken(used), nullptr);
  EXPECT_EQ(pool.state.identity().FindToken(open), nullptr);
  EXPECT_THAT(pool.state.identity().SerialsOf("uuid-a"), SizeIs(2));
  pool.now += absl::Hours(24 * 365);
  ASSERT_TRUE(pool.Do(Wish(Coordinator(), TokenPurpose::kLogin)).status().code() ==
              absl::StatusCode::kNotFound);
  CreateTokens wish = Wish(Coordinator(), TokenPurpose::kLogin);
  wish.user = "root";
  Create(wish);
  EXPECT_THAT(pool.state.identity().SerialsOf("uuid-a"), IsEmpty());
}

TEST(ConstantTime, EqualsIsEquals) {
  EXPECT_TRUE(EqualInConstantTime("", ""));
  EXPECT_TRUE(EqualInConstantTime("abc", "abc"));
  EXPECT_FALSE(EqualInConstantTime("abc", "abd"));
  EXPECT_FALSE(EqualInConstantTime("xbc", "abc"));
  EXPECT_FALSE(EqualInConstantTime("abc", "ab"));
  EXPECT_FALSE(EqualInConstantTime("", "a"));
  const std::string hash = Sha256Hex("a");
  for (size_t i = 0; i < hash.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string other = hash;
      other[i] = static_cast<char>(other[i] ^ (1 << bit));
      EXPECT_FALSE(EqualInConstantTime(hash, other));
    }
  }
}

}  // namespace
}  // namespace handoff::core
