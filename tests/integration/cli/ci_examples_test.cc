// Every command of docs/ci.md is one that this program takes.

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/fakes/ci_variables.h"
#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

struct Example {
  std::string section, line;
};

// What begins with "handoff" in the fenced blocks. A block without any is a block that nobody
// checks.
std::vector<Example> Examples(const std::string& markdown, std::vector<std::string>& unchecked) {
  std::vector<Example> examples;
  std::string section;
  bool inside = false, any = false;
  for (const absl::string_view raw : absl::StrSplit(markdown, '\n')) {
    const absl::string_view line = absl::StripAsciiWhitespace(raw);
    if (absl::StartsWith(line, "```")) {
      if (inside && !any) unchecked.push_back(section);
      inside = !inside;
      any = false;
    } else if (!inside && absl::StartsWith(line, "## ")) {
      section = std::string(line.substr(3));
    } else if (inside && absl::StartsWith(line, "handoff ")) {
      examples.push_back({section, std::string(line)});
      any = true;
    }
  }
  return examples;
}

class CiExamples : public Command {
 protected:
  // As the shell of a runner of that system has it, without a token.
  Said Shell(const std::string& line, CiSystem system = CiSystem::kGitHub) const {
    SpawnOptions options = OptionsOfStranger({});
    options.argv = {"/bin/sh", "-c", line};
    for (std::string& entry : options.env) {
      if (absl::StartsWith(entry, "PATH=")) absl::StrAppend(&entry, ":", HANDOFF_BIN_DIR);
    }
    for (std::string& variable : AsEnvironment(VariablesOf(system, CiPlace()))) {
      options.env.push_back(std::move(variable));
    }
    const auto result = RunProcess(options, "", absl::Minutes(1));
    CHECK(result.ok());
    return {result->status.code, result->out, result->err};
  }
};

TEST_F(CiExamples, EachCommandIsOneThatThisProgramTakes) {
  const auto markdown = ReadFile(std::string(HANDOFF_SOURCE_DIR) + "/docs/ci.md");
  ASSERT_TRUE(markdown.ok()) << markdown.status();
  std::vector<std::string> unchecked;
  const std::vector<Example> examples = Examples(*markdown, unchecked);
  EXPECT_THAT(unchecked, IsEmpty());
  ASSERT_GT(examples.size(), 4u);
  ASSERT_EQ(Shell("mkdir .handoff && echo Do it. >.handoff/task.md && echo no >test.log").exit, 0);
  for (const CiSystem system :
       {CiSystem::kGitHub, CiSystem::kGitLab, CiSystem::kJenkins, CiSystem::kBuildkite}) {
    for (const Example& example : examples) {
      ASSERT_EQ(Shell("echo 20261120-h >ids").exit, 0);
      const Said said = Shell(example.line, system);
      // It was understood, and then nobody is logged in.
      EXPECT_EQ(said.exit, 5) << example.line << "\n" << said.err;
      EXPECT_THAT(said.err, HasSubstr("you are not logged in to a pool")) << example.line;
    }
  }
  // Or the check above would be none.
  EXPECT_EQ(Shell("handoff submit --file .handoff/task.md --no-such-flag").exit, 2);
}

TEST_F(CiExamples, WhatNoWorkerCouldGetIsRefusedBeforeAnybodyIsAsked) {
  ASSERT_EQ(Shell("mkdir .handoff && echo Do it. >.handoff/task.md").exit, 0);
  const std::string submit = "handoff submit --ci --file .handoff/task.md --check true";
  const Said merge = Shell("GITHUB_REF=refs/pull/7/merge " + submit);
  EXPECT_EQ(merge.exit, 2);
  EXPECT_THAT(merge.err, HasSubstr("github.event.pull_request.head.sha"));
  const Said outside = Shell("GITHUB_ACTIONS= " + submit);
  EXPECT_EQ(outside.exit, 2);
  EXPECT_THAT(outside.err, HasSubstr("finds no CI system here"));
  EXPECT_THAT(outside.err, HasSubstr("nothing was handed over"));
  // Nobody looks along, and yet it is no reason to refuse.
  EXPECT_THAT(Shell("handoff submit --ci --dry-run --file .handoff/task.md").err,
              HasSubstr("warning: nothing checks the work"));
}

TEST_F(CiExamples, WhatIsCheckedOutCountsWhereItIsNotTheJobsCommit) {
  ASSERT_EQ(Shell("git init -q --bare origin.git && git clone -q origin.git app && cd app && "
                  "git config user.name a && git config user.email a@b && echo x >x && "
                  "git add . && git commit -qm Begin && git push -q origin HEAD:main")
                .exit,
            0);
  const std::string submit = "handoff submit --ci --dry-run --json --check true 'Do it'";
  const Said told = Shell("cd app && GITHUB_SHA=$(git rev-parse HEAD) " + submit);
  EXPECT_EQ(told.exit, 0) << told.err;
  EXPECT_THAT(told.err, HasSubstr("as the CI system says"));
  EXPECT_THAT(told.out, HasSubstr("\"url\":\"https://git.example.org/acme/app\""));
  EXPECT_THAT(told.out, HasSubstr("\"idempotencyKey\":\"ci-github-"));
  EXPECT_THAT(told.out, HasSubstr("\"ci.job\":\"handoff\""));
  const Said another = Shell("cd app && " + submit);
  EXPECT_EQ(another.exit, 0) << another.err;
  EXPECT_THAT(another.err, Not(HasSubstr("as the CI system says")));
  EXPECT_THAT(another.out, HasSubstr("origin.git"));
  const Said named = Shell("echo y >app/untracked && " + submit + " --repo app");
  EXPECT_EQ(named.exit, 0) << named.err;
  EXPECT_THAT(named.err, Not(HasSubstr("untracked"))) << "as at origin, there too";
  const Said unpushed = Shell("cd app && git commit -q --allow-empty -m More && " + submit);
  EXPECT_EQ(unpushed.exit, 2) << "no worker could get it";
  EXPECT_THAT(unpushed.err, HasSubstr("ahead of what origin has"));
}

TEST_F(CiExamples, WhatALinkOfTheCheckoutLeadsToOutsideStaysHere) {
  ASSERT_EQ(Shell("git init -q app && cd app && git config user.name a && "
                  "git config user.email a@b && echo x >x && ln -s ../other.log test.log && "
                  "git add . && git commit -qm Begin && echo of another job >../other.log")
                .exit,
            0);
  const std::string submit =
      "cd app && GITHUB_SHA=$(git rev-parse HEAD) handoff submit --ci --dry-run --check true "
      "'Do it' --attach ";
  const Said refused = Shell(submit + "test.log");
  EXPECT_EQ(refused.exit, 2) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("test.log lies outside of the checkout, at /"));
  const Said named = Shell(submit + "test.log --include test.log");
  EXPECT_EQ(named.exit, 0) << named.err;
  EXPECT_EQ(Shell(submit + "x").exit, 0);
}

TEST_F(CiExamples, GitsOwnFilesAndAnotherFoldersCheckoutAreWatchedToo) {
  ASSERT_EQ(
      Shell("mkdir -p work && cd work && git init -q app && cd app && "
            "git config user.name a && git config user.email a@b && echo x >x && "
            "ln -s .git/config report.txt && ln -s ../../other.log test.log && "
            "ln -s ../../logs logs && git add . && git commit -qm Begin && "
            "mkdir ../../logs && git -C ../../logs init -q && echo of another >../../logs/l &&"
            "echo of another job >../../other.log")
          .exit,
      0);
  const std::string submit =
      "handoff submit --ci --repo . --dry-run --check true 'Do it' --attach ";
  const Said config = Shell("cd work/app && " + submit + "report.txt");
  EXPECT_EQ(config.exit, 2) << config.err;
  EXPECT_THAT(config.err, HasSubstr("--attach report.txt is a file of git's own, /"));
  for (const char* link : {"app/test.log", "app/logs/l"}) {
    const Said above = Shell(absl::StrCat("cd work && ", submit, link));
    EXPECT_EQ(above.exit, 2) << link << "\n" << above.err;
    EXPECT_THAT(above.err, HasSubstr("lies outside of the checkout, at /")) << link;
  }
}

TEST_F(CiExamples, ATaskIsReadFromTheCheckoutOrWhereAPersonSays) {
  ASSERT_EQ(Shell("git init -q app && cd app && git config user.name a && "
                  "git config user.email a@b && echo Do it. >task.md && ln -s ../key link.md && "
                  "ln -s .git/config config.md && git add . && git commit -qm Begin && "
                  "echo Do that. >../key")
                .exit,
            0);
  const std::string submit =
      "cd app && handoff submit --ci --from head --dry-run --json --check true --file ";
  const Said link = Shell(submit + "link.md");
  EXPECT_EQ(link.exit, 2) << link.err;
  EXPECT_THAT(link.err, HasSubstr("--file link.md lies outside of the checkout, at /"));
  EXPECT_THAT(link.err, HasSubstr("nothing was handed over"));
  EXPECT_THAT(Shell(submit + "config.md").err, HasSubstr("is a file of git's own"));
  EXPECT_THAT(Shell(submit + "task.md").out, HasSubstr("Do it."));
  EXPECT_THAT(Shell(submit + "../key").out, HasSubstr("Do that."));
  EXPECT_THAT(Shell(submit + "link.md --include link.md").out, HasSubstr("Do that."));
  EXPECT_THAT(Shell("truncate -s 65M app/huge.md; " + submit + "huge.md").err,
              HasSubstr("--file huge.md is larger than 64 MB"));
  EXPECT_EQ(Shell("cd app && handoff submit --dry-run --file link.md").exit, 0)
      << "a person at their own desk reads what they name";
}

TEST_F(CiExamples, WhatAnEarlierJobLeftIsNotToldAsThisOnes) {
  for (const CiSystem system : {CiSystem::kGitLab, CiSystem::kJenkins}) {
    ASSERT_EQ(
        Shell("echo HANDOFF_RESULT_ID=old >handoff.env && echo old >handoff-summary.md", system)
            .exit,
        0);
    // The system's own directory is not this one.
    const std::string here = "CI_PROJECT_DIR=$PWD WORKSPACE=$PWD handoff submit --ci ";
    EXPECT_EQ(Shell(here + "--dry-run --check true 'Do it'; test -e handoff.env", system).exit, 0);
    EXPECT_NE(Shell(here + "--check true 'Do it'", system).exit, 0) << "nobody is logged in";
    EXPECT_EQ(Shell("test -e handoff.env || test -e handoff-summary.md", system).exit, 1);
  }
}

// The word behind "::stop-commands::" of the first line, which is the last one's, too.
std::string FenceAround(const std::string& err) {
  const std::vector<std::string> lines = absl::StrSplit(absl::StripSuffix(err, "\n"), '\n');
  absl::string_view word = lines.front();
  if (!absl::ConsumePrefix(&word, "::stop-commands::")) return "";
  EXPECT_EQ(lines.back(), absl::StrCat("::", word, "::")) << err;
  return std::string(word);
}

TEST_F(CiExamples, NothingThatIsPrintedIsACommandToTheRunner) {
  ASSERT_EQ(Shell("git init -q app && cd app && git config user.name a && "
                  "git config user.email a@b && echo x >x && git add . && git commit -qm Begin")
                .exit,
            0);
  const std::string submit =
      "cd app && GITHUB_SHA=$(git rev-parse HEAD) handoff submit --ci --dry-run --json --check "
      "true 'Do it'";
  const Said said = Shell(submit);
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(FenceAround(said.err).size(), 32u) << said.err;
  EXPECT_THAT(said.out, Not(HasSubstr("::")));
  // Another word each time; and around an error.
  const Said failed = Shell(submit + " --attach '##[add-mask]x'");
  EXPECT_EQ(failed.exit, 2);
  EXPECT_THAT(failed.err, HasSubstr("names no file"));
  EXPECT_EQ(FenceAround(failed.err).size(), 32u) << failed.err;
  EXPECT_NE(FenceAround(failed.err), FenceAround(said.err));
  EXPECT_THAT(Shell(submit, CiSystem::kJenkins).err, Not(HasSubstr("stop-commands")));
  // Whatever the verb, and around what it refuses.
  for (const char* verb : {"show 20261120-h", "logs 20261120-h", "list", "wait --unknown"}) {
    const Said other = Shell(absl::StrCat("handoff ", verb));
    EXPECT_EQ(FenceAround(other.err).size(), 32u) << verb << "\n" << other.err;
  }
}

// Submits and stays; a signal ends it.
TEST_F(CiExamples, TheRunnersCommandsAreBackWhenASignalEndsIt) {
  Add("20261120-h", v1::Handoff::RUNNING);
  SpawnOptions options = Options({"wait", "20261120-h"});
  options.env.emplace_back("GITHUB_ACTIONS=true");
  auto err = MakePipe();
  CHECK(err.ok());
  options.fds = {{2, err->second.get()}};
  auto job = Subprocess::Spawn(options);
  CHECK(job.ok());
  err->second.Reset();
  std::string text;
  char byte = 0;
  while (text.find("running") == std::string::npos && ::read(err->first.get(), &byte, 1) == 1) {
    text.push_back(byte);
  }
  job->SignalGroup(SIGTERM);
  text += ReadToEnd(err->first.get());
  ASSERT_TRUE(job->Wait().ok());
  EXPECT_EQ(FenceAround(text).size(), 32u) << text;
}

}  // namespace
}  // namespace handoff
