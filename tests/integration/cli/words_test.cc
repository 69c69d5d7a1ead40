// The sentences of refusals and of what is not there: what was wrong, what was not done, what to
// do.

#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/text/table.h"
#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

class Words : public Command {
 protected:
  void ExpectRefused(const std::vector<std::string>& arguments, const std::string& sentence) const {
    const Said said = Run(arguments);
    EXPECT_EQ(said.exit, 2) << said.err;
    EXPECT_EQ(said.err, absl::StrCat("handoff: ", sentence, "\n"));
    EXPECT_THAT(said.out, IsEmpty());
  }
};

TEST_F(Words, NumbersOfLogs) {
  ExpectRefused({"logs", "x", "--tail", "-1"}, "--tail counts lines: 0 or more");
  ExpectRefused({"logs", "x", "--from", "-5"}, "--from counts bytes: 0 or more");
  ExpectRefused({"logs", "x", "--attempt", "0"}, "--attempt counts from 1");
  EXPECT_EQ(coordinator_.calls(), 0);
}

TEST_F(Words, ALogHasAnEnd) {
  Add("20261120-h", v1::Handoff::SUCCEEDED);
  coordinator_.SetLog("20261120-h", 1, "one\ntwo\n");
  ExpectRefused({"logs", "20261120-h", "--from", "9"},
                "--from 9 is past the end: the log has 8 bytes");
  EXPECT_EQ(Run({"logs", "20261120-h", "--from", "8"}).out, "");
  EXPECT_EQ(Run({"logs", "20261120-h", "--from", "4"}).out, "two\n");
  EXPECT_EQ(Run({"logs", "20261120-h", "--tail", "0"}).out, "");
  EXPECT_EQ(Run({"logs", "20261120-h", "--tail", "0"}).err, "");
  EXPECT_EQ(Run({"logs", "20261120-h", "--tail", "1"}).out, "two\n");
}

TEST_F(Words, ALogWithoutABeginningIsSaidToBeEmpty) {
  Add("20261120-h", v1::Handoff::RUNNING);
  EXPECT_EQ(Run({"logs", "20261120-h"}).err, "attempt 1 has written nothing yet\n");
  AddIn("20261120-q", "https://localhost/app", 1000);
  const Said said = Run({"logs", "20261120-q"});
  EXPECT_EQ(said.exit, 0);
  EXPECT_EQ(said.out, "");
  EXPECT_EQ(said.err, "attempt 1 has not started; its log is empty\n");
  Add("20261120-e", v1::Handoff::SUCCEEDED);
  EXPECT_EQ(Run({"logs", "20261120-e"}).err, "attempt 1 wrote nothing; its log is empty\n");
}

TEST_F(Words, OfChecksThatNobodyDeclared) {
  Add("20261120-h", v1::Handoff::RUNNING);
  for (const char* flag : {"--raw", "-f"}) {
    const Said said = Run({"logs", "20261120-h", "--checks", flag});
    EXPECT_EQ(said.exit, 0);
    EXPECT_EQ(said.out, "");
    EXPECT_EQ(said.err, "20261120-h has no checks; submit --check CMD declares some\n");
  }
}

TEST_F(Words, OfTheValuesThatTheParserRefuses) {
  ExpectRefused({"submit", "x", "--priority", "x y"},
                "--priority 'x y' is not a whole number. Nothing was done; 'handoff submit "
                "--help' shows the flags");
  ExpectRefused({"completion", "tcsh"},
                "SHELL 'tcsh' is none of bash, zsh, fish. Nothing was done; 'handoff completion "
                "--help' shows the flags");
  ExpectRefused({"submit", "x", "--from", "a: b"},
                "--from 'a: b' is none of worktree, head, pushed. Nothing was done; 'handoff "
                "submit --help' shows the flags");
  ExpectRefused({"--coordinator"}, "--coordinator needs an address: HOST:PORT");
  ExpectRefused({"--coordinator=", "list"}, "--coordinator needs an address: HOST:PORT");
}

TEST_F(Words, ARefusedSubmitSaysOnceThatNothingWasHandedOver) {
  for (const std::vector<std::string>& flags :
       std::vector<std::vector<std::string>>{{" "},
                                             {"x", "--label", "a"},
                                             {"x", "--model", "--help"},
                                             {"x", "--timeout", "xx"},
                                             {"x", "--lease", "1s"},
                                             {"x", "--repo", "./absent"},
                                             {"two", "words"},
                                             {"x", "--file", "y"},
                                             {"--file", "absent"},
                                             {"x", "--priority", "101"},
                                             {"x"},
                                             {"x", "--coordinator", "127.0.0.1:1"}}) {
    std::vector<std::string> arguments = {"submit"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const std::string err = Run(arguments).err;
    const size_t first = err.find("othing was handed over");
    EXPECT_NE(first, std::string::npos) << err;
    EXPECT_EQ(err.find("othing was", first + 1), std::string::npos) << err;
  }
  EXPECT_THAT(coordinator_.submits(), IsEmpty());
}

TEST_F(Words, AWrongValueOfTheRepositorysFileIsBlamedOnTheFile) {
  MakeRepository("https://localhost/app");
  CHECK(WriteFileAtomically(dir_.path() + "/.handoff.toml", "timeout = \"xx\"\n").ok());
  const Said said = Run({"submit", "x"});
  EXPECT_EQ(said.exit, 2);
  EXPECT_THAT(said.err, ::testing::StartsWith(absl::StrCat("handoff: ", dir_.path(),
                                                           "/.handoff.toml: timeout 'xx' is not")));
  EXPECT_THAT(said.err, Not(HasSubstr("--timeout")));
}

TEST_F(Words, HelpIsThereInEveryWayToAskForIt) {
  for (const std::vector<std::string>& asked : std::vector<std::vector<std::string>>{
           {"worker", "--help"}, {"worker", "-h"}, {"help", "worker"}}) {
    const Said said = Run(asked);
    EXPECT_EQ(said.exit, 0) << said.err;
    EXPECT_THAT(said.out, HasSubstr("worker undrain"));
    EXPECT_THAT(said.out, Not(HasSubstr("submit")));
  }
  EXPECT_EQ(Run({"help"}).out, Run({"--help"}).out);
  EXPECT_EQ(Run({"help", "submit"}).out, Run({"submit", "--help"}).out);
  EXPECT_EQ(Run({"help", "worker", "show"}).out, Run({"worker", "show", "--help"}).out);
  EXPECT_EQ(Run({"worker", "ls", "--help"}).out, Run({"worker", "list", "--help"}).out);
  EXPECT_EQ(Run({"help", "frobnicate"}).exit, 2);
}

TEST_F(Words, HelpFitsAndShowsWhatCanBeTyped) {
  EXPECT_THAT(Run({"submit", "--help"}).out, HasSubstr("[TASK | -- ARGV...]"));
  EXPECT_THAT(Run({"completion", "--help"}).out, Not(HasSubstr("{bash")));
  const std::string verbs = Run({"--help"}).out;
  for (const char* line :
       {"\n  worker list (workers)  the build hosts", "\n  show (status)          one"}) {
    EXPECT_THAT(verbs, HasSubstr(line));
  }
  for (const char* verb : {"submit", "list", "logs", "wait", "resume", "events", "doctor", "dev"}) {
    const std::string help = Run({verb, "--help"}).out;
    for (const absl::string_view line : absl::StrSplit(help, '\n')) {
      EXPECT_LE(DisplayWidth(line), 100) << line;
    }
  }
}

TEST_F(Words, AFilteredListWithoutAHitIsNotSaidToBeMine) {
  EXPECT_EQ(Run({"list", "--owner", "bob"}).err, "Nothing matches; --all looks further back.\n");
  EXPECT_THAT(Run({"list"}).err, ::testing::StartsWith("Nothing of yours is live"));
}

TEST_F(Words, WhatCannotBeWrittenIsAFailure) {
  Add("20261120-h", v1::Handoff::SUCCEEDED);
  coordinator_.SetLog("20261120-h", 1, "content\n");
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"logs", "20261120-h", "--raw"}, {"list"}, {"--version"}, {"list", "--help"}}) {
    const auto full = OpenFile("/dev/full", O_WRONLY);
    auto err = MakePipe();
    SpawnOptions options = Options(arguments);
    options.fds = {{1, full->get()}, {2, err->second.get()}};
    auto process = Subprocess::Spawn(options);
    err->second.Reset();
    const std::string said = ReadToEnd(err->first.get());
    EXPECT_EQ(process->Wait()->code, 10) << arguments[0];
    EXPECT_EQ(said, "handoff: writing to standard output failed: No space left on device\n");
  }
}

TEST_F(Words, TheDoctorCountsWhatRunsWithoutWhatWaits) {
  coordinator_.SetLoad(0, 1);
  EXPECT_THAT(Run({"doctor"}).out, HasSubstr("0 running, 1 queued"));
}

TEST_F(Words, APoolThatCannotBeKeptIsNoUnknownHandoff) {
  const Said said = Run({"dev", "--data-dir", "/proc/no-such/x"});
  EXPECT_EQ(said.exit, 10) << said.err;
  EXPECT_THAT(said.err, HasSubstr("no pool was started in /proc/no-such/x: "));
}

}  // namespace
}  // namespace handoff
