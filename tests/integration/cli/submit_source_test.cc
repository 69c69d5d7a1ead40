// What `handoff submit` says about where the work starts from, and what it puts into the record.

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::Contains;

class SubmitSource : public Command {
 protected:
  SubmitSource() {
    MakeRepository("https://127.0.0.1:1/app");
    CommitFile();
  }
  v1::Repository Submitted() const {
    const auto submits = coordinator_.submits();
    return submits.empty() ? v1::Repository() : submits.back().spec().repository();
  }
};

// A command can do without a repository; that must not hide one that is there.
TEST_F(SubmitSource, ARepositoryOfAnotherUserIsNoReasonToGoWithout) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give a folder away";
  CHECK(::chown(dir_.path().c_str(), 1, 1) == 0);
  const Said said = Run({"submit", "--agent", "command", "--", "true"});
  EXPECT_EQ(said.exit, 5) << said.err;
  EXPECT_THAT(said.err, AllOf(HasSubstr("another user"), HasSubstr("safe.directory")));
  EXPECT_THAT(coordinator_.submits(), IsEmpty());
  // Nor to take the last one of all repositories for the last one of this.
  AddIn("20261120-elsewhere", "https://localhost/other", 1000);
  EXPECT_EQ(Run({"cancel", "-"}).exit, 5);
}

TEST_F(SubmitSource, ARepositoryThatOnlyTheEnvironmentNamesIsNoReasonToGoWithout) {
  CHECK(MakeDirectories(dir_.path() + "/handoff-home").ok());
  CHECK(::rename((dir_.path() + "/.git").c_str(), (dir_.path() + "/dotfiles").c_str()) == 0);
  SpawnOptions options = Options({"submit", "--agent", "command", "--", "true"});
  options.env.push_back(absl::StrCat("GIT_DIR=", dir_.path(), "/dotfiles"));
  options.env.push_back("GIT_WORK_TREE=.");
  const auto result = RunProcess(options, "", absl::Minutes(1));
  CHECK(result.ok());
  EXPECT_EQ(result->status.code, 2) << result->err;
  EXPECT_THAT(result->err, HasSubstr("GIT_DIR"));
  EXPECT_THAT(coordinator_.submits(), IsEmpty());
}

TEST_F(SubmitSource, NamesOfAnyBytesAreKeptAsText) {
  Git({"config", "user.name", "J\xf6rg\tB."});
  Git({"config", "user.email", absl::StrCat(std::string(300, 'j'), "@localhost")});
  Git({"checkout", "-q", "-b", "br\xe4nch"});
  const Said said = Run({"submit", "Fix it"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(Submitted().user_name(), "J\\xf6rg B.");
  EXPECT_LE(Submitted().user_email().size(), 256u);
  EXPECT_EQ(Submitted().ref(), "");
  EXPECT_THAT(Submitted().notes(),
              AllOf(Contains(HasSubstr("user.name")), Contains(HasSubstr("user.email")),
                    Contains(HasSubstr("the branch br\\xe4nch"))));
  EXPECT_THAT(said.err, Not(HasSubstr("libprotobuf")));
}

TEST_F(SubmitSource, OrdinaryNamesStayAsTheyAre) {
  Git({"config", "user.name", "Jörg  B."});
  EXPECT_EQ(Run({"submit", "Fix it"}).exit, 0);
  EXPECT_EQ(Submitted().user_name(), "Jörg  B.");
  EXPECT_EQ(Submitted().ref(), "main");
  EXPECT_THAT(Submitted().notes(), IsEmpty());
}

TEST_F(SubmitSource, AnAddressThatIsNoTextIsNotHandedOn) {
  Git({"remote", "set-url", "origin", "/srv/la\xe4t"});
  const Said said = Run({"submit", "Fix it"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(Submitted().url(), "");
  EXPECT_THAT(said.err, HasSubstr("/srv/la\\xe4t is not UTF-8"));
}

TEST_F(SubmitSource, OnlyACommandRunsInTheFolderWhereItWasSubmitted) {
  CHECK(MakeDirectories(dir_.path() + "/handoff-out").ok());  // ignored
  SpawnOptions options = Options({"submit", "--agent", "command", "--", "true"});
  options.cwd = dir_.path() + "/handoff-out";
  auto result = RunProcess(options, "", absl::Minutes(1));
  CHECK(result.ok());
  EXPECT_EQ(result->status.code, 2) << result->err;
  EXPECT_THAT(result->err, HasSubstr("in the folder handoff-out"));
  EXPECT_THAT(coordinator_.submits(), IsEmpty());
  options.argv = Options({"submit", "Fix it"}).argv;
  result = RunProcess(options, "", absl::Minutes(1));
  CHECK(result.ok());
  EXPECT_EQ(result->status.code, 0) << result->err;
  EXPECT_EQ(Submitted().directory(), "");
}

TEST_F(SubmitSource, TheRecordSaysHowManyNotesItLeavesOut) {
  for (int i = 0; i < 70; ++i) {
    CHECK(MakeDirectories(absl::StrCat(dir_.path(), "/nested", i, "/.git")).ok());
  }
  const Said said = Run({"submit", "Fix it"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("note: nested69/"));
  EXPECT_EQ(Submitted().notes_size(), 64);
  EXPECT_EQ(Submitted().notes(63), "and 7 more notes");
}

TEST_F(SubmitSource, FlagsOfTheWorkTreeAreRefusedWhereNoneIsRead) {
  const std::vector<std::string> remote = {"submit", "x", "--repo", "https://localhost/r"};
  for (const std::vector<std::string>& flags : std::vector<std::vector<std::string>>{
           {"--from", "worktree"}, {"--include", "a"}, {"--full"}}) {
    std::vector<std::string> arguments = remote;
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Said said = Run(arguments);
    EXPECT_EQ(said.exit, 2) << said.err;
    EXPECT_THAT(said.err, AllOf(HasSubstr(flags[0]), HasSubstr("https://localhost/r")));
  }
  const Said head = Run({"submit", "x", "--from", "head", "--include", "a"});
  EXPECT_EQ(head.exit, 2) << head.err;
  EXPECT_THAT(head.err, HasSubstr("--include"));
  EXPECT_EQ(Run({"submit", "x", "--include", "nothere"}).exit, 2);
  EXPECT_THAT(coordinator_.submits(), IsEmpty());
}

TEST_F(SubmitSource, ADryRunSaysWhatTheWorkerWouldFetch) {
  const Said said =
      Run({"submit", "x", "--repo", "https://localhost/r", "--ref", "topic", "--dry-run"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("fetches https://localhost/r at topic"));
}

TEST_F(SubmitSource, WithoutTheWorkTreeNothingIsSaidToBeClean) {
  CHECK(WriteFileAtomically(dir_.path() + "/a", "changed\n").ok());
  const Said said = Run({"submit", "x", "--from", "head"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, AllOf(HasSubstr("uncommitted changes are not sent"),
                              Not(HasSubstr("nothing uncommitted"))));
}

TEST_F(SubmitSource, WhatALinkLeadsToIsJudgedAsWhatItIs) {
  const std::string out = dir_.path() + "/handoff-out";  // ignored
  CHECK(MakeDirectories(out).ok());
  CHECK(WriteFileAtomically(out + "/.netrc", "machine x login y\n").ok());
  const auto attach = [&](const std::string& target, std::vector<std::string> more) {
    const std::string link = out + "/notes.txt";
    ::unlink(link.c_str());
    CHECK(::symlink(target.c_str(), link.c_str()) == 0);
    std::vector<std::string> arguments = {"submit", "--dry-run", "--attach", link};
    for (std::string& word : more) {
      arguments.push_back("--include");
      arguments.push_back(std::move(word));
    }
    arguments.emplace_back("Fix it");
    return Run(arguments);
  };
  const Said secret = attach(".netrc", {});
  EXPECT_EQ(secret.exit, 2) << secret.err;
  EXPECT_THAT(secret.err, AllOf(HasSubstr("notes.txt looks like a secret (.netrc)"),
                                HasSubstr("nothing was handed over")));
  const Said included = attach(".netrc", {out + "/notes.txt"});
  EXPECT_EQ(included.exit, 0) << included.err;
  EXPECT_EQ(attach(dir_.path() + "/a", {}).exit, 0);
  // No file at all, and the token of a pipeline is in it.
  for (const char* const made : {"/proc/self/environ", "/proc/self/../self/cmdline"}) {
    const Said refused = attach(made, {out + "/notes.txt"});
    EXPECT_EQ(refused.exit, 2) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("leads into /proc or /sys"));
  }
}

TEST_F(SubmitSource, WhatIsAttachedIsNotSaidToBeHeldBack) {
  CHECK(MakeDirectories(dir_.path() + "/sub").ok());
  CHECK(WriteFileAtomically(dir_.path() + "/sub/.env", "A=b\n").ok());
  CHECK(WriteFileAtomically(dir_.path() + "/.env", "A=b\n").ok());
  const Said said =
      Run({"submit", "--dry-run", "--attach", "sub/.env", "--include", "sub/.env", "Fix it"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, AllOf(HasSubstr("attached: "), Not(HasSubstr("held back: sub/.env")),
                              HasSubstr("held back: .env")));
}

}  // namespace
}  // namespace handoff
