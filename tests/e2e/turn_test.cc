// `handoff doctor --turn` from the outside: a worker is asked, its agent answers or fails, and the
// result stands in `worker show`.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Turns : public ::testing::Test {
 protected:
  Turns() {
    pool_.StartCoordinator();
    repository_ = pool_.MakeRepository("origin");
  }
  // Unless scripted its agent answers.
  void StartWorker(bool scripted) {
    const std::string script =
        absl::StrCat("[agents.cursor.env]\nHANDOFF_TURN_SCRIPT = \"", pool_.path("turn"), "\"\n");
    pool_.StartWorker("a", 1, {},
                      absl::StrCat("[agents.cursor]\nbinary = \"", Program("scripted-agent"),
                                   "\"\n", scripted ? script : ""));
  }
  void Answer(const std::vector<std::string>& steps) const {
    ASSERT_TRUE(WriteFileAtomically(pool_.path("turn"), absl::StrJoin(steps, "\n") + "\n").ok());
  }
  CommandResult Doctor(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"doctor", "--worker", "a", "--turn", "--agent", "cursor"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return pool_.Handoff(arguments);
  }
  // The last one of Cursor.
  nlohmann::json Shown() const {
    const CommandResult show = pool_.Handoff({"worker", "show", "a", "--json"});
    EXPECT_EQ(show.exit_code, 0) << show.err;
    return nlohmann::json::parse(show.out).at("turns").at(0);
  }

  Pool pool_;
  std::string repository_;
};

TEST_F(Turns, OneThatWorkedIsSaidWithItsModelAndShownWithTheWorker) {
  StartWorker(/*scripted=*/false);
  const CommandResult worked = Doctor();
  EXPECT_EQ(worked.exit_code, 0) << worked.out << worked.err;
  EXPECT_THAT(worked.out, HasSubstr("ok       a cursor: one turn worked "));
  EXPECT_EQ(Shown().at("model"), "Scripted");
  EXPECT_EQ(Shown().at("failure"), "NONE");
  EXPECT_THAT(pool_.Handoff({"worker", "show", "a"}).out,
              AllOf(HasSubstr("one turn: worked "), HasSubstr("model Scripted")));
  EXPECT_THAT(pool_.Handoff({"events"}).out, HasSubstr("Asked for one turn of cursor"));
}

TEST_F(Turns, ADoctorThatAsksForOneSaysWhatCameOfItAndTheWorkerKeepsIt) {
  StartWorker(/*scripted=*/true);
  Answer({"result error You have hit your usage limit"});
  const CommandResult failed = Doctor();
  EXPECT_EQ(failed.exit_code, 10) << failed.out << failed.err;
  EXPECT_THAT(failed.out, AllOf(HasSubstr("problem  a cursor: one turn quota "),
                                HasSubstr("its account is used up")));
  EXPECT_EQ(Shown().at("failure"), "QUOTA");
  EXPECT_THAT(pool_.Handoff({"worker", "show", "a"}).out, HasSubstr("one turn: quota "));
  // A moment later nobody pays for another one.
  Answer({"result ok never asked"});
  EXPECT_THAT(Doctor().out, HasSubstr("one turn quota "));
  // It decides nothing: the worker still takes work.
  const std::string id =
      pool_.Submit({Pool::Script({"write README.md done", "result ok Done"})}, repository_);
  EXPECT_EQ(pool_.Handoff({"wait", id}).exit_code, 0);
}

TEST_F(Turns, OneThatIsNotAnsweredIsSaidSoAndShownWhenItComes) {
  StartWorker(/*scripted=*/true);
  const Gate gate(pool_.path("gate"));
  Answer({absl::StrCat("wait ", gate.path()), "result error late"});
  const CommandResult silent = Doctor({"--timeout", "1s"});
  EXPECT_EQ(silent.exit_code, 8) << silent.out << silent.err;
  EXPECT_THAT(silent.out, HasSubstr("a cursor: no answer within 1 s"));
  EXPECT_THAT(pool_.Handoff({"worker", "show", "a"}).out, HasSubstr("no answer yet"));
  gate.Open();
  pool_.Eventually([&] { return Shown().contains("at"); });
  EXPECT_THAT(pool_.Handoff({"worker", "show", "a"}).out,
              AllOf(HasSubstr("one turn: agent_error "), HasSubstr("late"),
                    Not(HasSubstr("no answer yet"))));
}

}  // namespace
}  // namespace handoff::e2e
