// Identities through the engine: one redemption wins, refusals are stored, and services see at once
// what was taken back.
#include <atomic>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/hash.h"
#include "tests/unit/coordinator/engine/engine_fixture.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

const core::Caller kCoordinator{"", "", "local", true};

core::CreateTokens Wish(core::TokenPurpose purpose, const std::string& id) {
  core::CreateTokens wish;
  wish.caller = kCoordinator;
  wish.purpose = purpose;
  wish.secrets = {{id, Sha256Hex("secret of " + id)}};
  wish.ttl = absl::Hours(1);
  wish.owner = "root";
  return wish;
}

core::RedeemToken Redemption(const std::string& id, const std::string& device,
                             const std::string& serial) {
  core::RedeemToken redeem;
  redeem.token_id = id;
  redeem.secret_hash = Sha256Hex("secret of " + id);
  redeem.worker_uuid = "uuid-" + device;
  redeem.device = device;
  redeem.serial = serial;
  redeem.renewal_serial = serial + "0";
  return redeem;
}

class EngineIdentityTest : public EngineFixture {
 protected:
  void SetUp() override {
    EngineFixture::SetUp();
    ASSERT_TRUE(Ask(core::AddUser{kCoordinator, "root", core::Role::kAdmin, {}}).ok());
  }
  EngineOptions Options() override {
    EngineOptions options;
    options.on_cut_off = [this](const CutOff& cut) {
      // What is cut off is refused already when somebody hears of it.
      for (const std::string& serial : cut.serials) {
        const auto now = engine_->identities();
        const Identified* found = now->Find(serial);
        if (found == nullptr || found->revoked) ++refused_by_then_;
      }
      cuts_.push_back(cut);
    };
    return options;
  }
  void Join(const std::string& name, const std::string& serial) {
    ASSERT_TRUE(Ask(Wish(core::TokenPurpose::kWorker, "t-" + name)).ok());
    const auto joined = Ask(Redemption("t-" + name, name, serial));
    ASSERT_TRUE(joined.ok()) << joined.status();
  }
  void Login(const std::string& user, const std::string& serial) {
    core::CreateTokens wish = Wish(core::TokenPurpose::kLogin, "t-" + serial);
    wish.user = user;
    ASSERT_TRUE(Ask(wish).ok());
    core::RedeemToken redeem = Redemption("t-" + serial, "laptop", serial);
    redeem.purpose = core::TokenPurpose::kLogin;
    ASSERT_TRUE(Ask(redeem).ok());
  }
  std::optional<Identified> Look(const std::string& serial) const {
    const auto snapshot = engine_->identities();
    const Identified* found = snapshot->Find(serial);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }

  std::vector<CutOff> cuts_;
  int refused_by_then_ = 0;
};

TEST_F(EngineIdentityTest, OfTwoRedemptionsInOneBatchTheFirstWins) {
  ASSERT_TRUE(Ask(Wish(core::TokenPurpose::kWorker, "t")).ok());
  const auto a = Post(Redemption("t", "a", "a1"));
  const auto b = Post(Redemption("t", "b", "b1"));
  const int commits = store_.commits();
  engine_->Step();
  EXPECT_EQ(store_.commits(), commits + 1);
  EXPECT_TRUE((**a).ok());
  EXPECT_EQ((**b).status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(store_.workers(), SizeIs(1));
  EXPECT_THAT(store_.credentials(), SizeIs(2));
}

// Two hosts with the same pasted line, at the same time.
TEST_F(EngineIdentityTest, OfTwoConcurrentRedemptionsOneWinsIn1000Rounds) {
  engine_.reset();
  const RealClock clock;
  Engine engine({}, store_, clock);
  ASSERT_TRUE(engine.Start().ok());
  const auto ask = [&engine](auto command) {
    using Reply = typename decltype(command)::Reply;
    std::promise<absl::StatusOr<Reply>> promise;
    engine.Post(std::move(command), [&](auto reply) { promise.set_value(std::move(reply)); });
    return promise.get_future().get();
  };
  constexpr int kRounds = 1000;
  int won_by[2] = {0, 0};
  for (int round = 0; round < kRounds; ++round) {
    const std::string id = absl::StrCat("t", round);
    ASSERT_TRUE(ask(Wish(core::TokenPurpose::kWorker, id)).ok());
    bool won[2] = {false, false};
    std::promise<void> go;
    const std::shared_future<void> ready = go.get_future().share();
    std::vector<std::thread> hosts;
    for (int host = 0; host < 2; ++host) {
      hosts.emplace_back([&, host] {
        const std::string serial =
            absl::StrCat(host == 0 ? "a" : "b", absl::Hex(round, absl::kZeroPad8));
        const auto redeem = Redemption(id, absl::StrCat("w", round, "-", host), serial);
        ready.wait();
        won[host] = ask(redeem).ok();
      });
    }
    go.set_value();
    for (std::thread& host : hosts) host.join();
    ASSERT_NE(won[0], won[1]) << "round " << round;
    ++won_by[won[0] ? 0 : 1];
  }
  EXPECT_EQ(won_by[0] + won_by[1], kRounds);
  engine.Stop();
  EXPECT_THAT(store_.workers(), SizeIs(kRounds));
  EXPECT_THAT(store_.credentials(), SizeIs(2 * kRounds));
  const core::State state = *store_.Load(false);
  state.CheckInvariants();
}

TEST_F(EngineIdentityTest, ARefusalIsAnsweredWhenTheLogHasIt) {
  const size_t entries = store_.audit().size();
  const auto refused = Ask(Redemption("unknown", "a", "a1"));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnauthenticated);
  ASSERT_EQ(store_.audit().size(), entries + 1);
  EXPECT_EQ(store_.audit().back().outcome, core::AuditOutcome::kRefused);

  failing_.FailCommit(absl::UnavailableError("busy"));
  const auto lost = Ask(core::AddUser{kCoordinator, "ada", core::Role::kMember, {}});
  EXPECT_EQ(lost.status().code(), absl::StatusCode::kUnavailable) << "no log, no act";
  EXPECT_EQ(store_.audit().size(), entries + 1);
  ASSERT_TRUE(Ask(core::AddUser{kCoordinator, "ada", core::Role::kMember, {}}).ok())
      << "the first one added nobody";
  EXPECT_EQ(store_.audit().back().seq, entries + 2);
}

TEST_F(EngineIdentityTest, WithoutRoomNobodyIsLetInAndAnybodyCanBeKeptOut) {
  Join("a", "a1");
  ASSERT_TRUE(Ask(Wish(core::TokenPurpose::kWorker, "t")).ok());
  failing_.SetRoom(absl::ResourceExhaustedError("the disk is full"));
  constexpr auto kFull = absl::StatusCode::kResourceExhausted;
  EXPECT_EQ(Ask(core::AddUser{kCoordinator, "b", core::Role::kMember, {}}).status().code(), kFull);
  EXPECT_EQ(Ask(Wish(core::TokenPurpose::kWorker, "t2")).status().code(), kFull);
  EXPECT_EQ(Ask(Redemption("t", "b", "b1")).status().code(), kFull);
  EXPECT_TRUE(Ask(core::RenewCredential{{"", "a1", ""}, "a2", "a20"}).ok());
  EXPECT_TRUE(Ask(core::RevokeToken{kCoordinator, "t", ""}).ok());
  EXPECT_TRUE(Ask(core::RevokeWorker{kCoordinator, "a", ""}).ok());
}

TEST_F(EngineIdentityTest, ServicesSeeWhoIsBehindASerial) {
  EXPECT_EQ(Look("a1"), std::nullopt);
  Join("a", "a1");
  Login("root", "c1");
  const auto worker = Look("a1");
  ASSERT_TRUE(worker.has_value());
  EXPECT_EQ(worker->purpose, core::CredentialPurpose::kWorker);
  EXPECT_EQ(worker->subject, "uuid-a");
  EXPECT_EQ(worker->role, std::nullopt);
  EXPECT_FALSE(worker->revoked);
  EXPECT_EQ(Look("a10")->purpose, core::CredentialPurpose::kRenewal);
  EXPECT_EQ(Look("c1")->role, core::Role::kAdmin);
  EXPECT_EQ(Look("c1")->subject, "root");

  core::CreateTokens wish = Wish(core::TokenPurpose::kCi, "t-ci");
  wish.user = "root";
  wish.repos = {"h/x"};
  ASSERT_TRUE(Ask(wish).ok());
  core::RedeemToken redeem = Redemption("t-ci", "job", "d1");
  redeem.purpose = core::TokenPurpose::kCi;
  ASSERT_TRUE(Ask(redeem).ok());
  EXPECT_EQ(Look("d1")->role, core::Role::kCi);
  EXPECT_THAT(Look("d1")->repos, ElementsAre("h/x"));

  const std::optional<Identified> before[] = {Look("a1"), Look("a10"), Look("c1"), Look("d1")};
  StartEngine();
  const std::optional<Identified> after[] = {Look("a1"), Look("a10"), Look("c1"), Look("d1")};
  for (size_t i = 0; i < std::size(before); ++i) EXPECT_EQ(before[i], after[i]) << i;
}

TEST_F(EngineIdentityTest, ASnapshotIsTheSameUntilAnIdentityChanges) {
  Join("a", "a1");
  const auto before = engine_->identities();
  SubmitOne("task");
  engine_->Step();
  EXPECT_EQ(engine_->identities(), before);
  ASSERT_TRUE(Ask(core::RevokeWorker{kCoordinator, "a", ""}).ok());
  EXPECT_NE(engine_->identities(), before);
  EXPECT_FALSE(before->Find("a1")->revoked) << "who holds one has it as it was";
}

TEST_F(EngineIdentityTest, ARevokedWorkerIsCutOffAtOnce) {
  Join("a", "a1");
  Join("b", "b1");
  const auto first = Post(SyncOf("a"));
  engine_->Step();
  const auto held = Post(SyncOf("a"));
  engine_->Step();
  ASSERT_FALSE(held->has_value());
  EXPECT_THAT(cuts_, IsEmpty());
  const auto revoke = Post(core::RevokeWorker{kCoordinator, "a", ""});
  const auto behind = Post(SyncOf("a"));
  engine_->Step();
  ASSERT_TRUE((**revoke).ok());
  EXPECT_EQ((**behind).status().code(), absl::StatusCode::kPermissionDenied) << "in its batch";
  ASSERT_TRUE(held->has_value());
  EXPECT_EQ((**held).status().code(), absl::StatusCode::kPermissionDenied);
  ASSERT_THAT(cuts_, SizeIs(1));
  EXPECT_THAT(cuts_[0].serials, UnorderedElementsAre("a1", "a10"));
  EXPECT_THAT(cuts_[0].subjects, ElementsAre("uuid-a"));
  EXPECT_EQ(refused_by_then_, 2);
  EXPECT_TRUE(Look("a1")->revoked);
  EXPECT_FALSE(Look("b1")->revoked);
  EXPECT_EQ(store_.workers().count("uuid-a"), 0u);
}

TEST_F(EngineIdentityTest, ADisabledUserAndOneOfAnotherRoleAreCutOff) {
  ASSERT_TRUE(Ask(core::AddUser{kCoordinator, "ada", core::Role::kOperator, {}}).ok());
  Login("ada", "c1");
  Login("ada", "c2");
  ASSERT_TRUE(Ask(core::ChangeUser{kCoordinator, "ada", core::Role::kViewer, {}, {}}).ok());
  ASSERT_THAT(cuts_, SizeIs(1));
  EXPECT_THAT(cuts_[0].serials, UnorderedElementsAre("c1", "c2"));
  EXPECT_THAT(cuts_[0].subjects, IsEmpty()) << "she may come again";
  EXPECT_EQ(Look("c1")->role, core::Role::kViewer);
  ASSERT_TRUE(Ask(core::RevokeCredential{kCoordinator, "c1", ""}).ok());
  ASSERT_THAT(cuts_, SizeIs(2));
  EXPECT_THAT(cuts_[1].serials, ElementsAre("c1"));
  EXPECT_THAT(cuts_[1].subjects, IsEmpty()) << "her other device is good";
  ASSERT_TRUE(Ask(core::ChangeUser{kCoordinator, "ada", {}, {}, true}).ok());
  ASSERT_THAT(cuts_, SizeIs(3));
  EXPECT_THAT(cuts_[2].serials, ElementsAre("c2"));
  EXPECT_THAT(cuts_[2].subjects, ElementsAre("ada"));
  EXPECT_TRUE(Look("c2")->revoked);
  ASSERT_TRUE(Ask(core::ChangeUser{kCoordinator, "ada", {}, {}, false}).ok());
  EXPECT_FALSE(Look("c2")->revoked);
  EXPECT_TRUE(Look("c1")->revoked);
  EXPECT_THAT(cuts_, SizeIs(3)) << "nobody lost anything";
}

TEST_F(EngineIdentityTest, OneWithOtherRepositoriesIsCutOff) {
  ASSERT_TRUE(Ask(core::AddUser{kCoordinator, "ada", core::Role::kMember, {"h/*"}}).ok());
  Login("ada", "c1");
  const std::vector<std::string> repos = {"h/x"};
  ASSERT_TRUE(Ask(core::ChangeUser{kCoordinator, "ada", {}, repos, {}}).ok());
  ASSERT_THAT(cuts_, SizeIs(1));
  EXPECT_THAT(cuts_[0].serials, ElementsAre("c1"));
  EXPECT_EQ(Look("c1")->repos, repos);
}

TEST_F(EngineIdentityTest, WhatWasReplacedTwiceIsCutOff) {
  Join("a", "a1");
  ASSERT_TRUE(Ask(core::RenewCredential{{"", "a1", ""}, "a2", "a20"}).ok());
  EXPECT_THAT(cuts_, IsEmpty());
  ASSERT_TRUE(Ask(core::RenewCredential{{"", "a2", ""}, "a3", "a30"}).ok());
  ASSERT_THAT(cuts_, SizeIs(1));
  EXPECT_THAT(cuts_[0].serials, UnorderedElementsAre("a1", "a10"));
  EXPECT_THAT(cuts_[0].subjects, IsEmpty());
  EXPECT_EQ(Look("a1"), std::nullopt);
}

TEST_F(EngineIdentityTest, WhatIsNotStoredCutsNobodyOff) {
  Join("a", "a1");
  failing_.FailCommit(absl::UnavailableError("busy"));
  EXPECT_FALSE(Ask(core::RevokeWorker{kCoordinator, "a", ""}).ok());
  EXPECT_THAT(cuts_, IsEmpty());
  EXPECT_FALSE(Look("a1")->revoked);
}

// Readers on other threads while the engine publishes: for ThreadSanitizer too.
TEST_F(EngineIdentityTest, SnapshotsAreReadWhileTheNextIsMade) {
  Join("a", "a1");
  std::atomic<bool> stop{false};
  std::atomic<int> reads{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const auto snapshot = engine_->identities();
        const Identified* found = snapshot->Find("a1");
        if (found != nullptr && found->subject == "uuid-a") ++reads;
      }
    });
  }
  for (int i = 0; i < 200; ++i)
    ASSERT_TRUE(
        Ask(core::AddUser{kCoordinator, absl::StrCat("u", i), core::Role::kMember, {}}).ok());
  while (reads < 100) std::this_thread::yield();
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GE(reads, 100);
}

}  // namespace
}  // namespace handoff
