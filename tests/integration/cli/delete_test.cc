// handoff delete: hides, or purges after the id was typed.

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "tests/integration/cli/command.h"
#include "tests/integration/cli/pty.h"

namespace handoff {
namespace {

class DeleteCommand : public Command {
 protected:
  struct Answered {
    int exit = -1;
    std::string screen;
  };
  // `delete --purge ID` of a person at a terminal who types `answer`.
  Answered Purge(const std::string& id, const std::string& answer) const {
    Pty pty(24, 200);
    SpawnOptions options = Options({"delete", "--purge", id});
    options.fds = {{0, pty.slave()}, {2, pty.slave()}};
    auto process = Subprocess::Spawn(options);
    CHECK(process.ok());
    pty.LeaveToChild();
    Answered answered;
    pty.ReadUntil("Type its id");
    pty.Type(answer + "\n");
    answered.screen = pty.ReadAll();
    answered.exit = process->Wait()->code;
    return answered;
  }
};

TEST_F(DeleteCommand, HidesAndSaysHowToGetItBack) {
  Add("20261120-h", v1::Handoff::SUCCEEDED);
  const Said said = Run({"delete", "20261120-h"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("handoff list --all --deleted"));
  EXPECT_THAT(said.err, HasSubstr("handoff resume 20261120-h"));
  ASSERT_EQ(coordinator_.deletes().size(), 1u);
  EXPECT_FALSE(coordinator_.deletes()[0].purge());
  EXPECT_THAT(Run({"show", "20261120-h"}).out, HasSubstr("Deleted"));
  EXPECT_THAT(Run({"list", "--deleted"}).out, HasSubstr("Deleted."));
}

TEST_F(DeleteCommand, APurgeAsksForTheIdAndTakesNoOtherAnswer) {
  Add("20261120-h", v1::Handoff::SUCCEEDED);
  for (const char* answer : {"y", "yes", "", "20261120-hh"}) {
    const Answered refused = Purge("20261120-h", answer);
    EXPECT_EQ(refused.exit, 2) << answer;
    EXPECT_THAT(refused.screen, HasSubstr("Nothing of it was purged")) << answer;
  }
  EXPECT_TRUE(coordinator_.deletes().empty());
  const Answered done = Purge("20261120-h", "20261120-h");
  EXPECT_EQ(done.exit, 0) << done.screen;
  ASSERT_EQ(coordinator_.deletes().size(), 1u);
  EXPECT_TRUE(coordinator_.deletes()[0].purge());
  EXPECT_THAT(done.screen, HasSubstr("20261120-h: purged"));
}

TEST_F(DeleteCommand, WithoutATerminalAPurgeNeedsYes) {
  Add("20261120-h", v1::Handoff::SUCCEEDED);
  const Said refused = Run({"delete", "--purge", "20261120-h"}, "20261120-h\n");
  EXPECT_EQ(refused.exit, 2);
  EXPECT_THAT(refused.err, HasSubstr("--yes"));
  EXPECT_TRUE(coordinator_.deletes().empty());
  const Said done = Run({"delete", "--purge", "--yes", "--json", "20261120-h"});
  EXPECT_EQ(done.exit, 0) << done.err;
  EXPECT_EQ(done.out, "{\"id\":\"20261120-h\",\"deleted\":true,\"purged\":true}\n");
  EXPECT_EQ(Run({"delete", "--purge", "--yes", "20261120-h"}).exit, 0) << "purged already";
  EXPECT_EQ(Run({"delete", "20261120-h"}).exit, 3);
}

TEST_F(DeleteCommand, WhatIsDeletedIsWhatWasFound) {
  Add("20261120-h", v1::Handoff::SUCCEEDED);
  EXPECT_EQ(Run({"delete", "1120-h"}).exit, 0);
  ASSERT_EQ(coordinator_.deletes().size(), 1u);
  EXPECT_EQ(coordinator_.deletes()[0].id(), "20261120-h");
}

TEST_F(DeleteCommand, APurgeThatDoesNotAskTakesAWholeId) {
  Add("20261120-h", v1::Handoff::SUCCEEDED);
  for (const char* typed : {"1120-h", "20261120", "-"}) {
    const Said refused = Run({"delete", "--purge", "--yes", typed});
    EXPECT_EQ(refused.exit, 2) << typed;
    EXPECT_THAT(refused.err, HasSubstr("it takes a whole id")) << typed;
  }
  EXPECT_TRUE(coordinator_.deletes().empty());
}

TEST_F(DeleteCommand, TheFirstFailureIsTheAnswerAndNotTheLast) {
  Add("20261120-a", v1::Handoff::SUCCEEDED);
  const Said purge = Run({"delete", "--purge", "nobody", "20261120-a"});
  EXPECT_EQ(purge.exit, 3) << purge.err;
  EXPECT_THAT(purge.err, HasSubstr("--yes"));
  EXPECT_THAT(purge.err, HasSubstr("nobody"));
  const Said cancel = Run({"cancel", "nobody", "no id!"});
  EXPECT_EQ(cancel.exit, 3) << cancel.err;
  EXPECT_THAT(cancel.err, HasSubstr("no id!"));
}

TEST_F(DeleteCommand, AllAreTriedAndTheFirstFailureIsTheAnswer) {
  Add("20261120-a", v1::Handoff::SUCCEEDED);
  Add("20261120-b", v1::Handoff::SUCCEEDED);
  const Said said = Run({"delete", "20261120-a", "nobody", "20261120-b"});
  EXPECT_EQ(said.exit, 3);
  EXPECT_EQ(coordinator_.deletes().size(), 2u);
}

}  // namespace
}  // namespace handoff
