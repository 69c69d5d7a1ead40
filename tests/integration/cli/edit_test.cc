// handoff edit
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/handoff/document.h"
#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;

class EditCommand : public Command {
 protected:
  EditCommand() {
    v1::Handoff handoff;
    handoff.set_id("20261120-h");
    handoff.set_status(v1::Handoff::FAILED);
    handoff.set_agent("cursor");
    handoff.set_owner("alice");
    handoff.mutable_spec()->set_task("Fix it.");
    handoff.mutable_spec()->set_agent("cursor");
    handoff.set_reason("It broke.");
    handoff.add_attempts()->set_number(1);
    handoff.mutable_attempts(0)->set_state(v1::Attempt::FAILED);
    handoff.mutable_attempts(0)->mutable_started_at()->set_seconds(1700000000);
    coordinator_.Set(handoff);
  }

  // The editor is this script, with the file as $1.
  Said Edit(const std::string& script, const std::vector<std::string>& more = {}) const {
    const std::string editor = dir_.path() + "/editor";
    CHECK(WriteFileAtomically(editor, script).ok());
    std::vector<std::string> arguments = {"edit", "20261120-h"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    SpawnOptions options = Options(arguments);
    options.env.push_back(absl::StrCat("EDITOR=/bin/sh ", editor));
    const auto result = RunProcess(options, "", absl::Minutes(1));
    CHECK(result.ok());
    return {result->status.code, result->out, result->err};
  }
  std::string Shown() const { return Run({"show", "--md", "20261120-h"}).out; }
  std::string Kept(const std::string& name) const {
    const std::vector<std::string> left = LeftInTemp();
    CHECK(left.size() == 1);
    return absl::StrCat(dir_.path(), "/", left[0], "/", name);
  }
  // Somebody else writes that section meanwhile; the fake takes an edit of the newest only.
  std::string Meanwhile(const std::string& prompt) const {
    Document document = *Parse(Shown());
    document.resume_prompt = prompt;
    CHECK(WriteFileAtomically(dir_.path() + "/theirs.md", Render(document)).ok());
    return absl::StrCat("HANDOFF_CREDENTIALS=", authority_.UserDirectory("grace"), " ",
                        "HANDOFF_COORDINATOR=", coordinator_.address(), " ", HANDOFF_BIN_DIR,
                        "/handoff edit 20261120-h --file ", dir_.path(), "/theirs.md\n");
  }
};

constexpr char kMine[] =
    "sed -i 's/^Continue the delegated task below.$/Begin with the tests./' \"$1\"\n";

TEST_F(EditCommand, SendsWhatTheEditorChangedAndSaysWhatIsThePersonsNow) {
  const Said said = Edit(kMine);
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.out, IsEmpty());
  EXPECT_EQ(said.err,
            "20261120-h: yours from now on: Resume Prompt (edit 1)\n"
            "  the next attempt is started with it: handoff resume 20261120-h\n");
  ASSERT_EQ(coordinator_.edits().size(), 1u);
  EXPECT_EQ(coordinator_.edits()[0].version(), 0);
  EXPECT_THAT(Shown(), HasSubstr("\nBegin with the tests.\n\nOriginal task:\nFix it.\n"));
  EXPECT_THAT(LeftInTemp(), IsEmpty());
  // Emptied, it is given back.
  const Said back = Edit("sed -i '/^## Resume Prompt$/,/^## Headed/{/^##/!d}' \"$1\"\n");
  EXPECT_EQ(back.err, "20261120-h: written by handoff again: Resume Prompt (edit 2)\n");
  EXPECT_THAT(Shown(), HasSubstr("\nContinue the delegated task below.\n"));
}

TEST_F(EditCommand, WhatWasNotChangedIsNotSent) {
  const Said said = Edit("true\n");
  EXPECT_EQ(said.exit, 0);
  EXPECT_EQ(said.err, "20261120-h: nothing was changed, and nothing was sent\n");
  EXPECT_THAT(coordinator_.edits(), IsEmpty());
  EXPECT_THAT(LeftInTemp(), IsEmpty());
}

TEST_F(EditCommand, AnEditorThatFailedOrAFileThatIsNoneKeepsWhatWasWritten) {
  const Said failed = Edit(absl::StrCat(kMine, "exit 3\n"));
  EXPECT_EQ(failed.exit, 2);
  EXPECT_THAT(failed.err, HasSubstr("ended with an error. Your handoff.md is kept in "));
  EXPECT_THAT(*ReadFile(Kept("handoff.md")), HasSubstr("Begin with the tests."));
  const Said again = Run({"edit", "20261120-h", "--file", Kept("handoff.md")});
  EXPECT_EQ(again.exit, 0) << again.err;
  CHECK(RemoveTree(dir_.path() + "/" + LeftInTemp()[0]).ok());

  EXPECT_EQ(Edit("exit 3\n").exit, 2);
  EXPECT_THAT(LeftInTemp(), IsEmpty()) << "nothing was written that could be lost";
  const Said broken = Edit("echo gone > \"$1\"\n");
  EXPECT_EQ(broken.exit, 2);
  EXPECT_THAT(broken.err, HasSubstr("line 1"));
  EXPECT_EQ(LeftInTemp().size(), 1u);
}

TEST_F(EditCommand, FactsAreNobodysToChange) {
  const Said said = Edit("sed -i 's/^- Status: .*/- Status: succeeded/' \"$1\"\n");
  EXPECT_EQ(said.exit, 2);
  EXPECT_THAT(said.err, HasSubstr("the section 'Metadata' differs"));
  EXPECT_THAT(said.err, HasSubstr("Nothing was stored"));
  EXPECT_THAT(coordinator_.edits(), IsEmpty());
}

TEST_F(EditCommand, AfterAConflictBothLieThereAndTheSecondTryTakesItsPlace) {
  const Said said = Edit(absl::StrCat(kMine, Meanwhile("Grace's.")));
  EXPECT_EQ(said.exit, 6) << said.err;
  EXPECT_THAT(said.err, HasSubstr("grace changed the section 'Resume Prompt' meanwhile"));
  EXPECT_THAT(said.err,
              HasSubstr(absl::StrCat("then handoff edit 20261120-h --file ", Kept("handoff.md"))));
  EXPECT_THAT(*ReadFile(Kept("handoff.md")), HasSubstr("Begin with the tests."));
  EXPECT_THAT(*ReadFile(Kept("handoff.md.theirs")), HasSubstr("Grace's."));
  EXPECT_THAT(Shown(), HasSubstr("Grace's."));
  const Said again = Run({"edit", "20261120-h", "--file", Kept("handoff.md")});
  EXPECT_EQ(again.exit, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("yours from now on: Resume Prompt (edit 2)"));
  EXPECT_THAT(Shown(), HasSubstr("Begin with the tests."));
}

TEST_F(EditCommand, TakesTheDocumentFromAFileOrStandardInput) {
  Document document = *Parse(Shown());
  document.errors = "- Thread 7 hangs.";
  CHECK(WriteFileAtomically(dir_.path() + "/mine.md", Render(document)).ok());
  EXPECT_EQ(Run({"edit", "20261120-h", "--file", "mine.md"}).exit, 0);
  EXPECT_THAT(Shown(), HasSubstr("- Thread 7 hangs.\n"));
  document = *Parse(Shown());
  document.errors = "- Thread 8 hangs.";
  const Said piped = Run({"edit", "20261120-h", "--file", "-", "--json"}, Render(document));
  EXPECT_EQ(piped.exit, 0) << piped.err;
  EXPECT_THAT(piped.out, HasSubstr("\"editVersion\":2"));
  EXPECT_EQ(Run({"edit", "20261120-h", "--file", "absent.md"}).exit, 2);
  EXPECT_EQ(Run({"edit", "20261120-other", "--file", "mine.md"}).exit, 3);
}

TEST_F(EditCommand, WithoutATerminalAnEditorHasToBeNamed) {
  const Said said = Run({"edit", "20261120-h"});
  EXPECT_EQ(said.exit, 2);
  EXPECT_THAT(said.err, HasSubstr("there is no terminal for an editor"));
}

}  // namespace
}  // namespace handoff
