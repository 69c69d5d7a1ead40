// Completion in the shells themselves, asked of a coordinator.

#include "absl/strings/str_cat.h"
#include "common/text.h"
#include "tests/integration/cli/command.h"
#include "tests/integration/cli/pty.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::StartsWith;

// What an agent's task may hold that a shell could take for more than text.
constexpr char kHostile[] =
    "$(touch pwned) `touch pwned`; touch pwned\n'\"\\\t:files\x1b]0;x\x07 *${x} \xff";

constexpr char kPatient[] = "HANDOFF_COMPLETION_TIMEOUT=60s";

bool IsInstalled(const std::string& program) {
  return ::access(absl::StrCat("/usr/bin/", program).c_str(), X_OK) == 0;
}

class Completing : public Command {
 protected:
  Completing() {
    AddTask("20261120-live", v1::Handoff::RUNNING, kHostile);
    AddTask("20261119-done", v1::Handoff::FAILED, "Fix it");
    v1::Worker worker;
    worker.set_name("build-7");
    worker.set_reachable(true);
    worker.set_slots(4);
    worker.set_slots_used(1);
    worker.add_agents()->set_name("our-own");
    worker.add_agents()->set_name("$(touch pwned)");
    coordinator_.SetWorker(worker);
  }
  void AddTask(const std::string& id, v1::Handoff::Status status, const std::string& task) {
    v1::Handoff handoff;
    handoff.set_id(id);
    handoff.set_status(status);
    handoff.set_owner("alice");
    handoff.set_task(EscapeInvalidUtf8(task));
    coordinator_.Set(handoff);
  }
  SpawnOptions ShellOptions(const std::vector<std::string>& argv) const {
    SpawnOptions options = Options({});
    options.argv = argv;
    for (std::string& entry : options.env) {
      if (entry.find("PATH=") == 0)
        entry = absl::StrCat("PATH=", HANDOFF_BIN_DIR, ":/usr/bin:/bin");
    }
    options.env.push_back("TERM=xterm");
    options.env.push_back(kPatient);
    return options;
  }
  // On a machine that is busy.
  Said Complete(const std::vector<std::string>& words, const std::string& how = kPatient) const {
    SpawnOptions options = Options({"__complete"});
    options.argv.insert(options.argv.end(), words.begin(), words.end());
    options.env.push_back(how);
    const auto result = RunProcess(options, "", absl::Minutes(2));
    CHECK(result.ok());
    return {result->status.code, result->out, result->err};
  }
  // Types `line` and Tab at a prompt, and has the shell say the words of the command line that came
  // out.
  std::string Typed(const std::vector<std::string>& argv, const std::string& setup,
                    const std::string& line) const {
    Pty pty(40, 200);
    SpawnOptions options = ShellOptions(argv);
    options.fds = {{0, pty.slave()}, {1, pty.slave()}, {2, pty.slave()}};
    auto process = Subprocess::Spawn(options);
    CHECK(process.ok());
    pty.LeaveToChild();
    pty.Type(absl::StrCat(setup, "; printf 'rea%s' dy\r"));
    pty.ReadUntil("ready");
    pty.Type(absl::StrCat(line, "\t\x01printf '<%s>' \x05 end\r"));
    std::string screen = pty.ReadUntil("<end>");
    pty.Type("exit\r");
    process->Wait().IgnoreError();
    const size_t from = screen.rfind("<handoff>");
    return from == std::string::npos ? screen : screen.substr(from);
  }
  std::string InBash(const std::string& line) const {
    return Typed({"/bin/bash", "--norc", "--noprofile", "-i"},
                 "bind 'set enable-bracketed-paste off'; eval \"$(handoff completion bash)\"",
                 line);
  }
  std::string InZsh(const std::string& line) const {
    return Typed({"/usr/bin/zsh", "-f", "-i"},
                 "unset zle_bracketed_paste; autoload -U compinit; compinit -u -D; bindkey -e; "
                 "setopt no_beep; zstyle ':completion:*' insert-tab false; eval \"$(handoff "
                 "completion zsh)\"",
                 line);
  }
  std::string InFish(const std::string& line) const {
    SpawnOptions options =
        ShellOptions({"/usr/bin/fish", "--no-config", "-c",
                      absl::StrCat("handoff completion fish | source; complete -C '", line, "'")});
    const auto result = RunProcess(options, "", absl::Minutes(1));
    CHECK(result.ok());
    EXPECT_EQ(result->err, "");
    return result->out;
  }
  bool WasExecuted() const { return ::access((dir_.path() + "/pwned").c_str(), F_OK) == 0; }
};

TEST_F(Completing, TheProgramSaysWhatTheShellIsToDo) {
  EXPECT_EQ(Complete({"wait", "2026"}).out,
            "words\n20261120-live\trunning: $(touch pwned) `touch pwned`; touch pwned '\"\\ :files "
            "*${x} \\xff\n");
  EXPECT_EQ(Complete({"submit", "--on", ""}).out, "words\nbuild-7\t3 of 4 slots free\n");
  EXPECT_EQ(Complete({"submit", "--agent", "our"}).out, "words\nour-own\toffered by build-7\n");
  EXPECT_EQ(Complete({"submit", "--file", ""}).out, "files\n");
  EXPECT_EQ(Complete({"submit", "--", ""}).out, "command 2\n");
  EXPECT_EQ(Complete({"resume", "2026"}).out, "words\n20261119-done\tfailed: Fix it\n");
  EXPECT_EQ(Complete({"resume", "live"}).out.substr(0, 19), "words\n20261120-live")
      << "whoever typed a part of it knows";
  EXPECT_THAT(Run({"--help"}).out, Not(HasSubstr("__complete")));
}

TEST_F(Completing, AnotherPersonsIsOfferedWhenNoneOfMineFits) {
  v1::Handoff handoff;
  handoff.set_id("20261118-bobs");
  handoff.set_status(v1::Handoff::RUNNING);
  handoff.set_owner("bob");
  coordinator_.Set(handoff);
  EXPECT_EQ(Complete({"show", "bobs"}).out, "words\n20261118-bobs\trunning:\n");
}

TEST_F(Completing, WithoutAPoolThereIsLessAndNoError) {
  for (const std::vector<std::string>& typed :
       std::vector<std::vector<std::string>>{{"--coordinator", "127.0.0.1:1", "wait", ""},
                                             {"--coordinator", "nonsense", "wait", ""}}) {
    const Said said = Complete(typed);
    EXPECT_EQ(said.exit, 0);
    EXPECT_EQ(said.out, "words\n");
    EXPECT_EQ(said.err, "");
  }
  const auto stranger = RunProcess(OptionsOfStranger({"__complete", "submit", "--agent", "cl"}), "",
                                   absl::Minutes(1));
  ASSERT_TRUE(stranger.ok());
  EXPECT_EQ(stranger->out, "words\nclaude\n");
  EXPECT_EQ(stranger->err, "");
}

// Whoever presses the key does not wait for what hangs.
TEST_F(Completing, APoolThatDoesNotAnswerIsNotAwaited) {
  coordinator_.held().Begin();
  const Said said = Complete({"wait", ""}, "HANDOFF_COMPLETION_TIMEOUT=1s");
  EXPECT_EQ(said.exit, 0);
  EXPECT_EQ(said.out, "words\n");
  EXPECT_EQ(said.err, "");
  EXPECT_TRUE(coordinator_.held().AllLeftEarly());
}

TEST_F(Completing, InBash) {
  EXPECT_THAT(InBash("handoff wait 2026"), StartsWith("<handoff><wait><20261120-live><end>"));
  EXPECT_THAT(InBash("handoff submit --from=wor"),
              StartsWith("<handoff><submit><--from=worktree><end>"));
  EXPECT_THAT(InBash("handoff submit --on=7"), StartsWith("<handoff><submit><--on=build-7><end>"));
  EXPECT_THAT(InBash("handoff work"), StartsWith("<handoff><worker><end>"));
  EXPECT_FALSE(WasExecuted());
}

TEST_F(Completing, InBashFilesAndCommandsAreItsOwn) {
  CHECK(WriteFileAtomically(dir_.path() + "/my task.md", "x").ok());
  EXPECT_THAT(InBash("handoff submit --file my"),
              StartsWith("<handoff><submit><--file><my task.md><end>"));
  EXPECT_THAT(InBash("handoff submit --file=my"),
              StartsWith("<handoff><submit><--file=my task.md><end>"));
  EXPECT_THAT(InBash("handoff submit -- handoff-wor"),
              StartsWith("<handoff><submit><--><handoff-worker><end>"));
  EXPECT_THAT(InBash("handoff submit -- cat my"),
              StartsWith("<handoff><submit><--><cat><my task.md><end>"));
}

TEST_F(Completing, InZsh) {
  if (!IsInstalled("zsh")) GTEST_SKIP() << "zsh is not installed";
  EXPECT_THAT(InZsh("handoff wait 2026"), StartsWith("<handoff><wait><20261120-live><end>"));
  EXPECT_THAT(InZsh("handoff submit --from=wor"),
              StartsWith("<handoff><submit><--from=worktree><end>"));
  EXPECT_THAT(InZsh("handoff work"), StartsWith("<handoff><worker><end>"));
  // Of several what they have in common.
  EXPECT_THAT(InZsh("handoff show 2026"), StartsWith("<handoff><show><202611><end>"));
  CHECK(WriteFileAtomically(dir_.path() + "/task.md", "x").ok());
  EXPECT_THAT(InZsh("handoff submit --file=ta"),
              StartsWith("<handoff><submit><--file=task.md><end>"));
  EXPECT_THAT(InZsh("handoff submit -- cat ta"),
              StartsWith("<handoff><submit><--><cat><task.md><end>"));
  EXPECT_FALSE(WasExecuted());
}

TEST_F(Completing, InFish) {
  if (!IsInstalled("fish")) GTEST_SKIP() << "fish is not installed";
  EXPECT_THAT(InFish("handoff wait 2026"),
              AllOf(StartsWith("20261120-live\trunning: $(touch pwned)"), Not(HasSubstr("\x1b"))));
  EXPECT_EQ(InFish("handoff submit --from=wor"), "--from=worktree\n");
  EXPECT_THAT(InFish("handoff work"), StartsWith("worker\t"));
  CHECK(WriteFileAtomically(dir_.path() + "/task.md", "x").ok());
  EXPECT_THAT(InFish("handoff submit --file ta"), StartsWith("task.md"));
  EXPECT_THAT(InFish("handoff submit --file=ta"), StartsWith("--file=task.md"));
  EXPECT_THAT(InFish("handoff submit -- cat ta"), StartsWith("task.md"));
  EXPECT_FALSE(WasExecuted());
}

}  // namespace
}  // namespace handoff
