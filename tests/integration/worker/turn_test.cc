// One real turn of an agent that somebody asked for: made on a worker beside everything else, with
// the scripted agent in a mode in which it can only read.

#include <signal.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/subprocess.h"
#include "gmock/gmock.h"
#include "tests/integration/worker/running_worker.h"

namespace handoff::worker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

bool Runs(int pid) {
  const auto stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  return stat.ok() && !absl::StrContains(*stat, ") Z ");
}

class TurnTest : public RunningWorker {
 protected:
  TurnTest() {
    config_.agents["cursor"].binary = HANDOFF_SCRIPTED_AGENT;
    config_.slots = 1;
  }
  // What the agent does that is asked for a turn.
  void Script(const std::vector<std::string>& steps) {
    config_.agents["cursor"].env["HANDOFF_TURN_SCRIPT"] = path("script");
    ASSERT_TRUE(WriteFileAtomically(path("script"), absl::StrJoin(steps, "\n") + "\n").ok());
  }
  v1::AgentTurn Turn(const std::string& agent = "cursor") {
    pool_.WishTurn({agent, ++number_});
    return pool_.AwaitTurn(number_);
  }

  uint64_t number_ = 0;
};

TEST_F(TurnTest, OneThatIsAnsweredTellsTheModelTheTimeAndTheTokens) {
  Start();
  const v1::AgentTurn turn = Turn();
  EXPECT_EQ(turn.failure(), v1::Failure::NONE) << turn.message();
  EXPECT_EQ(turn.message(), "");
  EXPECT_EQ(turn.model(), "Scripted");
  EXPECT_GT(turn.took().seconds() + turn.took().nanos(), 0);
  EXPECT_GT(turn.usage().input_tokens(), 100u);
  EXPECT_FALSE(PathExists(data() + "/turn"));
}

TEST_F(TurnTest, WhatOnlyRepeatsTheQuestionIsNoAnswer) {
  Script({absl::StrCat("prompt ", path("prompt")), "say the number 1, then a hyphen", "result ok"});
  Start();
  const v1::AgentTurn turn = Turn();
  EXPECT_EQ(turn.failure(), v1::Failure::AGENT_ERROR);
  EXPECT_EQ(turn.message(),
            "It answered, but not what it was asked for: the number 1, then a hyphen");
  EXPECT_EQ(turn.model(), "Scripted");
  EXPECT_THAT(*ReadFile(path("prompt")), AllOf(HasSubstr("Use no tool"), HasSubstr("the number ")));
}

TEST_F(TurnTest, AFailureHasItsClassAndASentence) {
  Script({"result error You have hit your usage limit"});
  Start();
  v1::AgentTurn turn = Turn();
  EXPECT_EQ(turn.failure(), v1::Failure::QUOTA) << turn.message();
  EXPECT_THAT(turn.message(), HasSubstr("usage limit"));
  Script({"stderr Error: getaddrinfo ENOTFOUND api.example.com", "exit 1"});
  turn = Turn();
  EXPECT_EQ(turn.failure(), v1::Failure::NETWORK) << turn.message();
  Script({"stderr odd", "exit 0"});
  turn = Turn();
  EXPECT_EQ(turn.failure(), v1::Failure::NO_RESULT);
  EXPECT_EQ(turn.message(), "It ended with status 0 and without an answer: odd");
}

TEST_F(TurnTest, AKeyThatTheAgentQuotesIsHidden) {
  config_.agents["cursor"].env["SERVICE_API_KEY"] = "sk-0123456789";
  Script({"result error the key sk-0123456789 was refused"});
  Start();
  EXPECT_THAT(Turn().message(), HasSubstr("the key (hidden) was refused"));
}

TEST_F(TurnTest, AnAgentThatIsNotThereAndOneWithoutSuchAModeSaySo) {
  Start();
  EXPECT_EQ(Turn("nobody").failure(), v1::Failure::AGENT_MISSING);
  const v1::AgentTurn command = Turn("command");
  EXPECT_EQ(command.failure(), v1::Failure::INTERNAL);
  EXPECT_THAT(command.message(), HasSubstr("no mode in which it can only read"));
}

TEST_F(TurnTest, OneThatIsLateIsEndedWithAllThatItStarted) {
  config_.turn_limit = absl::Milliseconds(300);
  Script({absl::StrCat("grandchild ", path("pid")), "silence"});
  Start();
  const v1::AgentTurn turn = Turn();
  EXPECT_EQ(turn.failure(), v1::Failure::TIMED_OUT);
  EXPECT_THAT(turn.message(), HasSubstr("It did not answer within "));
  int pid = 0;
  const bool begun = absl::SimpleAtoi(ReadFile(path("pid")).value_or(""), &pid);
  EXPECT_FALSE(begun && Runs(pid));
}

TEST_F(TurnTest, OneIsMadeWhileTheOnlySlotIsTaken) {
  Start();
  const std::string gate = Gate("gate");
  const AttemptKey key =
      pool_.Want(worker::Script("h", absl::StrCat("echo on; read line <", gate)));
  pool_.AwaitLog(key, "on\n");
  EXPECT_EQ(Turn().failure(), v1::Failure::NONE);
  Open(gate);
  pool_.AwaitEnd(key);
}

TEST_F(TurnTest, WhatNobodyWishesForAnyMoreIsGivenUp) {
  const std::string said = Gate("said");
  Script({absl::StrCat("tell ", said, " here"), "silence"});
  Start();
  pool_.WishTurn({"cursor", 100});
  Await(said);
  Script({"result error another"});
  pool_.DropTurn(100);
  EXPECT_THAT(Turn().message(), HasSubstr("another"));
}

TEST_F(TurnTest, TheEndOfTheDaemonEndsTheAgentAndTheNextOneMakesIt) {
  const std::string said = Gate("said");
  Script({absl::StrCat("tell ", said, " here"), "silence"});
  Start();
  pool_.WishTurn({"cursor", 100});
  Await(said);
  Stop();
  Script({"result error another"});
  Start();
  EXPECT_THAT(pool_.AwaitTurn(100).message(), HasSubstr("another"));
}

TEST_F(TurnTest, WhatAKilledDaemonLeftIsEnded) {
  SpawnOptions left;
  left.argv = {"tail", "-f", "/dev/null"};
  left.env = {absl::StrCat("HANDOFF_ATTEMPT_DIR=", data(), "/turn"), "PATH=/usr/bin:/bin"};
  ASSERT_TRUE(MakeDirectories(data() + "/turn/work").ok());
  auto process = Subprocess::Spawn(left);
  ASSERT_TRUE(process.ok());
  Start();
  EXPECT_EQ(process->Wait()->signal, SIGKILL);
}

}  // namespace
}  // namespace handoff::worker
