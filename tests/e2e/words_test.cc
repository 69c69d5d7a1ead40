// What the command says to a person about a pool: true, and no more than that.

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A command that says when it runs and then waits.
std::string Waiting(const Gate& said, const Gate& gate) {
  return absl::StrCat("echo >", said.path(), "\ncat ", gate.path(), "\n");
}

// `handoff ARGS…` with one of its outputs a terminal and the other a file.
struct Shown {
  std::string terminal, file;
};
Shown OnTerminal(const Pool& pool, const std::vector<std::string>& args, int terminal_fd) {
  const UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  EXPECT_EQ(::grantpt(master.get()), 0);
  EXPECT_EQ(::unlockpt(master.get()), 0);
  UniqueFd slave(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  const std::string path = pool.path("shown");
  UniqueFd file(::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600));
  SpawnOptions options;
  options.argv = {Program("handoff")};
  options.argv.insert(options.argv.end(), args.begin(), args.end());
  options.env = {"PATH=/usr/bin:/bin",
                 "TERM=xterm",
                 "USER=tester",
                 absl::StrCat("HOME=", pool.path("home")),
                 absl::StrCat("HANDOFF_COORDINATOR=", pool.address()),
                 absl::StrCat("HANDOFF_CREDENTIALS=", pool.credentials())};
  options.cwd = pool.dir();
  options.fds = {{terminal_fd, slave.get()}, {terminal_fd == 1 ? 2 : 1, file.get()}};
  auto child = Subprocess::Spawn(options);
  EXPECT_TRUE(child.ok()) << child.status();
  slave.Reset();
  Shown shown;
  char chunk[4096];
  // The last writer that goes away ends it with EIO.
  for (ssize_t n = 0; (n = ::read(master.get(), chunk, sizeof(chunk))) > 0;) {
    shown.terminal.append(chunk, static_cast<size_t>(n));
  }
  EXPECT_TRUE(child->Wait().ok());
  shown.file = *ReadFile(path);
  return shown;
}

TEST(Words, ADrainedWorkerIsShownWithWhatStillRunsThere) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  Gate said(pool.path("said")), gate(pool.path("gate"));
  const std::string id = pool.Submit({"--agent", "command", Waiting(said, gate)});
  said.Await();
  EXPECT_THAT(pool.Handoff({"worker", "drain", "a"}).err,
              HasSubstr("a gets nothing new; 1 still running"));
  EXPECT_THAT(pool.Handoff({"worker", "drain", "a", "--json"}).out,
              AllOf(HasSubstr(absl::StrCat("\"attempts\":[\"", id, "/1\"]")),
                    HasSubstr("\"reachable\":true"), HasSubstr("\"slotsUsed\":1")));
  gate.Open();
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0);
}

TEST(Words, OfASilentWorkerAndWhatItHoldsWhenItIsRemoved) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  Gate said(pool.path("said")), gate(pool.path("gate"));
  const std::string once = pool.path("once");
  const std::string id = pool.Submit(
      {"--agent", "command",
       absl::StrCat("[ -e ", once, " ] && exit\ntouch ", once, "\n", Waiting(said, gate))});
  said.Await();
  pool.Kill("a", SIGKILL);
  // It has heard of nobody since its start.
  pool.Kill("coordinator", SIGTERM);
  pool.StartCoordinator();
  EXPECT_THAT(pool.Handoff({"list"}).out, AllOf(HasSubstr("The worker is silent; given away in "),
                                                HasSubstr(" unless it comes back.")));
  const CommandResult removed = pool.Handoff({"worker", "remove", "a"});
  EXPECT_EQ(removed.exit_code, 0);
  EXPECT_THAT(removed.err, AllOf(HasSubstr("a is forgotten, and not let in"),
                                 HasSubstr(absl::StrCat(id, "/1 stays leased to it until "))));
  gate.Open();
  pool.StartWorker("b", 1);
  EXPECT_EQ(pool.Handoff({"resume", id, "--now"}).exit_code, 0);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0);
}

TEST(Words, NobodyCanTakeItIsSaidWhereAPersonLooks) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const std::string id = pool.Submit({"--agent", "command", "--on", "nobody", "--", "/bin/true"});
  const std::string why = "It asks for worker nobody, and no worker of this pool has that name.";
  EXPECT_THAT(pool.Handoff({"show", id}).out, HasSubstr(why));
  EXPECT_THAT(pool.Handoff({"show", id, "--json"}).out, HasSubstr(why));
  EXPECT_THAT(pool.Handoff({"wait", id, "--timeout", "1s"}).err,
              HasSubstr(absl::StrCat(id, ": queued: ", why)));
  EXPECT_EQ(pool.Handoff({"cancel", id}).exit_code, 0);
  EXPECT_THAT(pool.Handoff({"resume", id, "--on", "none"}).err,
              HasSubstr("It asks for worker none, and no worker of this pool has that name."));
  // What a resume asked for held for that resume; the submit's wish holds again.
  EXPECT_EQ(pool.Handoff({"cancel", id}).exit_code, 0);
  EXPECT_THAT(pool.Handoff({"resume", id}).err, HasSubstr(why));
}

TEST(Words, ASubmitToAnIdlePoolSaysNothingOfWaiting) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const Shown idle =
      OnTerminal(pool, {"submit", "--agent", "command", "--id", "given", "--", "/bin/true"}, 2);
  EXPECT_THAT(idle.terminal, AllOf(HasSubstr("given"), Not(HasSubstr("not taken it up"))));
  const Shown stuck =
      OnTerminal(pool, {"submit", "--agent", "command", "--on", "nobody", "--", "/bin/true"}, 2);
  EXPECT_THAT(stuck.terminal, HasSubstr("It asks for worker nobody"));
}

TEST(Words, NothingIsColouredInAFileThatIsNotTheTerminal) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const Shown failed =
      OnTerminal(pool, {"submit", "--wait", "--agent", "command", "--", "/bin/false"}, 1);
  EXPECT_THAT(failed.file, AllOf(HasSubstr(": failed"), Not(HasSubstr("\x1b"))));
  const Shown seen =
      OnTerminal(pool, {"submit", "--wait", "--agent", "command", "--", "/bin/false"}, 2);
  EXPECT_THAT(seen.terminal, HasSubstr("\x1b[31mfailed"));
}

TEST(Words, AnAgentThatNobodyKnowsIsRefusedBeforeAnythingIsSent) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const std::string repository = pool.MakeRepository("repository");
  const CommandResult refused = pool.Handoff({"submit", "--agent", "cursr", "do it"}, repository);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_EQ(
      refused.err,
      "handoff: no agent is called 'cursr'; there are cursor, claude, codex, gemini, opencode, "
      "copilot, qwen, command; nothing was handed over\n");
  const std::string id = pool.Submit({"--agent", "command", "true"}, repository);
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0);
  const CommandResult resumed = pool.Handoff({"resume", id, "--agent", "cursr"});
  EXPECT_EQ(resumed.exit_code, 2);
  EXPECT_THAT(resumed.err, HasSubstr("no agent is called 'cursr'; there are cursor, claude, codex, "
                                     "gemini, opencode, copilot, qwen, command"));
}

TEST(Words, APartThatSeveralHaveCancelsNothing) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const std::string first =
      pool.Submit({"--agent", "command", "--id", "say-hi", "--", "/bin/true"});
  EXPECT_EQ(pool.Handoff({"wait", first}).exit_code, 0);
  const std::string second =
      pool.Submit({"--agent", "command", "--id", "say-hi-2", "--on", "nobody", "--", "/bin/true"});
  EXPECT_THAT(pool.Handoff({"show", "hi"}).out, HasSubstr("queued  say-hi-2"));
  const CommandResult refused = pool.Handoff({"cancel", "hi"});
  EXPECT_EQ(refused.exit_code, 6);
  EXPECT_THAT(refused.err, HasSubstr("hi names more than one handoff: say-hi-2, say-hi"));
  EXPECT_EQ(pool.Handoff({"resume", "hi"}).exit_code, 6);
  EXPECT_EQ(pool.Handoff({"cancel", "hi-2"}).exit_code, 0);
}

TEST(Words, AnEndedCommandIsShownWithItsLastLineTimeAndExit) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  const std::string id = pool.Submit({"--agent", "command", "echo first\necho the last\nexit 3\n"});
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 1);
  const std::string shown = pool.Handoff({"show", id}).out;
  EXPECT_THAT(shown, ::testing::ContainsRegex("Took +[0-9]+ m?s, ended [0-9]+ m?s ago, exit 3\n"));
  EXPECT_THAT(shown, ::testing::ContainsRegex("Said +the last\n"));
}

TEST(Words, TheDoctorGoesOnWithoutTheWorkerThatIsNotThere) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1, {}, "[agents.cursor]\nbinary = \"/nowhere/cursor-agent\"\n");
  const CommandResult missing = pool.Handoff({"doctor", "--worker", "zz"});
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_THAT(missing.out, AllOf(HasSubstr("ok       coordinator: answers at "),
                                 HasSubstr("problem  workers: there is no worker zz")));
  const CommandResult agent = pool.Handoff({"doctor"});
  EXPECT_THAT(agent.out,
              AllOf(HasSubstr("note     a: cursor is missing"), Not(HasSubstr("repository: "))));
  EXPECT_THAT(pool.Handoff({"doctor"}, pool.MakeRepository("repository")).out,
              HasSubstr("ok       repository: a submit would send "));
  EXPECT_EQ(pool.Handoff({"worker", "drain", "a"}).exit_code, 0);
  EXPECT_THAT(pool.Handoff({"doctor"}).out,
              AllOf(HasSubstr("note     a: is draining"), Not(HasSubstr("slots free"))));
  pool.Kill("coordinator", SIGTERM);
  EXPECT_THAT(pool.Handoff({"doctor"}).out,
              AllOf(HasSubstr("problem  coordinator: "), Not(HasSubstr("looks closer"))));
}

// handoff-worker with `args`, which does not come up.
CommandResult Worker(const std::vector<std::string>& args) {
  SpawnOptions options;
  options.argv = {Program("handoff-worker")};
  options.argv.insert(options.argv.end(), args.begin(), args.end());
  options.env = {"PATH=/usr/bin:/bin"};
  const auto result = RunProcess(options, "", absl::Minutes(1));
  EXPECT_TRUE(result.ok() && !result->timed_out);
  return {result->status.code, result->out, result->err};
}

TEST(Words, AWorkerIsToldWhatIsWrongWithItsFlags) {
  Pool pool;
  pool.StartCoordinator();
  const CommandResult nowhere =
      Worker({"--data-dir", pool.path("w"), "--coordinator", "foo", "--name", "w"});
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_THAT(nowhere.err, StartsWith("handoff-worker: --coordinator: address 'foo' "));
  const CommandResult shared = Worker(
      {"--data-dir", pool.path("coordinator"), "--coordinator", pool.address(), "--name", "w"});
  EXPECT_NE(shared.exit_code, 0);
  EXPECT_THAT(shared.err, AllOf(HasSubstr("/coordinator is the data directory of a coordinator."),
                                Not(HasSubstr("another worker"))));
}

}  // namespace
}  // namespace handoff::e2e
