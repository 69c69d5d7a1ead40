// What stands on stdout, what on stderr, and the exit status.

#include "tests/integration/cli/command.h"

#include <signal.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/text.h"

namespace handoff {
namespace {

TEST_F(Command, SubmitPrintsTheIdAlone) {
  const Said said = Run({"submit", "--agent", "command", "--", "make", "-j8", "test"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(said.out, "20261120-h1\n");
  ASSERT_EQ(coordinator_.submits().size(), 1u);
  const v1::HandoffSpec spec = coordinator_.submits()[0].spec();
  EXPECT_EQ(spec.argv_size(), 3);
  EXPECT_EQ(spec.task(), "make -j8 test");
}

TEST_F(Command, ALostAnswerDoesNotSubmitTwice) {
  coordinator_.LoseAnswers(2);
  const Said said = Run({"submit", "--", "true"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(said.out, "20261120-h1\n");
  ASSERT_EQ(coordinator_.submits().size(), 3u);
  EXPECT_EQ(coordinator_.submits()[0].SerializeAsString(),
            coordinator_.submits()[2].SerializeAsString());
  EXPECT_THAT(said.err, Not(HasSubstr("asks for the same"))) << "it is this one";
}

TEST_F(Command, TheTaskComesFromArgumentFileOrStandardInput) {
  CHECK(WriteFileAtomically(dir_.path() + "/task.md", "From a file.\n").ok());
  EXPECT_EQ(Run({"submit", "--agent", "command", "As argument."}).exit, 0);
  EXPECT_EQ(Run({"submit", "--agent", "command", "--file", "task.md"}).exit, 0);
  EXPECT_EQ(Run({"submit", "--agent", "command", "-"}, "From input.\n").exit, 0);
  const auto submits = coordinator_.submits();
  ASSERT_EQ(submits.size(), 3u);
  EXPECT_EQ(submits[0].spec().task(), "As argument.");
  EXPECT_EQ(submits[1].spec().task(), "From a file.\n");
  EXPECT_EQ(submits[2].spec().task(), "From input.\n");
}

// Each is refused here, with one sentence, before the coordinator hears of it.
TEST_F(Command, NonsenseIsRefusedBeforeAnythingIsSent) {
  const std::string huge(5 << 20, 'x');
  CHECK(WriteFileAtomically(dir_.path() + "/huge", huge).ok());
  const std::vector<std::pair<std::vector<std::string>, int>> table = {
      {{"submit", ""}, 2},
      {{"submit", " \n"}, 2},
      {{"submit"}, 2},
      {{"submit", "--file", "huge"}, 2},
      {{"submit", "--file", "absent"}, 2},
      {{"submit", "two", "words"}, 2},
      {{"submit", "x", "--id", "../x"}, 2},
      {{"submit", "x", "--label", "a=b\nc"}, 2},
      {{"submit", "x", "--label", "a"}, 2},
      {{"submit", "x", "--timeout", "-1"}, 2},
      {{"submit", "x", "--model", "--help"}, 2},
      {{"submit", "x", "--from", "nowhere"}, 2},
      {{"submit", "x", "--priority", "many"}, 2},
      {{"submit", "x", "--retries", "-1"}, 2},
      {{"submit", "x", "--env", "LD_PRELOAD=x"}, 2},
      {{"submit", "x", "--ref", "main"}, 2},
      {{"submit", "x", "--unknown"}, 2},
      {{"submit", "x", "--check", ""}, 2},
      {{"submit", "x", "--check-retries", "1"}, 2},
      {{"submit", "--"}, 2},
      {{"submit", "--agent", "cursor", "--", "true"}, 2},
      {{"show", "../x"}, 2},
      {{"logs", "A B"}, 2},
      {{"logs", "x", "--attempt", "-1"}, 2},
      {{"wait"}, 2},
      {{"wait", "x", "--timeout", "soon"}, 2},
      {{"list", "--status", "dancing"}, 2},
      {{"list", "--limit", "-3"}, 2},
      {{"worker"}, 2},
      {{"worker", "show", "a b"}, 2},
      {{"resume", "x", "--on", "a b"}, 2},
      {{"frobnicate"}, 2},
      {{"--frobnicate"}, 2},
      {{}, 2},
  };
  for (const auto& [arguments, exit] : table) {
    SCOPED_TRACE(absl::StrCat("handoff ", ShellJoin(arguments)));
    const Said said = Run(arguments);
    EXPECT_EQ(said.exit, exit) << said.err;
    EXPECT_THAT(said.out, IsEmpty());
    EXPECT_THAT(said.err, Not(IsEmpty()));
  }
  EXPECT_EQ(coordinator_.calls(), 0);
  EXPECT_THAT(LeftInTemp(), IsEmpty());
}

// "--check=$NONE --private" is not public.
TEST_F(Command, AnEmptyValueBehindItsFlagDoesNotTakeTheNextWord) {
  const std::vector<std::string> command = {"--", "echo", "--x="};
  const auto submit = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), "submit");
    flags.insert(flags.end(), command.begin(), command.end());
    return Run(flags);
  };
  EXPECT_EQ(submit({"--idempotency-key=", "--private"}).exit, 0);
  ASSERT_EQ(coordinator_.submits().size(), 1u);
  const v1::HandoffSpec spec = coordinator_.submits()[0].spec();
  EXPECT_TRUE(spec.private_());
  EXPECT_THAT(spec.idempotency_key(), ::testing::StartsWith("submit-"))
      << "one of the command's own";
  EXPECT_EQ(spec.argv(1), "--x=") << "what is run is left alone";
  EXPECT_EQ(submit({"--id=", "--dry-run"}).exit, 0);
  const Said flag = submit({"--private="});
  EXPECT_EQ(flag.exit, 2);
  EXPECT_THAT(flag.err, HasSubstr("--private takes no value"));
  EXPECT_EQ(submit({"--check=", "--private"}).exit, 2);
  for (const char* value : {"--timeout=", "--retries=", "--on="}) {
    const Said empty = submit({value, "--dry-run"});
    EXPECT_EQ(empty.exit, 2) << value;
    EXPECT_THAT(empty.err, HasSubstr("has an empty value. Nothing was done")) << value;
  }
  EXPECT_EQ(Run({"show", "--md", "--coordinator=", "x"}).exit, 3) << "the id is no address";
  EXPECT_EQ(coordinator_.submits().size(), 1u);
}

TEST_F(Command, WhereThereIsNothingToWorkOnNothingIsSubmitted) {
  const Said said = Run({"submit", "Fix it"});
  EXPECT_EQ(said.exit, 2) << said.err;
  EXPECT_THAT(said.err, HasSubstr("no git repository"));
  EXPECT_THAT(coordinator_.submits(), IsEmpty());
  EXPECT_EQ(Run({"submit", "x", "--repo", "./absent"}).exit, 2);
  EXPECT_EQ(Run({"submit", "x", "--repo", "ext::sh -c id"}).exit, 2);
  EXPECT_EQ(Run({"submit", "x", "--repo", "https://localhost/r", "--ref", "a b"}).exit, 2);
  EXPECT_THAT(coordinator_.submits(), IsEmpty());
  EXPECT_THAT(LeftInTemp(), IsEmpty());
}

// A partial clone, or damage: that a command can do without a repository must not hide it.
TEST_F(Command, ARepositoryWithMissingObjectsIsNotTakenForNone) {
  MakeRepository("https://localhost/app");
  Git({"remote", "remove", "origin"});
  CommitFile();
  const std::string blob = Git({"rev-parse", "HEAD:a"});
  CHECK(RemoveTree(absl::StrCat(dir_.path(), "/.git/objects/", blob.substr(0, 2))).ok());
  const Said said = Run({"submit", "--agent", "command", "--", "true"});
  EXPECT_EQ(said.exit, 10) << said.err;
  EXPECT_THAT(said.err, HasSubstr("objects are missing here"));
  EXPECT_THAT(coordinator_.submits(), IsEmpty());
}

// 4 and 6 are the coordinator's: a script that waits for it would do so in vain.
TEST_F(Command, WhatTheRepositoryHereLacksIsNotBlamedOnTheCoordinator) {
  MakeRepository("http://127.0.0.1:1/app.git");
  const Said empty = Run({"submit", "Fix it"});
  EXPECT_EQ(empty.exit, 2) << empty.err;
  EXPECT_THAT(empty.err, HasSubstr("no commit yet"));
  CommitFile();
  const Said offline = Run({"submit", "Fix it", "--from", "pushed"});
  EXPECT_EQ(offline.exit, 10) << offline.err;
  EXPECT_THAT(offline.err, HasSubstr("origin could not be asked"));
  EXPECT_THAT(coordinator_.submits(), IsEmpty());
}

TEST_F(Command, ARemoteRepositoryIsFetchedByTheWorker) {
  const Said said = Run({"submit", "x", "--repo", "https://localhost/r.git", "--ref", "main"});
  EXPECT_EQ(said.exit, 0) << said.err;
  const v1::Repository repository = coordinator_.submits()[0].spec().repository();
  EXPECT_EQ(repository.url(), "https://localhost/r.git");
  EXPECT_EQ(repository.ref(), "main");
  EXPECT_EQ(repository.commit(), "");
}

TEST_F(Command, TheLastOneIsOfThisRepositoryAlone) {
  MakeRepository("https://localhost/app");
  AddIn("20261120-here", "https://localhost/app", 1000);
  AddIn("20261120-infra", "https://localhost/app-infra", 2000);
  const Said said = Run({"show", "-", "--json"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.out, HasSubstr("\"20261120-here\""));
}

TEST_F(Command, WhereNothingWasHandedOverThereIsNoLastOne) {
  MakeRepository("https://localhost/app");
  AddIn("20261120-infra", "https://localhost/app-infra", 2000);
  const Said said = Run({"cancel", "-"});
  EXPECT_EQ(said.exit, 3) << said.err;
  EXPECT_THAT(said.err, HasSubstr("from this repository"));
}

TEST_F(Command, WaitSaysByItsExitStatusHowItEnded) {
  Add("20261120-good", v1::Handoff::SUCCEEDED);
  Add("20261120-bad", v1::Handoff::FAILED, v1::Failure::AGENT_ERROR);
  Add("20261120-late", v1::Handoff::FAILED, v1::Failure::TIMED_OUT);
  Add("20261120-gone", v1::Handoff::CANCELLED);
  Add("20261120-asks", v1::Handoff::WAITING);
  EXPECT_EQ(Run({"wait", "good"}).exit, 0);
  EXPECT_EQ(Run({"wait", "bad"}).exit, 1);
  EXPECT_EQ(Run({"wait", "late"}).exit, 8);
  EXPECT_EQ(Run({"wait", "gone"}).exit, 7);
  EXPECT_EQ(Run({"wait", "asks"}).exit, 9);
  EXPECT_EQ(Run({"wait", "good", "bad"}).exit, 1);
  EXPECT_EQ(Run({"wait", "absent"}).exit, 3);
  coordinator_.RefusePools(1);
  const Said away = Run({"wait", "good"});
  EXPECT_EQ(away.exit, 0) << "one that is started again in this moment";
  EXPECT_THAT(away.err, HasSubstr("does not answer; trying again"));
  coordinator_.RefusePools(6);
  EXPECT_EQ(Run({"wait", "good", "--timeout", "1s"}).exit, 4)
      << "no longer than it may, though it answers later";
  coordinator_.RefusePools(0);
}

TEST_F(Command, WaitEndsWhenTheHandoffDoes) {
  Add("20261120-h", v1::Handoff::RUNNING);
  auto out = MakePipe();
  SpawnOptions options = Options({"wait", "20261120-h"});
  options.fds = {{2, out->second.get()}};
  auto process = Subprocess::Spawn(options);
  out->second.Reset();
  char c;
  CHECK(::read(out->first.get(), &c, 1) == 1);  // it says what it waits for
  Add("20261120-h", v1::Handoff::CANCELLED);
  EXPECT_EQ(process->Wait()->code, 7);
}

TEST_F(Command, WaitGivesUpAfterItsTimeout) {
  Add("20261120-h", v1::Handoff::RUNNING);
  const Said said = Run({"wait", "20261120-h", "--timeout", "1s"});
  EXPECT_EQ(said.exit, 8);
  EXPECT_THAT(said.err, HasSubstr("it goes on"));
}

TEST_F(Command, CtrlCOfAFollowerLeavesTheHandoffRunning) {
  Add("20261120-h", v1::Handoff::RUNNING);
  coordinator_.SetLog("20261120-h", 1, "begun\n");
  auto out = MakePipe();
  auto err = MakePipe();
  SpawnOptions options = Options({"logs", "-f", "20261120-h"});
  options.fds = {{1, out->second.get()}, {2, err->second.get()}};
  auto process = Subprocess::Spawn(options);
  out->second.Reset();
  err->second.Reset();
  std::string line(6, ' ');
  CHECK(::read(out->first.get(), line.data(), 6) == 6);
  EXPECT_EQ(line, "begun\n");
  process->Signal(SIGINT);
  EXPECT_EQ(process->Wait()->code, 130);
  std::string said(1000, '\0');
  const ssize_t n = ::read(err->first.get(), said.data(), said.size());
  said.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
  EXPECT_THAT(said, HasSubstr("goes on"));
}

TEST_F(Command, AReaderThatGoesAwayEndsAFollower) {
  Add("20261120-h", v1::Handoff::RUNNING);
  coordinator_.SetLog("20261120-h", 1, std::string(1 << 20, 'x') + "\n");
  auto out = MakePipe();
  SpawnOptions options = Options({"logs", "-f", "--raw", "20261120-h"});
  options.fds = {{1, out->second.get()}};
  auto process = Subprocess::Spawn(options);
  out->second.Reset();
  char c;
  CHECK(::read(out->first.get(), &c, 1) == 1);
  out->first.Reset();
  EXPECT_TRUE(process->Wait().ok());
}

TEST_F(Command, AReaderThatGoesAwayEndsAWatchedList) {
  Add("20261120-h", v1::Handoff::RUNNING);
  auto out = MakePipe();
  SpawnOptions options = Options({"list", "--watch", "--json"});
  options.fds = {{1, out->second.get()}};
  auto process = Subprocess::Spawn(options);
  out->second.Reset();
  char c;
  CHECK(::read(out->first.get(), &c, 1) == 1);
  out->first.Reset();
  Add("20261120-other", v1::Handoff::RUNNING);
  EXPECT_EQ(process->Wait()->code, 0);
}

TEST_F(Command, RawLogsAreTheExactBytes) {
  Add("20261120-h", v1::Handoff::SUCCEEDED);
  std::string log = "a\x1b[31m\0\xff\r\nno newline at the end";
  log[6] = '\0';
  coordinator_.SetLog("20261120-h", 1, log);
  EXPECT_EQ(Run({"logs", "20261120-h", "--raw"}).out, log);
  EXPECT_THAT(Run({"logs", "20261120-h"}).out, Not(HasSubstr("\x1b")));
}

TEST_F(Command, ListAsJsonIsOneObjectALineAndFollowsPages) {
  for (int i = 0; i < 7; ++i) Add(absl::StrCat("20261120-h", i), v1::Handoff::QUEUED);
  const Said all = Run({"list", "--json", "--limit", "0"});
  EXPECT_EQ(std::count(all.out.begin(), all.out.end(), '\n'), 7);
  const Said some = Run({"list", "--json", "--limit", "3"});
  EXPECT_EQ(std::count(some.out.begin(), some.out.end(), '\n'), 3);
  EXPECT_THAT(some.err, HasSubstr("more than 3"));
}

TEST_F(Command, TheDoctorsFindingsAreJsonToo) {
  const auto result = RunProcess(OptionsOfStranger({"doctor", "--json"}), "", absl::Minutes(1));
  EXPECT_EQ(result->status.code, 5);
  EXPECT_THAT(result->out, ::testing::StartsWith("{\"kind\":\"PROBLEM\",\"what\":\"pool\","));
  EXPECT_EQ(std::count(result->out.begin(), result->out.end(), '\n'), 1);
}

TEST_F(Command, EveryVerbButTwoHasJson) {
  for (const char* verb : {"submit", "list", "show", "logs", "why", "wait", "cancel", "resume",
                           "workers", "events", "doctor"}) {
    EXPECT_THAT(Run({verb, "--help"}).out, HasSubstr("--json")) << verb;
  }
  for (const char* action : {"list", "show", "drain", "undrain", "remove", "invite", "revoke"}) {
    EXPECT_THAT(Run({"worker", action, "--help"}).out, HasSubstr("--json")) << action;
  }
}

TEST_F(Command, NothingIsColouredInAPipe) {
  Add("20261120-h", v1::Handoff::RUNNING);
  EXPECT_THAT(Run({"list"}).out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(Run({"show", "20261120-h"}).out, Not(HasSubstr("\x1b")));
}

TEST_F(Command, EveryVerbHasHelpWithExamples) {
  for (const std::vector<std::string>& verb :
       std::vector<std::vector<std::string>>{{"submit"},
                                             {"list"},
                                             {"ls"},
                                             {"show"},
                                             {"status"},
                                             {"logs"},
                                             {"why"},
                                             {"wait"},
                                             {"cancel"},
                                             {"resume"},
                                             {"workers"},
                                             {"worker", "list"},
                                             {"worker", "show"},
                                             {"worker", "drain"},
                                             {"worker", "undrain"},
                                             {"worker", "remove"},
                                             {"worker", "invite"},
                                             {"worker", "revoke"},
                                             {"login"},
                                             {"logout"},
                                             {"user", "add"},
                                             {"user", "list"},
                                             {"users"},
                                             {"user", "role"},
                                             {"user", "disable"},
                                             {"user", "enable"},
                                             {"user", "revoke"},
                                             {"token", "create"},
                                             {"token", "list"},
                                             {"token", "revoke"},
                                             {"audit"},
                                             {"events"},
                                             {"doctor"},
                                             {"dev"},
                                             {"completion"},
                                             {"man"}}) {
    std::vector<std::string> arguments = verb;
    arguments.push_back("--help");
    const Said said = Run(arguments);
    EXPECT_EQ(said.exit, 0) << verb[0];
    EXPECT_THAT(said.out, HasSubstr("Examples:")) << verb[0];
  }
  EXPECT_THAT(Run({"--help"}).out, HasSubstr("Exit status:"));
  EXPECT_THAT(Run({"--version"}).out, ::testing::StartsWith("handoff "));
  EXPECT_EQ(coordinator_.calls(), 0);
}

TEST_F(Command, ResumeSendsWhatThePersonAskedFor) {
  Add("20261120-h", v1::Handoff::FAILED);
  const Said said =
      Run({"resume",  "20261120-h", "--on",      "build-7", "--fresh-session", "--from-attempt",
           "2",       "--now",      "--model",   "big",     "--check",         "make test",
           "--check", "make lint",  "--timeout", "2h",      "--env",           "MODE=fast",
           "--env",   "USER"});
  EXPECT_EQ(said.exit, 0) << said.err;
  ASSERT_EQ(coordinator_.resumes().size(), 1u);
  const v1::ResumeRequest sent = coordinator_.resumes()[0];
  EXPECT_EQ(sent.id(), "20261120-h");
  EXPECT_EQ(sent.on_worker(), "build-7");
  EXPECT_TRUE(sent.fresh_session());
  EXPECT_EQ(sent.from_attempt(), 2);
  EXPECT_TRUE(sent.now());
  EXPECT_EQ(sent.model(), "big");
  ASSERT_EQ(sent.checks_size(), 2);
  EXPECT_EQ(sent.checks(1).command(), "make lint");
  EXPECT_EQ(sent.timeout().seconds(), 7200);
  EXPECT_EQ(sent.env().at("MODE"), "fast");
  EXPECT_EQ(sent.env().at("USER"), "alice");
  EXPECT_EQ(Run({"resume", "20261120-h"}).exit, 0);
  EXPECT_EQ(coordinator_.resumes()[1].from_attempt(), 0);
  EXPECT_FALSE(coordinator_.resumes()[1].now());
  for (const std::vector<std::string>& bad :
       {std::vector<std::string>{"--from-attempt", "0"}, {"--check", " "}, {"--env", "1X=2"}}) {
    std::vector<std::string> arguments = {"resume", "20261120-h"};
    arguments.insert(arguments.end(), bad.begin(), bad.end());
    EXPECT_EQ(Run(arguments).exit, 2) << bad[0];
  }
  EXPECT_EQ(coordinator_.resumes().size(), 2u);
}

// What one worker made up keeps nobody from seeing the others.
TEST_F(Command, AWorkerThatHasNoJsonIsAnErrorBesideTheOthers) {
  for (const char* name : {"a", "b", "c"}) {
    v1::Worker worker;
    worker.set_name(name);
    worker.add_turns()->mutable_retry_at()->set_seconds(*name == 'b' ? int64_t{1} << 50 : 1);
    coordinator_.SetWorker(worker);
  }
  const Said said = Run({"worker", "list", "--json"});
  EXPECT_EQ(said.exit, 10);
  EXPECT_THAT(said.out, ::testing::AllOf(HasSubstr(R"("name":"a")"), HasSubstr(R"("name":"c")"),
                                         Not(HasSubstr(R"("name":"b")"))));
  EXPECT_THAT(said.err, HasSubstr("a Worker of the coordinator's cannot be printed as JSON"));
}

}  // namespace
}  // namespace handoff
