#include "coordinator/service/equivalence.h"

#include "gtest/gtest.h"

namespace handoff {
namespace {

using Duplicates = core::Submit::Duplicates;

v1::HandoffSpec Spec() {
  v1::HandoffSpec spec;
  spec.set_task("Fix the build");
  spec.set_agent("cursor");
  spec.mutable_repository()->set_key("https://git.example.org/a");
  spec.mutable_repository()->set_commit(std::string(40, 'a'));
  return spec;
}

TEST(Equivalence, IsRepositoryBaseAndFoldedTask) {
  const std::string key = DedupeKeyOf(Spec(), "ann");
  EXPECT_FALSE(key.empty());
  v1::HandoffSpec spec = Spec();
  spec.set_task("  fix\n THE   build ");
  spec.set_model("other");
  EXPECT_EQ(DedupeKeyOf(spec, "ben"), key);

  spec = Spec();
  spec.set_task("Fix the build twice");
  EXPECT_NE(DedupeKeyOf(spec, "ann"), key);
  spec = Spec();
  spec.mutable_repository()->set_commit(std::string(40, 'b'));
  EXPECT_NE(DedupeKeyOf(spec, "ann"), key);
  spec = Spec();
  spec.mutable_repository()->set_key("https://git.example.org/b");
  EXPECT_NE(DedupeKeyOf(spec, "ann"), key);
}

TEST(Equivalence, ARepositoryHasOneNameForAllItsAddresses) {
  const auto key = [](const std::string& address) {
    v1::HandoffSpec spec = Spec();
    spec.mutable_repository()->set_key(address);
    return DedupeKeyOf(spec, "ann");
  };
  for (const std::string& same : {"https://git.example.org/a/b", "https://git.example.org/a/b.git/",
                                  "git@git.example.org:a/b.git", "git.example.org:/a/b",
                                  "ssh://git@GIT.example.org/a/b", "git://git.example.org/a/b"}) {
    EXPECT_EQ(key(same), key("https://git.example.org/a/b.git")) << same;
  }
  for (const std::string& other :
       {"https://git.example.org/a/B", "https://git.example.org:8443/a/b",
        "https://example.org/a/b", "/git.example.org/a/b", "/git.example.org:a/b",
        "file:///git.example.org/a/b", "https://git.example.org/a/b.gitx"}) {
    EXPECT_NE(key(other), key("https://git.example.org/a/b.git")) << other;
  }
  EXPECT_EQ(key("file:///srv/a.git"), key("/srv/a"));
  EXPECT_NE(key("/srv/a?b"), key("/srv/a?c")) << "what has no such name is known by its address";
}

TEST(Equivalence, AReferenceStandsForItsCommitUntilAWorkerKnowsIt) {
  v1::HandoffSpec main = Spec();
  main.mutable_repository()->clear_commit();
  main.mutable_repository()->set_ref("main");
  v1::HandoffSpec other = main;
  other.mutable_repository()->set_ref("other");
  EXPECT_NE(DedupeKeyOf(main, "ann"), DedupeKeyOf(other, "ann"));
}

TEST(Equivalence, CommandsAndHandoffsWithoutARepositoryHaveNone) {
  v1::HandoffSpec spec = Spec();
  spec.set_agent("command");
  EXPECT_EQ(DedupeKeyOf(spec, "ann"), "");
  spec = Spec();
  spec.clear_repository();
  EXPECT_EQ(DedupeKeyOf(spec, "ann"), "");
}

TEST(Equivalence, AKeyOfTheOwnersReplacesTheRule) {
  v1::HandoffSpec spec = Spec();
  spec.set_dedupe_key("nightly");
  const std::string key = DedupeKeyOf(spec, "ann");
  spec.set_task("Something else");
  spec.set_agent("command");
  EXPECT_EQ(DedupeKeyOf(spec, "ann"), key);
  EXPECT_NE(DedupeKeyOf(spec, "ben"), key);
}

TEST(Equivalence, WhoDoesNotSayIsRefusedUnlessAnIdempotencyKeySaysWhatIsTheSame) {
  v1::SubmitRequest request;
  *request.mutable_spec() = Spec();
  EXPECT_EQ(DuplicatesOf(request), Duplicates::kRefuse);
  request.mutable_spec()->set_idempotency_key("k");
  EXPECT_EQ(DuplicatesOf(request), Duplicates::kAllow);
  request.mutable_spec()->set_dedupe_key("d");
  EXPECT_EQ(DuplicatesOf(request), Duplicates::kRefuse);
  request.set_duplicates(v1::SubmitRequest::REUSE);
  EXPECT_EQ(DuplicatesOf(request), Duplicates::kReuse);
  request.set_duplicates(v1::SubmitRequest::ALLOW);
  EXPECT_EQ(DuplicatesOf(request), Duplicates::kAllow);
}

}  // namespace
}  // namespace handoff
