#include "worker/check_results.h"

#include "absl/strings/str_cat.h"
#include "common/handoff/describe_checks.h"
#include "common/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"
#include "worker/proto_time.h"
#include "worker/run_end.h"
#include "worker/shim/shim_files.h"

namespace handoff::worker {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

v1::Check Make(const std::string& command) {
  v1::Check check;
  check.set_command(command);
  ToProto(absl::Minutes(5), check.mutable_timeout());
  return check;
}

CheckEnd Exited(std::optional<int> code, int signal = 0, EndedBy by = EndedBy::kItself) {
  CheckEnd end;
  end.exit.emplace();
  end.exit->exit_code = code;
  end.exit->signal = signal;
  end.exit->ended_by = by;
  end.took = absl::Milliseconds(3200);
  return end;
}

TEST(JudgeCheck, OnlyExitStatusZeroPasses) {
  const v1::CheckResult good = JudgeCheck(Make("ninja test"), Exited(0));
  EXPECT_TRUE(good.passed());
  EXPECT_EQ(good.command(), "ninja test");
  EXPECT_TRUE(good.has_exit_code());
  EXPECT_EQ(good.message(), "");
  EXPECT_EQ(HowCheckEnded(good), "exit status 0 after 3.2 s");
  const v1::CheckResult bad = JudgeCheck(Make("ninja test"), Exited(1));
  EXPECT_FALSE(bad.passed());
  EXPECT_EQ(bad.message(), "It exited with status 1.");
  EXPECT_EQ(HowCheckEnded(bad), "exit status 1 after 3.2 s");
}

TEST(JudgeCheck, ASignalAndATimeLimitHaveNoExitStatus) {
  const v1::CheckResult killed = JudgeCheck(Make("x"), Exited(std::nullopt, 11));
  EXPECT_FALSE(killed.passed());
  EXPECT_FALSE(killed.has_exit_code());
  EXPECT_EQ(HowCheckEnded(killed), "killed by signal 11 (Segmentation fault) after 3.2 s");
  // One that ends with status 0 when it is told to end has not passed.
  const v1::CheckResult late = JudgeCheck(Make("x"), Exited(0, 0, EndedBy::kHardCap));
  EXPECT_FALSE(late.passed());
  EXPECT_TRUE(late.timed_out());
  EXPECT_FALSE(late.has_exit_code());
  EXPECT_THAT(late.message(), AllOf(HasSubstr("5 min"), HasSubstr("--check-timeout")));
  EXPECT_EQ(HowCheckEnded(late), "ended at its time limit after 3.2 s");
}

TEST(JudgeCheck, OneThatWasEndedWithTheAttemptDidNotPass) {
  for (const EndedBy by : {EndedBy::kCancel, EndedBy::kHardCap}) {
    CheckEnd end = Exited(0, 0, by);
    end.stopped = true;
    const v1::CheckResult result = JudgeCheck(Make("x"), end);
    EXPECT_FALSE(result.passed());
    EXPECT_FALSE(result.timed_out()) << "not at its own limit";
    EXPECT_THAT(result.message(), HasSubstr("stopped"));
  }
}

TEST(JudgeCheck, WhatNeverStartedAndWhatWasLostSaySo) {
  CheckEnd none;
  none.exit.emplace();
  none.exit->spawn_error = "no such directory";
  none.took = absl::Seconds(1);
  const v1::CheckResult unstarted = JudgeCheck(Make("x"), none);
  EXPECT_FALSE(unstarted.passed());
  EXPECT_FALSE(unstarted.has_duration());
  EXPECT_EQ(unstarted.message(), "It could not be started: no such directory.");
  const v1::CheckResult lost = JudgeCheck(Make("x"), CheckEnd{});
  EXPECT_FALSE(lost.passed());
  EXPECT_THAT(lost.message(), HasSubstr("Its watcher was killed"));
  EXPECT_EQ(HowCheckEnded(lost), "no exit status");
}

TEST(NamedFiles, AreThoseThatStandAsWordsInTheCommand) {
  v1::Facts facts;
  for (const char* path : {"tests/a.py", "tests/b.py", "src/a.py", "a.py", "sub/c.sh"}) {
    facts.add_files()->set_path(path);
  }
  EXPECT_THAT(NamedFiles("pytest ./tests/a.py::test_one 'src/a.py'", "", facts),
              ElementsAre("tests/a.py", "src/a.py"));
  EXPECT_THAT(NamedFiles("sh ./c.sh; cat a.py.bak", "sub", facts), ElementsAre("sub/c.sh"));
  EXPECT_THAT(NamedFiles("ninja test", "", facts), IsEmpty());
  std::string command = "cat";
  for (int i = 0; i < 20; ++i) {
    facts.add_files()->set_path(absl::StrCat("f", i));
    absl::StrAppend(&command, " f", i);
  }
  EXPECT_THAT(NamedFiles(command, "", facts), SizeIs(16));
}

TEST(TailOf, IsValidTextFromTheBeginOfALine) {
  EXPECT_EQ(TailOf("one\ntwo\n", 100), "one\ntwo");
  EXPECT_EQ(TailOf("first line\nsecond\n", 10), "second");
  EXPECT_EQ(TailOf("0123456789", 4), "6789") << "a line without an end is better than nothing";
  EXPECT_EQ(TailOf("\x1b[31mred\x1b[0m\n", 100), "red");
  EXPECT_EQ(TailOf("\xff", 100), "\\xff");
  EXPECT_TRUE(IsValidUtf8(TailOf("ééééé", 5)));
  EXPECT_EQ(TailOf("ééééé", 5), "éé");
}

class FillChecksTest : public ::testing::Test {
 protected:
  void Add(const std::string& command, int code, const std::string& tail) {
    results.push_back(JudgeCheck(Make(command), Exited(code)));
    tails.push_back(tail);
  }
  std::vector<v1::CheckResult> results;
  std::vector<std::string> tails;
  RunEnd run;
  v1::AttemptEnd end;
};

TEST_F(FillChecksTest, AllThatPassedVerifyTheWork) {
  Add("a", 0, "fine");
  Add("b", 0, "fine");
  FillChecks(results, tails, 2, run, end);
  EXPECT_TRUE(run.checks_passed);
  EXPECT_EQ(run.failed_check, "");
  EXPECT_EQ(end.check_output(), "");
  EXPECT_EQ(end.facts().checks_size(), 2);
}

TEST_F(FillChecksTest, OneThatWasNotRunVerifiesNothing) {
  Add("a", 0, "fine");
  FillChecks(results, tails, 2, run, end);
  EXPECT_FALSE(run.checks_passed);
  run.checks_passed = true;
  FillChecks({}, {}, 0, run, end);
  EXPECT_FALSE(run.checks_passed) << "nothing declared is nothing proved";
}

TEST_F(FillChecksTest, TheFirstThatFailedIsNamedAndAllAreQuoted) {
  Add("a", 0, "quiet");
  Add("ninja test", 1, "expected 1, got 2\n");
  Add("c", 7, "");
  FillChecks(results, tails, 3, run, end);
  EXPECT_FALSE(run.checks_passed);
  EXPECT_EQ(run.failed_check,
            "The check `ninja test` failed: exit status 1 after 3.2 s; 2 of 3 checks failed.");
  EXPECT_THAT(end.check_output(),
              AllOf(StartsWith("The check `ninja test` failed: exit status 1 after 3.2 s. The last "
                               "of its output:\n```\nexpected 1, got 2\n```"),
                    HasSubstr("The check `c` failed: exit status 7 after 3.2 s. It wrote nothing."),
                    Not(HasSubstr("quiet"))));
}

TEST_F(FillChecksTest, WhatTheAgentIsToldIsBounded) {
  std::string noise;
  while (noise.size() < 8 << 10) absl::StrAppend(&noise, "é\xff ", noise.size(), "\n");
  Add("one", 1, noise);
  FillChecks(results, tails, 1, run, end);
  EXPECT_GT(end.check_output().size(), size_t{3} << 10);
  EXPECT_LE(end.check_output().size(), kCheckTailBytes + 600);
  EXPECT_TRUE(IsValidUtf8(end.check_output()));
  while (results.size() < 16) Add(std::string(4096, 'x'), 1, noise);
  FillChecks(results, tails, 16, run, end);
  EXPECT_LE(end.check_output().size(), kCheckOutputBytes);
  EXPECT_THAT(end.check_output(), HasSubstr("The check `one` failed"));
}

class VerdictTest : public ::testing::Test {
 protected:
  VerdictTest() {
    run.protocol = Protocol::kResultOk;
    run.process.exit_code = 0;
  }
  v1::Failure::Class Judged() {
    v1::AttemptEnd end;
    FillEnd(run, nullptr, end);
    verified = end.verified();
    message = end.failure_message();
    return end.failure();
  }
  RunEnd run;
  bool verified = false;
  std::string message;
};

TEST_F(VerdictTest, ChecksDecideOverAResultOfTheAgent) {
  EXPECT_EQ(Judged(), v1::Failure::NONE);
  EXPECT_FALSE(verified) << "none was declared";
  run.checks_passed = true;
  EXPECT_EQ(Judged(), v1::Failure::NONE);
  EXPECT_TRUE(verified);
  run.checks_passed = false;
  run.failed_check = "The check `x` failed: exit status 1.";
  EXPECT_EQ(Judged(), v1::Failure::CHECKS_FAILED);
  EXPECT_FALSE(verified);
  EXPECT_EQ(message, "The check `x` failed: exit status 1.");
}

TEST_F(VerdictTest, WhatIsStoppedWhileItIsCheckedIsNoSuccess) {
  run.checks_unfinished = true;
  run.failed_check = "The check `x` failed.";
  run.process.ended_by = EndedBy::kCancel;
  EXPECT_EQ(Judged(), v1::Failure::CANCELLED);
  run.process.ended_by = EndedBy::kHardCap;
  EXPECT_EQ(Judged(), v1::Failure::TIMED_OUT);
  run.process.ended_by = EndedBy::kInterrupted;
  EXPECT_EQ(Judged(), v1::Failure::CANCELLED);
  run.process.ended_by = EndedBy::kOrphaned;
  EXPECT_EQ(Judged(), v1::Failure::WORKER_LOST);
}

TEST_F(VerdictTest, ChecksThatTheWorkerCannotRunAreNotTheAgentsFault) {
  run.checks_trouble = "the disk is broken";
  EXPECT_EQ(Judged(), v1::Failure::ENVIRONMENT_FAILED);
  EXPECT_THAT(message, HasSubstr("could not run the checks: the disk is broken."));
}

TEST_F(VerdictTest, AnAgentThatFailedFailedBeforeItsChecks) {
  run.protocol = Protocol::kResultError;
  run.checks_passed = true;  // cannot be, and changes nothing
  EXPECT_EQ(Judged(), v1::Failure::AGENT_ERROR);
  EXPECT_FALSE(verified);
}

}  // namespace
}  // namespace handoff::worker
