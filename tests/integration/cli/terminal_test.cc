// What depends on a terminal: colour, wrapping, rows, and the editor.

#include <signal.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cli/text/table.h"
#include "tests/integration/cli/command.h"
#include "tests/integration/cli/pty.h"

namespace handoff {
namespace {

class AtTerminal : public Command {
 protected:
  SpawnOptions OptionsWith(const std::vector<std::string>& arguments,
                           std::vector<std::pair<int, int>> fds) const {
    SpawnOptions options = Options(arguments);
    options.env.push_back("TERM=xterm");
    options.fds = std::move(fds);
    return options;
  }

  struct Edited {
    int exit = -1;
    std::string err;
  };
  // `submit` with what an editor's script does to the file "$1".
  Edited SubmitWithEditor(const std::string& script, std::vector<std::string> flags = {}) const {
    const std::string editor = dir_.path() + "/editor";
    CHECK(WriteFileAtomically(editor, script).ok());
    Pty pty(24, 4000);
    flags.insert(flags.begin(), "submit");
    SpawnOptions options = OptionsWith(flags, {{0, pty.slave()}, {2, pty.slave()}});
    options.env.push_back(absl::StrCat("EDITOR=/bin/sh ", editor));
    auto process = Subprocess::Spawn(options);
    CHECK(process.ok());
    pty.LeaveToChild();
    Edited edited;
    edited.err = pty.ReadAll();
    edited.exit = process->Wait()->code;
    return edited;
  }
  bool Opened() const { return PathExists(dir_.path() + "/opened"); }

  static constexpr absl::string_view kWrites =
      "touch opened; printf 'Fix it.\\n# a heading of mine\\nNow.\\n\\n# dropped\\n' > \"$1\"\n";
};

TEST_F(AtTerminal, ColourIsForTheStreamThatIsATerminal) {
  Add("20261120-h", v1::Handoff::CANCELLED);
  Pty pty(24, 80);
  auto pipe = MakePipe();
  auto to_file = Subprocess::Spawn(
      OptionsWith({"cancel", "20261120-h"}, {{1, pty.slave()}, {2, pipe->second.get()}}));
  pipe->second.Reset();
  const std::string err = ReadToEnd(pipe->first.get());
  EXPECT_EQ(to_file->Wait()->code, 0);
  EXPECT_THAT(err, HasSubstr("20261120-h: "));
  EXPECT_THAT(err, Not(HasSubstr("\x1b")));
  auto to_terminal = Subprocess::Spawn(OptionsWith({"cancel", "20261120-h"}, {{2, pty.slave()}}));
  pty.LeaveToChild();
  EXPECT_THAT(pty.ReadAll(), HasSubstr("20261120-h: \x1b["));
  EXPECT_EQ(to_terminal->Wait()->code, 0);
}

TEST_F(AtTerminal, TheVerdictOfASubmitIsColouredForStderrToo) {
  const std::vector<std::string> submit = {"submit", "--idempotency-key", "k", "--", "true"};
  const std::string id(absl::StripSuffix(Run(submit).out, "\n"));
  Add(id, v1::Handoff::CANCELLED);
  std::vector<std::string> waits = submit;
  waits.insert(waits.begin() + 1, "--wait");
  Pty pty(24, 80);
  auto pipe = MakePipe();
  auto process = Subprocess::Spawn(OptionsWith(waits, {{1, pty.slave()}, {2, pipe->second.get()}}));
  pipe->second.Reset();
  std::string err;
  char c;
  while (::read(pipe->first.get(), &c, 1) == 1) err.push_back(c);
  EXPECT_EQ(process->Wait()->code, 7);
  EXPECT_THAT(err, HasSubstr(absl::StrCat(id, ": cancelled")));
}

TEST_F(AtTerminal, SentencesBreakBetweenWords) {
  const Said plain = Run({"frobnicate"});
  Pty pty(24, 30);
  auto process = Subprocess::Spawn(OptionsWith({"frobnicate"}, {{2, pty.slave()}}));
  pty.LeaveToChild();
  const std::string screen = pty.ReadAll();
  EXPECT_EQ(process->Wait()->code, 2);
  const std::vector<std::string> lines = absl::StrSplit(absl::StripSuffix(screen, "\n"), '\n');
  EXPECT_GT(lines.size(), 1u);
  for (const std::string& line : lines) EXPECT_LE(DisplayWidth(line), 30);
  EXPECT_EQ(absl::StrReplaceAll(absl::StripSuffix(screen, "\n"), {{"\n", " "}}),
            absl::StripSuffix(plain.err, "\n"));
}

TEST_F(AtTerminal, AWatchedListIsCutToTheScreen) {
  for (int i = 0; i < 10; ++i) Add(absl::StrCat("20261120-h", i), v1::Handoff::RUNNING);
  Pty pty(6, 80);
  auto process =
      Subprocess::Spawn(OptionsWith({"list", "--watch"}, {{1, pty.slave()}, {2, pty.slave()}}));
  pty.LeaveToChild();
  const std::string screen = pty.ReadUntil("more\n");
  EXPECT_THAT(screen, HasSubstr("20261120-h2"));
  EXPECT_THAT(screen, Not(HasSubstr("20261120-h3")));
  EXPECT_THAT(screen, HasSubstr("… 7 more\n"));
  process->Signal(SIGINT);
  EXPECT_EQ(process->Wait()->code, 130);
}

TEST_F(AtTerminal, TheTaskIsWhatTheEditorLeavesWithoutTheTemplate) {
  const Edited edited =
      SubmitWithEditor(std::string(kWrites), {"--repo", "https://localhost/r.git"});
  EXPECT_EQ(edited.exit, 0) << edited.err;
  ASSERT_EQ(coordinator_.submits().size(), 1u);
  EXPECT_EQ(coordinator_.submits()[0].spec().task(), "Fix it.\n# a heading of mine\nNow.\n");
  EXPECT_THAT(LeftInTemp(), IsEmpty());
}

TEST_F(AtTerminal, TheEditorIsNotOpenedForASubmitThatCannotBe) {
  const Edited flag = SubmitWithEditor(std::string(kWrites), {"--timeout", "xx"});
  EXPECT_EQ(flag.exit, 2) << flag.err;
  EXPECT_FALSE(Opened());
  const Edited source = SubmitWithEditor(std::string(kWrites), {"--repo", "./absent"});
  EXPECT_EQ(source.exit, 2) << source.err;
  EXPECT_FALSE(Opened());
  const Edited away = SubmitWithEditor(std::string(kWrites), {"--coordinator", "127.0.0.1:1"});
  EXPECT_EQ(away.exit, 4) << away.err;
  EXPECT_FALSE(Opened());
}

TEST_F(AtTerminal, ATaskThatCannotBeHandedOverIsKept) {
  // No repository here, which only the snapshot finds.
  const Edited edited = SubmitWithEditor(std::string(kWrites));
  EXPECT_EQ(edited.exit, 2) << edited.err;
  EXPECT_TRUE(Opened());
  const std::vector<std::string> left = LeftInTemp();
  ASSERT_EQ(left.size(), 1u);
  const std::string kept = absl::StrCat(dir_.path(), "/", left[0], "/TASK.md");
  EXPECT_THAT(edited.err, HasSubstr(absl::StrCat("Your task is kept in ", kept,
                                                 ": handoff submit --file ", kept)));
  EXPECT_EQ(*ReadFile(kept), "Fix it.\n# a heading of mine\nNow.\n");
}

TEST_F(AtTerminal, CtrlCInTheEditorIsTheEditors) {
  // A shell may stand between. It waits until
  // the signal, bit 1 of the pending ones, was taken.
  const Edited edited = SubmitWithEditor(
      absl::StrCat("pid=$PPID\n[ \"$(cat /proc/$pid/comm)\" = handoff ] || "
                   "pid=$(awk '/^PPid/ { print $2 }' /proc/$pid/status)\n"
                   "kill -INT $pid\n"
                   "while grep -q '^ShdPnd.*[2367abef]$' /proc/$pid/status; do :; done\n",
                   kWrites),
      {"--repo", "https://localhost/r.git"});
  EXPECT_EQ(edited.exit, 0) << edited.err;
  EXPECT_EQ(coordinator_.submits().size(), 1u);
}

}  // namespace
}  // namespace handoff
