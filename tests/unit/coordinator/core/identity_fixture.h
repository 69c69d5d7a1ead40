// A pool with an admin, and what is done to it by people with their credentials.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/hash.h"
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {

class IdentityTest : public ::testing::Test {
 protected:
  IdentityTest() {
    Add("root", Role::kAdmin);
    root = Login("root");
  }

  static Caller Coordinator() { return {"", "", "local", true}; }

  void Add(const std::string& name, Role role, std::vector<std::string> repos = {}) {
    const auto added = pool.Do(AddUser{Coordinator(), name, role, std::move(repos)});
    ASSERT_TRUE(added.ok()) << added.status();
  }
  std::string NewSerial() { return absl::StrCat("a", absl::Hex(++serials_, absl::kZeroPad8)); }
  static std::string SecretOf(const std::string& id) { return "secret of " + id; }
  std::vector<CreateTokens::Secret> Secrets(int count) {
    std::vector<CreateTokens::Secret> secrets;
    for (int i = 0; i < count; ++i) {
      const std::string id = absl::StrCat("token-", ++tokens_);
      secrets.push_back({id, Sha256Hex(SecretOf(id))});
    }
    return secrets;
  }
  CreateTokens Wish(const Caller& caller, TokenPurpose purpose) {
    CreateTokens wish;
    wish.caller = caller;
    wish.purpose = purpose;
    wish.secrets = Secrets(1);
    wish.ttl = absl::Minutes(10);
    return wish;
  }
  std::string Create(const CreateTokens& wish) {
    const auto created = pool.Do(wish);
    EXPECT_TRUE(created.ok()) << created.status();
    return created.ok() ? created->tokens.at(0).id : "";
  }
  // A token for a worker of root's, private.
  std::string Invite() { return Create(Wish(root, TokenPurpose::kWorker)); }

  RedeemToken Redemption(const std::string& id, TokenPurpose purpose, const std::string& device) {
    RedeemToken redeem;
    redeem.caller.address = "10.0.0.9";
    redeem.token_id = id;
    redeem.secret_hash = Sha256Hex(SecretOf(id));
    redeem.purpose = purpose;
    redeem.device = device;
    redeem.serial = NewSerial();
    if (purpose == TokenPurpose::kWorker) {
      redeem.worker_uuid = "uuid-" + device;
      redeem.renewal_serial = NewSerial();
    }
    return redeem;
  }
  Caller Login(const std::string& user, const std::string& device = "laptop") {
    CreateTokens wish = Wish(Coordinator(), TokenPurpose::kLogin);
    wish.user = user;
    const auto redeemed = pool.Do(Redemption(Create(wish), TokenPurpose::kLogin, device));
    EXPECT_TRUE(redeemed.ok()) << redeemed.status();
    return {user, redeemed->credential.serial, "10.0.0.1"};
  }
  // Joins a worker of root's with that name.
  RedeemToken::Reply Join(const std::string& name) {
    const auto joined = pool.Do(Redemption(Invite(), TokenPurpose::kWorker, name));
    EXPECT_TRUE(joined.ok()) << joined.status();
    return joined.ok() ? *joined : RedeemToken::Reply{};
  }
  RenewCredential Renewal(const std::string& serial) {
    return {{"", serial, "10.0.0.9"}, NewSerial(), NewSerial()};
  }
  const Credential* Find(const std::string& serial) const {
    return pool.state.identity().FindCredential(serial);
  }
  const AuditEntry& LastAudit() const { return pool.audit().back(); }

  Pool pool;
  Caller root;

 private:
  int tokens_ = 0;
  int serials_ = 0;
};

}  // namespace handoff::core
