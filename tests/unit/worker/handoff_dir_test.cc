#include "worker/handoff_dir.h"

#include <unistd.h>

#include <string>

#include "common/file.h"
#include "common/handoff/document.h"
#include "common/hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HandoffDirTest : public ::testing::Test {
 protected:
  HandoffDirTest()
      : temp_(*TempDir::Make("handoff-dir-test-")),
        ours_(temp_.path() + "/workspace/.cursor/agent-handoffs/x") {
    EXPECT_TRUE(MakeDirectories(temp_.path() + "/workspace").ok());
    EXPECT_TRUE(MakeDirectories(temp_.path() + "/attempt").ok());
  }
  HandoffDir Directory() {
    return HandoffDir(temp_.path() + "/workspace", "x", temp_.path() + "/attempt");
  }

  TempDir temp_;
  const std::string ours_;
};

// A .gitignore of the repository outranks .git/info/exclude, and this one outranks it.
TEST_F(HandoffDirTest, ItIsIgnoredWhateverTheRepositoryTakesBack) {
  HandoffDir directory = Directory();
  ASSERT_TRUE(directory.WriteDocument("text").ok());
  EXPECT_EQ(*ReadFile(ours_ + "/.gitignore", 100), "*\n");
  ASSERT_EQ(::unlink((ours_ + "/.gitignore").c_str()), 0);
  ASSERT_TRUE(directory.WriteDocument("text again").ok());
  EXPECT_EQ(*ReadFile(ours_ + "/.gitignore", 100), "*\n");
  EXPECT_EQ(*ReadFile(ours_ + "/handoff.md", 100), "text again");
}

TEST_F(HandoffDirTest, WhatTheAgentWroteIsReadOnceAndNotThroughALink) {
  HandoffDir directory = Directory();
  EXPECT_TRUE(absl::IsNotFound(directory.Read("question.md", 100).status()));
  EXPECT_TRUE(absl::IsNotFound(directory.Remove("question.md")));
  ASSERT_TRUE(WriteFileAtomically(ours_ + "/question.md", "Which?").ok());
  EXPECT_EQ(*directory.Read("question.md", 100), "Which?");
  EXPECT_TRUE(absl::IsResourceExhausted(directory.Read("question.md", 3).status()));
  ASSERT_TRUE(directory.Remove("question.md").ok());
  EXPECT_TRUE(absl::IsNotFound(directory.Read("question.md", 100).status()));

  const std::string outside = temp_.path() + "/outside";
  ASSERT_TRUE(WriteFileAtomically(outside, "a secret").ok());
  ASSERT_EQ(::symlink(outside.c_str(), (ours_ + "/question.md").c_str()), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(directory.Read("question.md", 100).status()));
  ASSERT_TRUE(directory.Remove("question.md").ok());
  EXPECT_EQ(*ReadFile(outside, 100), "a secret") << "the link goes, not what it leads to";
}

TEST_F(HandoffDirTest, RulesThatAreThereAreKept) {
  ASSERT_TRUE(MakeDirectories(ours_).ok());
  ASSERT_TRUE(WriteFileAtomically(ours_ + "/.gitignore", "*.log\n").ok());
  HandoffDir directory = Directory();
  ASSERT_TRUE(directory.WriteDocument("text").ok());
  EXPECT_EQ(*ReadFile(ours_ + "/.gitignore", 100), "*.log\n");
}

TEST_F(HandoffDirTest, WhatWasAttachedIsPutBeneathWhateverAnAgentMadeOfIt) {
  HandoffDir directory = Directory();
  const std::string source = temp_.path() + "/object", outside = temp_.path() + "/outside";
  ASSERT_TRUE(WriteFileAtomically(source, "sent").ok());
  ASSERT_TRUE(MakeDirectories(outside).ok());
  const std::string sum = Sha256Hex("sent");
  EXPECT_FALSE(directory.Holds("inputs/a", sum, 4));
  ASSERT_TRUE(directory.CopyFile(source, "inputs/a", /*keep=*/false).ok());
  EXPECT_TRUE(directory.Holds("inputs/a", sum, 4));
  EXPECT_EQ(*ReadFile(ours_ + "/inputs/a", 100), "sent");

  ASSERT_TRUE(WriteFileAtomically(ours_ + "/inputs/a", "sent and more").ok());
  EXPECT_FALSE(directory.Holds("inputs/a", sum, 4));
  ASSERT_EQ(::unlink((ours_ + "/inputs/a").c_str()), 0);
  ASSERT_TRUE(WriteFileAtomically(outside + "/a", "theirs").ok());
  ASSERT_EQ(::symlink((outside + "/a").c_str(), (ours_ + "/inputs/a").c_str()), 0);
  EXPECT_FALSE(directory.Holds("inputs/a", Sha256Hex("theirs"), 6)) << "a link is no file";
  ASSERT_TRUE(directory.CopyFile(source, "inputs/a", /*keep=*/false).ok());
  EXPECT_EQ(*ReadFile(outside + "/a", 100), "theirs");
  EXPECT_TRUE(directory.Holds("inputs/a", sum, 4));

  ASSERT_TRUE(RemoveTree(ours_ + "/inputs").ok());
  ASSERT_EQ(::symlink(outside.c_str(), (ours_ + "/inputs").c_str()), 0);
  EXPECT_FALSE(directory.CopyFile(source, "inputs/b", /*keep=*/false).ok());
  EXPECT_FALSE(PathExists(outside + "/b"));
}

std::string Document(const std::string& prompt, const std::string& status = "running") {
  handoff::Document d;
  d.id = "x";
  d.metadata = {{"Status", status}};
  d.resume_prompt = prompt;
  return Render(d);
}

// What the agent writes there is told, whether it is found at the end or only when ours is renewed.
TEST_F(HandoffDirTest, WhatSomebodyElseChangedInTheDocumentIsNoted) {
  HandoffDir directory = Directory();
  ASSERT_TRUE(MakeDirectories(ours_).ok());
  ASSERT_TRUE(WriteFileAtomically(ours_ + "/handoff.md", Document("of an earlier attempt")).ok());
  ASSERT_TRUE(directory.WriteDocument(Document("ours")).ok());
  EXPECT_THAT(directory.LookForChanges(), IsEmpty());
  ASSERT_TRUE(WriteFileAtomically(ours_ + "/handoff.md", Document("planted")).ok());
  ASSERT_TRUE(directory.WriteDocument(Document("ours again")).ok());
  EXPECT_EQ(*ReadFile(ours_ + "/handoff.md"), Document("ours again"));
  EXPECT_THAT(directory.LookForChanges(), ElementsAre("Resume Prompt"));
  ASSERT_TRUE(WriteFileAtomically(ours_ + "/handoff.md", Document("ours again", "succeeded")).ok());
  EXPECT_THAT(directory.LookForChanges(), ElementsAre("Metadata", "Resume Prompt"));
}

TEST_F(HandoffDirTest, ADocumentThatIsGoneOrNoneAnyMoreIsChangedAsAWhole) {
  for (const bool gone : {true, false}) {
    HandoffDir directory = Directory();
    ASSERT_TRUE(directory.WriteDocument(Document("ours")).ok());
    if (gone) {
      ASSERT_EQ(::unlink((ours_ + "/handoff.md").c_str()), 0);
    } else {
      ASSERT_TRUE(WriteFileAtomically(ours_ + "/handoff.md", "nonsense").ok());
    }
    EXPECT_THAT(directory.LookForChanges(), ElementsAre("the whole file"));
  }
}

}  // namespace
}  // namespace handoff::worker
