#include "cli/completion_words.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::UnorderedElementsAre;

// Has what a test gives it, and counts what it is asked.
class Known final : public PoolWords {
 public:
  std::vector<Candidate> HandoffIds(Ids ids, absl::string_view) override {
    ++asked;
    if (ids == Ids::kLive) return {{"20261120-live", "running: x"}};
    return {{"20261120-live", "running: x"}, {"20261119-done", "failed: y"}};
  }
  std::vector<Candidate> Workers() override {
    ++asked;
    return {{"build-1", ""}, {"build-2", ""}, {"$(id)", ""}, {"a b", ""}, {"`id`", ""}};
  }
  std::vector<Candidate> Labels() override { return {{"os=linux", ""}, {"gpu=yes", ""}}; }
  std::vector<Candidate> Agents() override { return {{"cursor", ""}, {"our-own", ""}}; }
  std::vector<Candidate> Users() override { return {{"alice", ""}, {"bob", ""}}; }
  std::vector<Candidate> Tokens() override { return {{"6tq2m9", ""}}; }
  int asked = 0;
};

std::vector<std::string> Words(const std::vector<std::string>& typed, Known* known = nullptr) {
  Known own;
  const Completion completion =
      CompleteLine(typed, {"HOME=/x", "MODE=fast", "MY_KEY=1"}, known != nullptr ? *known : own);
  std::vector<std::string> words;
  for (const Candidate& each : completion.words) words.push_back(each.word);
  return words;
}

TEST(CompleteLine, FirstWordsAreVerbsAndGroups) {
  EXPECT_THAT(Words({"su"}), ElementsAre("submit", "summary"));
  EXPECT_THAT(Words({""}), IsSupersetOf({"submit", "worker", "user", "token", "help"}));
  EXPECT_THAT(Words({"work"}), ElementsAre("worker"));
  EXPECT_THAT(Words({"worker", "dr"}), ElementsAre("drain"));
  EXPECT_THAT(Words({"stat"}), ElementsAre("status")) << "an alias, when nothing else fits";
  EXPECT_THAT(Words({"help", "du"}), IsEmpty());
  EXPECT_THAT(Words({"help", "do"}), ElementsAre("doctor"));
  EXPECT_THAT(Words({"--coordinator", "h:1", "li"}), ElementsAre("list"));
  EXPECT_THAT(Words({"--v"}), ElementsAre("--version"));
  EXPECT_THAT(Words({"nonsense", ""}), IsEmpty());
  EXPECT_THAT(Words({"__complete", ""}), IsEmpty());
}

TEST(CompleteLine, FlagsAreThoseOfTheVerbThatCanStillBeGiven) {
  EXPECT_THAT(Words({"list", "--o"}), ElementsAre("--owner"));
  EXPECT_THAT(Words({"list", "--owner", "bob", "--o"}), IsEmpty());
  EXPECT_THAT(Words({"submit", "--check", "a", "--check"}), IsSupersetOf({"--check"}))
      << "may be repeated";
  EXPECT_THAT(Words({"submit", "--follow", "--wai"}), IsEmpty()) << "not with --follow";
  EXPECT_THAT(Words({"workers", "--js"}), ElementsAre("--json"));
  EXPECT_THAT(Words({"worker", "ls", "--js"}), ElementsAre("--json"));
  EXPECT_THAT(Words({"submit", "--SURPLUS"}), IsEmpty());
}

TEST(CompleteLine, IdsAreThoseThatTheVerbIsFor) {
  EXPECT_THAT(Words({"cancel", "2026"}), ElementsAre("20261120-live"));
  EXPECT_THAT(Words({"show", "2026"}), ElementsAre("20261120-live", "20261119-done"));
  EXPECT_THAT(Words({"show", "done"}), ElementsAre("20261119-done")) << "any part of it";
  EXPECT_THAT(Words({"show", "--md", "2026"}), ElementsAre("20261120-live", "20261119-done"));
  EXPECT_THAT(Words({"show", "20261120-live", "2026"}), IsEmpty()) << "it takes one";
  EXPECT_THAT(Words({"wait", "x", "20261120-live", ""}), IsEmpty()) << "given already";
  EXPECT_THAT(Words({"events", "--id", "201"}), IsEmpty());
  EXPECT_THAT(Words({"status", "2026112"}), ElementsAre("20261120-live"));
  EXPECT_THAT(Words({"token", "revoke", ""}), ElementsAre("6tq2m9"));
}

TEST(CompleteLine, ValuesFollowTheWordThatTheHelpHasForThem) {
  EXPECT_THAT(Words({"submit", "--on", ""}), ElementsAre("build-1", "build-2"));
  EXPECT_THAT(Words({"submit", "--on=2"}), ElementsAre("--on=build-2"));
  EXPECT_THAT(Words({"worker", "drain", "build-2"}), ElementsAre("build-2"));
  EXPECT_THAT(Words({"list", "--worker", "build-1"}), ElementsAre("build-1"));
  EXPECT_THAT(Words({"doctor", "--worker", "build-1"}), ElementsAre("build-1"));
  EXPECT_THAT(Words({"submit", "--agent", ""}),
              IsSupersetOf({"cursor", "claude", "codex", "command", "our-own"}));
  EXPECT_THAT(Words({"submit", "--require", "g"}), ElementsAre("gpu=yes"));
  EXPECT_THAT(Words({"submit", "--label", "g"}), IsEmpty());
  EXPECT_THAT(Words({"list", "--owner", ""}), ElementsAre("alice", "bob"));
  EXPECT_THAT(Words({"user", "disable", "b"}), ElementsAre("bob"));
  EXPECT_THAT(Words({"user", "add", ""}), IsEmpty()) << "that one is new";
  EXPECT_THAT(Words({"submit", "--env", "M"}), ElementsAre("MODE", "MY_KEY"));
  EXPECT_THAT(Words({"man", "worker-l"}), ElementsAre("worker-list"));
}

TEST(CompleteLine, ClosedListsComeFromTheParsersOwnChecks) {
  EXPECT_THAT(Words({"submit", "--from", ""}), UnorderedElementsAre("worktree", "head", "pushed"));
  EXPECT_THAT(Words({"submit", "--from=w"}), ElementsAre("--from=worktree"));
  EXPECT_THAT(Words({"completion", ""}), UnorderedElementsAre("bash", "zsh", "fish"));
  EXPECT_THAT(Words({"user", "role", "bob", "m"}), ElementsAre("member"));
  EXPECT_THAT(Words({"user", "add", "--role", "vi"}), ElementsAre("viewer"));
  EXPECT_THAT(Words({"submit", "--summaries", ""}), ElementsAre("always", "auto", "never"));
  EXPECT_THAT(Words({"list", "--status", "s"}), ElementsAre("stalled", "succeeded"));
  EXPECT_THAT(Words({"list", "--status", ""}), IsSupersetOf({"queued", "interactive"}));
}

TEST(CompleteLine, FilesAndOtherCommandsAreTheShells) {
  Known known;
  const auto kind = [&](const std::vector<std::string>& typed) {
    return CompleteLine(typed, {}, known).kind;
  };
  EXPECT_EQ(kind({"submit", "--file", "x"}), Completion::kFiles);
  EXPECT_EQ(kind({"submit", "--file=x"}), Completion::kFiles);
  EXPECT_EQ(kind({"send", "x", "--file", ""}), Completion::kFiles);
  EXPECT_EQ(kind({"submit", "--include", "x"}), Completion::kFiles);
  EXPECT_EQ(kind({"takeover", "x", "--dir", ""}), Completion::kDirectories);
  EXPECT_EQ(kind({"import", ""}), Completion::kDirectories);
  EXPECT_EQ(kind({"submit", "Fix"}), Completion::kWords) << "a task is none";
  const Completion other =
      CompleteLine({"submit", "--agent", "command", "--", "make", "-j"}, {}, known);
  EXPECT_EQ(other.kind, Completion::kCommand);
  EXPECT_EQ(other.command, 4u);
  EXPECT_EQ(CompleteLine({"cancel", "--", "2026"}, {}, known).words.size(), 1u)
      << "behind -- an id is one";
  EXPECT_EQ(known.asked, 1);
}

TEST(CompleteLine, ThePoolIsAskedOnlyForWhatItAloneKnows) {
  Known known;
  Words({"submit", "--fr"}, &known);
  Words({"submit", "--from", ""}, &known);
  Words({""}, &known);
  EXPECT_EQ(known.asked, 0);
}

TEST(CompleteLine, TheCoordinatorIsTheOneOfTheLine) {
  EXPECT_EQ(CoordinatorIn({"--coordinator", "h:1", "list", ""}), "h:1");
  EXPECT_EQ(CoordinatorIn({"list", "--coordinator=h:2", ""}), "h:2");
  EXPECT_EQ(CoordinatorIn({"list", "--coordinator", "h"}), "") << "it is being typed";
  EXPECT_EQ(CoordinatorIn({"submit", "--", "x", "--coordinator=h:2", ""}), "");
}

}  // namespace
}  // namespace handoff
