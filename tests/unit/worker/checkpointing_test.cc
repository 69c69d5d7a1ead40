// Checkpoints from being taken to being stored, against a pool in memory and a handoff-repo that
// says what the test wants it to.

#include "worker/checkpointing.h"

#include <sys/stat.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/file.h"
#include "common/hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/pool.pb.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_coordinator_client.h"
#include "worker/agent/registry.h"

namespace handoff::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Commit(char digit) { return std::string(40, digit); }

class CheckpointingTest : public ::testing::Test {
 protected:
  CheckpointingTest() {
    config_.data_dir = dir_.path() + "/data";
    EXPECT_TRUE(data_.Make().ok());
    journal_ = *Journal::Open(data_.journal());
    around_.emplace(Surroundings{config_, data_, clock_, client_, *journal_, repo_, probes_,
                                 disk_faults_, "", "boot", 0, [] { return std::string("pool-1"); },
                                 [] { return true; }, [](const absl::Status&) {}});
    attempt_ = Begin(1);
  }

  // The attempt as it is once its workspace is there.
  std::unique_ptr<Attempt> Begin(int number) {
    v1::Handoff handoff = CommandHandoff("h", {"true"});
    handoff.mutable_spec()->mutable_repository()->set_key("k");
    v1::DesiredAttempt desired;
    pool_.Want(handoff, number, [&](v1::DesiredAttempt& wanted) { desired = wanted; });
    auto attempt = Attempt::Parse(*around_, desired.SerializeAsString(), &FindAgent);
    EXPECT_TRUE(attempt.ok()) << attempt.status();
    EXPECT_TRUE(attempt->dir.Create(desired.SerializeAsString(), "boot").ok());
    attempt->end->mutable_facts()->set_base_commit(Commit('b'));
    return std::make_unique<Attempt>(*std::move(attempt));
  }

  // What the next call of handoff-repo makes, with the packs it stands on; `fresh` is the content
  // of a new one, empty: none.
  void Answer(char commit, const std::vector<std::string>& earlier, const std::string& fresh,
              const std::string& too_large = "") {
    std::vector<std::string> packs;
    for (const std::string& pack : earlier) packs.push_back(Pack(pack));
    std::string store;
    if (!fresh.empty()) {
      packs.push_back(Pack(fresh));
      const std::string name = Sha256Hex(fresh) + ".pack";
      EXPECT_TRUE(WriteFileAtomically(dir_.path() + "/" + name, fresh).ok());
      store = absl::StrCat("cp ", dir_.path(), "/", name, " ",
                           data_.packs("h", attempt_->key.number), "/", name, "\n");
    }
    EXPECT_TRUE(WriteFileAtomically(
                    program(),
                    absl::StrCat("#!/bin/sh\nread -r request\nprintf '%s' \"$request\" >",
                                 dir_.path(), "/request\n", store, "echo '{\"ok\":{\"commit\":\"",
                                 Commit(commit), "\",\"head_commit\":\"", Commit('d'),
                                 "\",\"branch\":\"handoff/h\",\"submitted_commit\":\"\","
                                 "\"session_tree\":\"\",\"packs\":[",
                                 absl::StrJoin(packs, ","),
                                 "],\"notes\":[\"build/ is ignored\"],\"too_large\":\"", too_large,
                                 "\"}}'\n"))
                    .ok());
    EXPECT_EQ(::chmod(program().c_str(), 0755), 0);
  }
  static std::string Pack(const std::string& content) {
    return absl::StrCat("{\"sha256\":\"", Sha256Hex(content), "\",\"bytes\":", content.size(), "}");
  }
  std::string program() const { return dir_.path() + "/repo"; }
  std::string request() const { return ReadFile(dir_.path() + "/request").value_or(""); }

  CheckpointKeeper::Taken Take(bool running = false) {
    const auto taken = CheckpointKeeper(*around_, *attempt_).Take("", running, -1);
    EXPECT_TRUE(taken.ok()) << taken.status();
    return taken.value_or(CheckpointKeeper::Taken{});
  }
  absl::Status Store(bool again = false) {
    return CheckpointKeeper(*around_, *attempt_).Store(again, {});
  }
  std::vector<v1::Checkpoint> saved() { return pool_.checkpoints(attempt_->key); }

  TempDir dir_ = *TempDir::Make("checkpointing-");
  WorkerConfig config_;
  DataDir data_{dir_.path() + "/data"};
  FakeClock clock_;
  FakePool pool_;
  FakeCoordinatorClient client_{pool_};
  std::unique_ptr<Journal> journal_;
  RepoClient repo_{dir_.path() + "/repo"};
  AgentProbes probes_{config_, {}};
  DiskFaults disk_faults_{[] { return absl::StatusOr<uint64_t>(uint64_t{1} << 40); }};
  std::optional<Surroundings> around_;
  std::unique_ptr<Attempt> attempt_;
};

TEST_F(CheckpointingTest, AreStoredWithTheirPacksWhichThenGo) {
  Answer('1', {}, "first");
  EXPECT_TRUE(Take().changed);
  EXPECT_TRUE(saved().empty());
  ASSERT_TRUE(Store().ok());
  ASSERT_EQ(saved().size(), 1u);
  EXPECT_EQ(saved()[0].commit(), Commit('1'));
  EXPECT_EQ(saved()[0].branch(), "handoff/h");
  EXPECT_THAT(saved()[0].notes(), ElementsAre("build/ is ignored"));
  EXPECT_TRUE(pool_.HasObject(Sha256Hex("first")));
  EXPECT_FALSE(PathExists(data_.packs("h", 1)));
}

TEST_F(CheckpointingTest, WhatTheCoordinatorHasIsStoredThoughThatCannotBeNoted) {
  Answer('1', {}, "first");
  Take();
  ASSERT_TRUE(MakeDirectories(attempt_->dir.path() + "/stored.pb/in the way").ok());
  EXPECT_TRUE(Store().ok());
  EXPECT_EQ(saved().size(), 1u);
  EXPECT_TRUE(PathExists(data_.packs("h", 1))) << "the next one does not build on it";
}

TEST_F(CheckpointingTest, WhatDidNotChangeIsNotSentAgain) {
  Answer('1', {}, "first");
  Take();
  ASSERT_TRUE(Store().ok());
  clock_.Advance(absl::Minutes(5));
  EXPECT_FALSE(Take().changed);
  ASSERT_TRUE(Store().ok());
  EXPECT_EQ(saved().size(), 1u);
  ASSERT_TRUE(Store(/*again=*/true).ok());
  EXPECT_EQ(saved().size(), 2u) << "the end makes sure";
}

TEST_F(CheckpointingTest, AnUploadThatBreaksGoesOnWhereItWas) {
  Answer('1', {}, "a pack of some length");
  Take();
  pool_.BreakUploadAfter(7);
  EXPECT_TRUE(absl::IsUnavailable(Store()));
  ASSERT_TRUE(Store().ok());
  EXPECT_THAT(pool_.upload_starts(), ElementsAre(0, 7));
}

TEST_F(CheckpointingTest, ACoordinatorThatIsAwayGetsItLater) {
  Answer('1', {}, "first");
  pool_.set_away(true);
  Take();
  EXPECT_TRUE(absl::IsUnavailable(Store()));
  Answer('2', {}, "first and second");
  EXPECT_TRUE(Take().changed);
  EXPECT_THAT(*ListDirectory(data_.packs("h", 1)),
              ElementsAre(Sha256Hex("first and second") + ".pack"))
      << "what never was stored is part of what came after it";
  pool_.set_away(false);
  ASSERT_TRUE(Store().ok());
  ASSERT_EQ(saved().size(), 1u);
  EXPECT_EQ(saved()[0].commit(), Commit('2'));
}

TEST_F(CheckpointingTest, ThoseOfALaterAttemptStandOnWhatIsStored) {
  Answer('1', {}, "first");
  Take();
  ASSERT_TRUE(Store().ok());
  attempt_ = Begin(2);
  Answer('2', {"first"}, "second");
  EXPECT_TRUE(Take().has_news);
  EXPECT_THAT(request(), HasSubstr(absl::StrCat("\"stored_commit\":\"", Commit('1'), "\"")));
  EXPECT_THAT(request(), HasSubstr(Sha256Hex("first")));
  ASSERT_TRUE(Store().ok());
  EXPECT_EQ(saved().at(0).packs_size(), 2);
  Answer('2', {"first", "second"}, "");
  EXPECT_FALSE(Take().has_news);
}

TEST_F(CheckpointingTest, TheOneItWasGivenIsBuiltOnWhereNoneIsNewer) {
  attempt_ = Begin(3);
  attempt_->spec->mutable_checkpoint()->set_commit(Commit('9'));
  attempt_->spec->mutable_checkpoint()->add_packs()->set_sha256(Sha256Hex("given"));
  attempt_->spec->set_checkpoint_attempt(2);
  Answer('1', {"given"}, "mine");
  Take();
  EXPECT_THAT(request(), HasSubstr(Commit('9')));
}

TEST_F(CheckpointingTest, WhatStandsOnPacksThatTheCoordinatorLostIsMadeAnew) {
  Answer('1', {}, "first");
  Take();
  ASSERT_TRUE(Store().ok());
  pool_.DropObject(Sha256Hex("first"));
  Answer('2', {"first"}, "second");
  Take();
  EXPECT_TRUE(absl::IsDataLoss(Store()));
  Answer('2', {}, "all of it");
  Take();
  EXPECT_THAT(request(), HasSubstr("\"stored_commit\":\"\"")) << "it stands alone";
  ASSERT_TRUE(Store().ok());
  EXPECT_EQ(saved().back().packs(0).sha256(), Sha256Hex("all of it"));
}

TEST_F(CheckpointingTest, WhatIsTooLargeIsSaidAndDoesNotReplaceWhatIsStored) {
  Answer('1', {}, "", "The pack would have 3 GB.");
  EXPECT_EQ(Take().too_large, "The pack would have 3 GB.");
  ASSERT_TRUE(Store().ok());
  ASSERT_EQ(saved().size(), 1u);
  EXPECT_EQ(saved()[0].only_on_worker(), "The pack would have 3 GB.");
  EXPECT_EQ(saved()[0].packs_size(), 0);
  Answer('2', {}, "small");
  Take();
  ASSERT_TRUE(Store().ok());
  Answer('3', {"small"}, "", "The pack would have 4 GB.");
  Take();
  ASSERT_TRUE(Store(/*again=*/true).ok());
  EXPECT_EQ(saved().back().commit(), Commit('2'));
}

TEST_F(CheckpointingTest, AChainOfPacksThatGetsTooLongEnds) {
  std::vector<std::string> packs;
  for (int i = 0; i < 48; ++i) packs.push_back(absl::StrCat("p", i));
  for (const std::string& pack : packs) pool_.PutObject(Sha256Hex(pack), pack);
  Answer('1', packs, "");
  Take();
  ASSERT_TRUE(Store().ok());
  Answer('2', {}, "all of it");
  Take();
  EXPECT_THAT(request(), HasSubstr("\"stored_packs\":[]"));
}

class LastCheckpointTest : public CheckpointingTest {
 protected:
  std::string Missing(bool started) {
    EXPECT_TRUE(TakeLastCheckpoint(*around_, *attempt_, control_, "", started).ok());
    return attempt_->end->checkpoint_missing();
  }
  AttemptControl control_;
};

TEST_F(LastCheckpointTest, IsMissingOnlyWithAReason) {
  Answer('1', {}, "first");
  EXPECT_EQ(Missing(/*started=*/true), "");
  Answer('1', {}, "", "Too large.");
  EXPECT_THAT(Missing(true), HasSubstr("Too large."));
  ASSERT_TRUE(WriteFileAtomically(program(), "#!/bin/sh\necho '{\"error\":\"bad index\"}'\n").ok());
  ASSERT_EQ(::chmod(program().c_str(), 0755), 0);
  EXPECT_THAT(Missing(true), HasSubstr("bad index"));
  attempt_->end->mutable_facts()->clear_base_commit();
  EXPECT_THAT(Missing(false), HasSubstr("before its workspace was there"));
}

TEST_F(LastCheckpointTest, OfAnAttemptThatNeverStartedIsNoneUnlessThereIsNews) {
  Answer('1', {}, "first");
  EXPECT_EQ(Missing(true), "");
  ASSERT_TRUE(Store().ok());
  attempt_ = Begin(2);
  Answer('1', {"first"}, "");
  EXPECT_THAT(Missing(/*started=*/false), HasSubstr("No agent was started"));
  ASSERT_TRUE(Store(/*again=*/true).ok());
  EXPECT_THAT(saved(), IsEmpty());
  Answer('2', {"first"}, "second");
  EXPECT_EQ(Missing(/*started=*/false), "");
}

TEST_F(LastCheckpointTest, OfAnAttemptThatIsNotWantedAnyMoreIsTakenAllTheSame) {
  Answer('1', {}, "first");
  control_.Stop({attempt_->key, EndedBy::kCancel, "not wanted", absl::ZeroDuration()});
  EXPECT_EQ(Missing(true), "");
  EXPECT_TRUE(Take().has_news);
}

}  // namespace
}  // namespace handoff::worker
