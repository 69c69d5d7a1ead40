// handoff sync
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/handoff/document.h"
#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;

class SyncCommand : public Command {
 protected:
  SyncCommand() {
    MakeRepository("https://example.org/r.git");
    handoff_.set_id("20261120-h");
    handoff_.set_status(v1::Handoff::RUNNING);
    handoff_.set_agent("cursor");
    handoff_.set_owner("alice");
    handoff_.mutable_spec()->set_task("Fix it.");
    handoff_.mutable_spec()->set_agent("cursor");
    handoff_.add_attempts()->set_number(1);
    handoff_.mutable_attempts(0)->set_state(v1::Attempt::RUNNING);
    handoff_.mutable_attempts(0)->mutable_started_at()->set_seconds(1700000000);
    SetLog("one\n");
  }

  void SetLog(const std::string& bytes) {
    coordinator_.SetLog("20261120-h", 1, bytes);
    handoff_.mutable_attempts(0)->set_log_bytes(bytes.size());
    coordinator_.Set(handoff_);
  }
  std::string Local(const std::string& name) const {
    return absl::StrCat(dir_.path(), "/.cursor/agent-handoffs/20261120-h/", name);
  }
  std::string Mine() const { return *ReadFile(Local("handoff.md")); }
  void Write(const std::string& name, const std::string& text) const {
    CHECK(WriteFileAtomically(Local(name), text).ok());
  }
  void WriteMine(const std::string& prompt) const {
    Document document = *Parse(Mine());
    document.resume_prompt = prompt;
    Write("handoff.md", Render(document));
  }
  std::string Shown() const { return Run({"show", "--md", "20261120-h"}).out; }
  Said Sync() const { return Run({"sync", "20261120-h"}); }
  void EditAsGrace(const std::string& prompt) const {
    Document document = *Parse(Shown());
    document.resume_prompt = prompt;
    EXPECT_EQ(Run({"edit", "20261120-h", "--file", "-"}, Render(document)).exit, 0);
  }

  v1::Handoff handoff_;
};

TEST_F(SyncCommand, BringsTheDocumentAndTheLogsWhereGitDoesNotSeeThem) {
  CommitFile();
  const Said said = Sync();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(said.out, absl::StrCat(dir_.path(), "/.cursor/agent-handoffs/20261120-h\n"));
  EXPECT_EQ(said.err, "20261120-h: attempt-1.log +4 B, handoff.md\n");
  EXPECT_EQ(Mine(), Shown());
  EXPECT_EQ(*ReadFile(Local("attempt-1.log")), "one\n");
  EXPECT_EQ(Git({"status", "--porcelain"}), "");
  EXPECT_EQ(Sync().err, "20261120-h: nothing is new\n");
}

TEST_F(SyncCommand, ALogGrowsWhereItEndsAndIsNeverWrittenAnew) {
  EXPECT_EQ(Sync().exit, 0);
  struct stat before, after;
  ASSERT_EQ(::stat(Local("attempt-1.log").c_str(), &before), 0);
  SetLog("one\ntwo\n" + std::string(10'000, 'x'));
  EXPECT_THAT(Sync().err, HasSubstr("attempt-1.log +10 kB"));
  ASSERT_EQ(::stat(Local("attempt-1.log").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(*ReadFile(Local("attempt-1.log")), "one\ntwo\n" + std::string(10'000, 'x'));
  SetLog("one\n");  // a coordinator that was restored
  EXPECT_EQ(Sync().exit, 0);
  EXPECT_EQ(after.st_size, 10'008);
  EXPECT_EQ(ReadFile(Local("attempt-1.log"))->size(), 10'008u);
}

TEST_F(SyncCommand, NothingIsAppendedToAnotherLog) {
  EXPECT_EQ(Sync().exit, 0);
  Write("attempt-1.log", "of my own\n");
  SetLog("one\n" + std::string(100, 'x'));
  const Said said = Sync();
  EXPECT_EQ(said.exit, 0);
  EXPECT_THAT(said.err, HasSubstr("attempt-1.log in "));
  EXPECT_THAT(said.err, HasSubstr("is another log than the coordinator's; it was left as it is"));
  EXPECT_EQ(*ReadFile(Local("attempt-1.log")), "of my own\n");
}

TEST_F(SyncCommand, WhatThePersonWroteGoesUpAndTheRestComesDown) {
  EXPECT_EQ(Sync().exit, 0);
  WriteMine("Begin with the tests.");
  handoff_.set_status(v1::Handoff::FAILED);
  handoff_.mutable_attempts(0)->set_state(v1::Attempt::FAILED);
  coordinator_.Set(handoff_);
  const Said said = Sync();
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("20261120-h: yours from now on: Resume Prompt (edit 1)\n"));
  EXPECT_EQ(Mine(), Shown());
  EXPECT_THAT(Mine(), HasSubstr("Begin with the tests."));
  EXPECT_THAT(Mine(), HasSubstr("- Status: failed"));
  EXPECT_EQ(coordinator_.edits().size(), 1u);
  EXPECT_EQ(Sync().err, "20261120-h: nothing is new\n");
}

TEST_F(SyncCommand, AConflictLeavesTheFileAndIsOverWhenThePersonSaysSo) {
  EXPECT_EQ(Sync().exit, 0);
  WriteMine("Mine.");
  EditAsGrace("Grace's.");
  const std::string mine = Mine();
  const Said said = Sync();
  EXPECT_EQ(said.exit, 6) << said.err;
  EXPECT_EQ(Mine(), mine);
  EXPECT_THAT(*ReadFile(Local("handoff.md.theirs")), HasSubstr("Grace's."));
  EXPECT_THAT(said.err, HasSubstr("handoff.md, remove it, and sync again"));
  const Said waits = Sync();
  EXPECT_EQ(waits.exit, 6);
  EXPECT_THAT(waits.err, HasSubstr("handoff.md.theirs waits for you"));
  EXPECT_THAT(Shown(), HasSubstr("Grace's.")) << "not before the person looked";
  ASSERT_EQ(::unlink(Local("handoff.md.theirs").c_str()), 0);
  EXPECT_EQ(Sync().exit, 0);
  EXPECT_THAT(Shown(), HasSubstr("\nMine.\n"));
  EXPECT_EQ(Mine(), Shown());
}

TEST_F(SyncCommand, WhatIsNobodysToChangeIsRefusedAndTheFileStays) {
  EXPECT_EQ(Sync().exit, 0);
  const std::string mine = absl::StrReplaceAll(Mine(), {{"- Owner: alice", "- Owner: bob"}});
  Write("handoff.md", mine);
  const Said said = Sync();
  EXPECT_EQ(said.exit, 2);
  EXPECT_THAT(said.err, HasSubstr("the section 'Metadata' differs"));
  EXPECT_EQ(Mine(), mine);
  EXPECT_THAT(coordinator_.edits(), IsEmpty());
}

TEST_F(SyncCommand, AFileThatItDidNotWriteIsLeftAlone) {
  CHECK(MakeDirectories(Local("")).ok());
  Write("handoff.md", "my notes");
  const Said said = Sync();
  EXPECT_EQ(said.exit, 6);
  EXPECT_THAT(said.err, HasSubstr("was not written by 'handoff sync'"));
  EXPECT_EQ(Mine(), "my notes");
  ASSERT_EQ(::rename(Local("handoff.md.theirs").c_str(), Local("handoff.md").c_str()), 0);
  EXPECT_EQ(Sync().exit, 0);
  EXPECT_EQ(Mine(), Shown());
}

TEST_F(SyncCommand, NothingIsWrittenThroughALink) {
  const std::string outside = dir_.path() + "/outside";
  CHECK(MakeDirectories(outside).ok());
  ASSERT_EQ(::symlink(outside.c_str(), (dir_.path() + "/.cursor").c_str()), 0);
  const Said said = Sync();
  EXPECT_EQ(said.exit, 6);
  EXPECT_THAT(said.err, HasSubstr(".cursor is a symbolic link"));
  EXPECT_THAT(*ListDirectory(outside), IsEmpty());
}

TEST_F(SyncCommand, OutsideOfARepositoryADirectoryIsNamed) {
  CHECK(MakeDirectories(dir_.path() + "/notes").ok());
  CHECK(RemoveTree(dir_.path() + "/.git").ok());
  EXPECT_EQ(Sync().exit, 3);
  EXPECT_EQ(Run({"sync", "20261120-h", "--dir", "notes"}).exit, 0);
  EXPECT_EQ(*ReadFile(dir_.path() + "/notes/.cursor/agent-handoffs/20261120-h/handoff.md"),
            Shown());
}

TEST_F(SyncCommand, WatchingBringsWhatComesUntilItHasEnded) {
  auto err = MakePipe();
  SpawnOptions options = Options({"sync", "20261120-h", "--watch"});
  options.fds = {{2, err->second.get()}};
  auto process = Subprocess::Spawn(options);
  err->second.Reset();
  const auto line = [&] {
    std::string text;
    char c = 0;
    while (::read(err->first.get(), &c, 1) == 1 && c != '\n') text.push_back(c);
    return text;
  };
  EXPECT_EQ(line(), "20261120-h: attempt-1.log +4 B, handoff.md");
  const Said second = Sync();
  EXPECT_EQ(second.exit, 6);
  EXPECT_THAT(second.err, HasSubstr("another 'handoff sync' is at work"));
  SetLog("one\ntwo\n");
  EXPECT_THAT(line(), HasSubstr("attempt-1.log +4 B"));
  handoff_.set_status(v1::Handoff::SUCCEEDED);
  handoff_.mutable_attempts(0)->set_state(v1::Attempt::SUCCEEDED);
  coordinator_.Set(handoff_);
  EXPECT_THAT(line(), HasSubstr("handoff.md"));
  EXPECT_EQ(process->Wait()->code, 0);
  EXPECT_EQ(Mine(), Shown());
  EXPECT_THAT(Mine(), HasSubstr("- Status: succeeded"));
}

}  // namespace
}  // namespace handoff
