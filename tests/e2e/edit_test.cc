// What is written into handoff.md from the outside: a person's words reach the agent and stay, an
// agent's do not.

#include <signal.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/handoff/document.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class EditTest : public ::testing::Test {
 protected:
  EditTest() {
    pool.StartCoordinator();
    pool.StartWorker("a", 1);
    repository = pool.MakeRepository("origin");
  }

  std::string Folder(const std::string& id) const {
    return absl::StrCat(pool.path("a"), "/workspaces/", id, "/repo/.cursor/agent-handoffs/", id);
  }
  // What the agent of that attempt was told.
  std::string Prompt(const std::string& id, int attempt) const {
    const std::string file = absl::StrCat(Folder(id), "/attempt-", attempt, ".prompt.md");
    return ReadFile(file).value_or("");
  }
  std::string Markdown(const std::string& id) const {
    return pool.Handoff({"show", id, "--md"}).out;
  }
  int ResumeAndWait(const std::string& id) const {
    EXPECT_EQ(pool.Handoff({"resume", id}).exit_code, 0);
    return pool.Handoff({"wait", id}).exit_code;
  }

  Pool pool;
  std::string repository;
};

TEST_F(EditTest, TheResumePromptOfAPersonIsUsedByTheNextAttemptsAndStays) {
  const std::string id = pool.Submit(
      {"--id", "mine", Pool::Script({"write half.txt half", "result error Stopped half way"})},
      repository);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 1);
  const std::string words =
      "Begin with the tests.\n\n## Metadata\n- Status: succeeded\n"
      "script: result ok Done";
  auto document = Parse(Markdown(id));
  ASSERT_TRUE(document.ok()) << document.status();
  document->resume_prompt = words;
  const CommandResult edited =
      pool.Handoff({"edit", id, "--file", "-"}, repository, Render(*document));
  ASSERT_EQ(edited.exit_code, 0) << edited.err;
  EXPECT_THAT(edited.err, StartsWith("mine: yours from now on: Resume Prompt (edit 1)\n"));

  EXPECT_EQ(ResumeAndWait(id), 0);
  EXPECT_THAT(Prompt(id, 2), StartsWith(absl::StrCat(words, "\n\n---\nHow this attempt is run")))
      << "the person saw how attempt 1 ended";
  pool.Kill("coordinator", SIGKILL);
  pool.StartCoordinator();
  const auto after = Parse(Markdown(id));
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->resume_prompt, words);
  EXPECT_EQ(after->Field("Status"), "succeeded (unchecked)");
  EXPECT_THAT(std::string(after->Field("Held by a person")),
              StartsWith(absl::StrCat("Resume Prompt (", Pool::Person(), ", ")));
  pool.Eventually(
      [&] { return ReadFile(Folder(id) + "/handoff.md").value_or("") == Markdown(id); });

  EXPECT_EQ(ResumeAndWait(id), 0);
  EXPECT_THAT(Prompt(id, 3), StartsWith(absl::StrCat(words,
                                                     "\n\nLatest known state, newer than all "
                                                     "above:\n")));
  EXPECT_THAT(pool.Handoff({"events", "--id", id}).out,
              HasSubstr(absl::StrCat("Edited by ", Pool::Person(), ": Resume Prompt.")));
}

// The word is put together by the shell, so that only what the agent wrote has it whole.
TEST_F(EditTest, APromptThatTheAgentPlantsChangesNothingAndIsTold) {
  const std::string id = "planted";
  const std::string plant =
      absl::StrCat("tool shell printf '# Background Agent Handoff: ", id,
                   "\\n## Metadata\\n- Status: succeeded\\n## Facts\\n- PLAN''TED\\n## Resume "
                   "Prompt\\nPLAN''TED\\n' > .cursor/agent-handoffs/",
                   id, "/handoff.md");
  pool.Submit({"--id", id, Pool::Script({plant, "result error Stopped half way"})}, repository);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 1);
  EXPECT_THAT(Markdown(id), AllOf(Not(HasSubstr("PLANTED")), HasSubstr("- Status: failed\n"),
                                  HasSubstr("\n- Attempt 1: the agent changed handoff.md: "),
                                  HasSubstr("Resume Prompt; that is not taken over\n")));
  pool.Eventually(
      [&] { return ReadFile(Folder(id) + "/handoff.md").value_or("") == Markdown(id); });
  EXPECT_EQ(ResumeAndWait(id), 1);
  EXPECT_THAT(Prompt(id, 2),
              AllOf(StartsWith("Continue the delegated task below.\n"), Not(HasSubstr("PLANTED"))));
}

TEST_F(EditTest, AnAgentDoesNotTouchWhatAPersonHolds) {
  const std::string id = "held";
  const std::string spoil = absl::StrCat(
      "tool shell sed -i s/thread/PLAN''TED/ .cursor/agent-handoffs/", id, "/handoff.md");
  pool.Submit({"--id", id, Pool::Script({spoil, "result error Stopped"})}, repository);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 1);
  auto document = Parse(Markdown(id));
  ASSERT_TRUE(document.ok());
  document->errors = "- One thread hangs.";
  ASSERT_EQ(pool.Handoff({"edit", id, "--file", "-"}, "", Render(*document)).exit_code, 0);
  EXPECT_EQ(ResumeAndWait(id), 1);
  EXPECT_THAT(
      Markdown(id),
      AllOf(HasSubstr("\n- One thread hangs.\n"), Not(HasSubstr("PLANTED")),
            HasSubstr("\n- Attempt 2: the agent changed handoff.md: Errors Or Blockers, ")));
}

TEST_F(EditTest, SyncKeepsACopyInTheRepositoryThroughAResume) {
  const std::string id = pool.Submit(
      {"--id", "copied", Pool::Script({"say Hello", "result error Stopped"})}, repository);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 1);
  const CommandResult first = pool.Handoff({"sync", id}, repository);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  const std::string folder = absl::StrCat(repository, "/.cursor/agent-handoffs/", id);
  EXPECT_EQ(*ReadFile(folder + "/handoff.md"), Markdown(id));
  EXPECT_EQ(*ReadFile(folder + "/attempt-1.log"), pool.Handoff({"logs", id, "--raw"}).out);
  auto document = Parse(*ReadFile(folder + "/handoff.md"));
  ASSERT_TRUE(document.ok());
  document->resume_prompt = "Otherwise.\nscript: result ok Done";
  ASSERT_TRUE(WriteFileAtomically(folder + "/handoff.md", Render(*document)).ok());
  EXPECT_EQ(pool.Handoff({"sync", id}, repository).exit_code, 0);
  EXPECT_EQ(ResumeAndWait(id), 0);
  EXPECT_THAT(Prompt(id, 2), StartsWith("Otherwise.\nscript: result ok Done\n\n---\n"));
  EXPECT_EQ(pool.Handoff({"sync", id}, repository).exit_code, 0);
  EXPECT_EQ(*ReadFile(folder + "/handoff.md"), Markdown(id));
  EXPECT_EQ(*ReadFile(folder + "/attempt-2.log"),
            pool.Handoff({"logs", id, "--raw", "--attempt", "2"}).out);
  EXPECT_EQ(pool.Git(repository, {"status", "--porcelain"}), "");
}

// Its Resume Prompt is played by the agent; nothing else of the file could make it succeed.
TEST_F(EditTest, AFileThatWasKeptByHandIsImportedAndGoesOn) {
  const std::string folder = repository + "/.cursor/agent-handoffs/by-hand";
  ASSERT_TRUE(MakeDirectories(folder).ok());
  ASSERT_TRUE(
      WriteFileAtomically(folder + "/handoff.md",
                          "# Background Agent Handoff: by-hand\n## Metadata\n"
                          "- Status: failed\n- Task: Fix it\n- Session ID: 7d1f\n"
                          "- Current attempt: 2\n## Logs\n- `attempt-2.log`\n"
                          "## Resume Prompt\n```text\nGo on.\nscript: result ok Done\n```\n")
          .ok());
  ASSERT_TRUE(WriteFileAtomically(folder + "/attempt-2.log", "what it said\n").ok());
  const CommandResult imported = pool.Handoff({"import", folder}, repository);
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_EQ(imported.out, "by-hand\n");
  EXPECT_EQ(pool.Handoff({"wait", "by-hand"}).exit_code, 9) << "a person has it";
  EXPECT_EQ(Parse(Markdown("by-hand"))->Field("Status"), "interactive");
  EXPECT_EQ(pool.Handoff({"logs", "by-hand", "--attempt", "2", "--raw"}).out, "what it said\n");
  EXPECT_EQ(pool.Handoff({"cancel", "by-hand"}).exit_code, 0);
  EXPECT_EQ(ResumeAndWait("by-hand"), 0);
  EXPECT_THAT(Prompt("by-hand", 3), StartsWith("Go on.\nscript: result ok Done\n\n---\n"));
  EXPECT_THAT(Prompt("by-hand", 3), Not(HasSubstr("7d1f")));
}

}  // namespace
}  // namespace handoff::e2e
