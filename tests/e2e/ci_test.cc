// deploy/ci: the step of each example, as it stands in the file and as its system runs it, with all
// the variables that the system sets and a token of a pipeline.

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/pool.h"
#include "tests/fakes/ci_variables.h"

namespace handoff::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Example {
  CiSystem system;
  const char* name;
  const char* file;
  const char* begin;               // the line after which the step stands, further in than that
  std::vector<std::string> shell;  // as the system runs it
};

void PrintTo(const Example& example, std::ostream* out) { *out << example.name; }

// The lines below `begin` that are further in.
std::string StepOf(const Example& example) {
  const auto text =
      ReadFile(absl::StrCat(HANDOFF_SOURCE_DIR, "/deploy/ci/", example.file), 64 << 10);
  CHECK(text.ok());
  std::string step;
  size_t depth = std::string::npos;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    const size_t indent = line.find_first_not_of(' ');
    if (depth != std::string::npos) {
      if (indent == line.npos || indent <= depth) break;
      absl::StrAppend(&step, absl::StripLeadingAsciiWhitespace(line), "\n");
    } else if (absl::StripAsciiWhitespace(line) == example.begin) {
      depth = indent;
    }
  }
  EXPECT_THAT(step, HasSubstr("handoff submit --ci "));
  return step;
}

class CiPipeline : public ::testing::TestWithParam<Example> {
 protected:
  CiPipeline() {
    for (const std::string& made : {pool_.path("acme"), home_, place_.temp, bin_}) {
      CHECK(MakeDirectories(made).ok());
    }
    pool_.StartCoordinator();
    pool_.Join("a", {"--shared"});
    pool_.StartWorker("a", 2);
    const CommandResult made = pool_.Handoff(
        {"token", "create", "--role", "ci", "--repo", repository_, "--ttl", "1h", "--name", "app"});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    token_ = std::string(absl::StripAsciiWhitespace(made.out));
    WriteBuildkiteAgent();
  }

  // Tests that fail until there is a file `fixed`, and an agent that plays these steps.
  void Commit(const std::vector<std::string>& steps) {
    const std::string source = pool_.MakeRepository("source");
    Put(source + "/test.sh", "#!/bin/sh\necho looking for it\ntest -f fixed\n", 0755);
    CHECK(MakeDirectories(source + "/.handoff").ok());
    Put(source + "/.handoff/task.md", Pool::Script(steps), 0644);
    Put(source + "/.handoff.toml", "summaries = \"never\"\n", 0644);
    pool_.Git(source, {"add", "."});
    pool_.Git(source, {"commit", "-q", "-m", "Tests"});
    pool_.Git(pool_.dir(), {"clone", "-q", "--bare", source, repository_});
    pool_.Git(pool_.dir(), {"clone", "-q", repository_, place_.directory});
    // As systems check out.
    pool_.Git(place_.directory, {"checkout", "-q", "--detach"});
    place_.commit =
        std::string(absl::StripAsciiWhitespace(pool_.Git(repository_, {"rev-parse", "HEAD"})));
  }
  static void Put(const std::string& path, const std::string& text, mode_t mode) {
    CHECK(WriteFileAtomically(path, text, static_cast<int>(mode)).ok());
  }
  // Keeps what it is told, and says when it could read the token.
  void WriteBuildkiteAgent() {
    Put(bin_ + "/buildkite-agent",
        absl::StrCat("#!/bin/sh\n[ -z \"$HANDOFF_TOKEN\" ] || exit 9\n"
                     "case $1 in\n"
                     "meta-data) printf '%s=%s\\n' \"$3\" \"$4\" >>",
                     MetaData(),
                     " ;;\n"
                     "annotate) cat >",
                     Annotation(), " ;;\n*) exit 8 ;;\nesac\n"),
        0755);
  }
  std::string MetaData() const { return pool_.path("meta-data"); }
  std::string Annotation() const { return pool_.path("annotation"); }

  SpawnOptions Options(const std::vector<std::string>& argv) const {
    SpawnOptions options;
    options.argv = argv;
    options.env = AsEnvironment(VariablesOf(GetParam().system, place_));
    options.env.push_back(absl::StrCat("PATH=", bin_, ":", HANDOFF_BIN_DIR, ":/usr/bin:/bin"));
    options.env.push_back("HOME=" + home_);
    options.env.push_back("HANDOFF_TOKEN=" + token_);
    for (const char* name : {"LSAN_OPTIONS", "ASAN_OPTIONS", "UBSAN_OPTIONS"}) {
      if (const char* value = ::getenv(name)) options.env.push_back(absl::StrCat(name, "=", value));
    }
    options.cwd = place_.directory;
    return options;
  }
  CommandResult Run(const std::vector<std::string>& argv) const {
    const auto result = RunProcess(Options(argv), "", absl::Minutes(3));
    CHECK(result.ok());
    EXPECT_FALSE(result->timed_out) << result->err;
    return {result->status.code, result->out, result->err};
  }
  // The job, for the `run`th time.
  CommandResult RunJob(int run) {
    place_.run = run;
    std::vector<std::string> argv = GetParam().shell;
    argv.push_back(StepOf(GetParam()));
    CommandResult result = Run(argv);
    result.out = std::string(absl::StripAsciiWhitespace(result.out));
    return result;
  }

  // By its name, as the next step of the pipeline gets it: what was written last.
  std::string Output(const std::string& name) const {
    const auto variables = VariablesOf(GetParam().system, place_);
    std::string path = place_.directory + "/handoff.env";
    std::string key = "HANDOFF_RESULT_" + absl::AsciiStrToUpper(name);
    if (GetParam().system == CiSystem::kGitHub) {
      path = variables.at("GITHUB_OUTPUT");
      key = name;
    } else if (GetParam().system == CiSystem::kBuildkite) {
      path = MetaData();
      key = "mend-" + name;
    }
    std::string value;
    const auto text = ReadFile(path);
    for (const absl::string_view line : absl::StrSplit(text.value_or(""), '\n')) {
      absl::string_view rest = line;
      if (absl::ConsumePrefix(&rest, key + "=")) value = std::string(rest);
    }
    return value;
  }
  std::string Summary() const {
    const auto variables = VariablesOf(GetParam().system, place_);
    const std::string path =
        GetParam().system == CiSystem::kGitHub      ? variables.at("GITHUB_STEP_SUMMARY")
        : GetParam().system == CiSystem::kBuildkite ? Annotation()
                                                    : place_.directory + "/handoff-summary.md";
    return ReadFile(path).value_or("");
  }
  nlohmann::json Record(const std::string& id) const {
    const CommandResult shown = pool_.Handoff({"show", id, "--json"});
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    return nlohmann::json::parse(shown.out);
  }

  Pool pool_;
  const std::string home_ = pool_.path("home"), bin_ = pool_.path("ci-bin");
  CiPlace place_ = {pool_.dir(), "", "main", pool_.path("checkout"), pool_.path("runner"), 1};
  const std::string repository_ = pool_.path("acme/app");
  std::string token_;
};

TEST_P(CiPipeline, TheExampleRunsAndAFailedOneIsRunAgain) {
  const std::string fix = pool_.path("fix");
  Commit({absl::StrCat("tool shell cp ", fix, " fixed || true"),
          "tool shell cp .cursor/agent-handoffs/*/inputs/test.log seen.log", "result ok Done"});

  const CommandResult failed = RunJob(1);
  ASSERT_EQ(failed.exit_code, 1) << failed.err;
  const std::string id = failed.out;
  EXPECT_EQ(Output("id"), id);
  EXPECT_EQ(Output("status"), "failed");
  EXPECT_EQ(Output("branch"), "handoff/" + id);
  EXPECT_THAT(Summary(), HasSubstr(absl::StrCat("### Handoff `", id, "`: failed")));
  EXPECT_THAT(Summary(), HasSubstr("`./test.sh`"));
  EXPECT_THAT(failed.err, Not(HasSubstr("warning")));
  const nlohmann::json record = Record(id);
  EXPECT_EQ(record["owner"], "ci/app");
  EXPECT_EQ(record["baseCommit"], place_.commit);
  EXPECT_EQ(record["spec"]["repository"]["commit"], place_.commit);
  EXPECT_FALSE(record["labels"]["ci"].get<std::string>().empty());
  EXPECT_FALSE(record["labels"]["ci.run"].get<std::string>().empty());
  EXPECT_EQ(record["spec"]["attachments"][0]["name"], "test.log");

  // The same attempt of the job again, as a shell does whose connection broke.
  const CommandResult again = RunJob(1);
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_EQ(again.out, id) << again.err;
  EXPECT_THAT(again.err, HasSubstr("what was attached now was not added"));

  Put(fix, "mended\n", 0644);
  const CommandResult mended = RunJob(2);
  ASSERT_EQ(mended.exit_code, 0) << mended.err;
  EXPECT_NE(mended.out, id) << "the pipeline was run again after it had failed";
  EXPECT_EQ(Output("id"), mended.out);
  EXPECT_EQ(Output("status"), "succeeded");
  EXPECT_THAT(Summary(), HasSubstr(absl::StrCat("### Handoff `", mended.out, "`: succeeded\n")));
  EXPECT_THAT(Summary(), HasSubstr("`fixed`"));
  // It was pushed, as the example says, with what was attached and nothing of its directory.
  const std::string branch = Output("branch");
  EXPECT_EQ(pool_.Git(repository_, {"show", branch + ":seen.log"}), "looking for it\n");
  EXPECT_THAT(pool_.Git(repository_, {"ls-tree", "-r", "--name-only", branch}),
              Not(HasSubstr(".cursor")));
  EXPECT_EQ(absl::StrCat(Output("head"), "\n"), pool_.Git(repository_, {"rev-parse", branch}));

  // And after a success: nobody runs a job again to get what was there.
  const CommandResult third = RunJob(3);
  EXPECT_EQ(third.exit_code, 0) << third.err;
  EXPECT_NE(third.out, mended.out);
}

TEST_P(CiPipeline, WaitsThroughARestartOfTheCoordinator) {
  Gate begun(pool_.path("begun")), gate(pool_.path("gate"));
  Commit({absl::StrCat("tell ", begun.path(), " begun"), absl::StrCat("wait ", gate.path()),
          "tool shell touch fixed", "result ok Done"});
  std::vector<std::string> argv = GetParam().shell;
  argv.push_back(StepOf(GetParam()));
  SpawnOptions options = Options(argv);
  auto err = MakePipe();
  CHECK(err.ok());
  options.fds = {{2, err->second.get()}};
  auto job = Subprocess::Spawn(options);
  CHECK(job.ok());
  err->second.Reset();
  begun.Await();
  // Known although it has not ended.
  pool_.Eventually([&] { return !Output("id").empty(); });
  const std::string id = Output("id");
  pool_.Kill("coordinator", SIGKILL);
  pool_.StartCoordinator();

  // Somebody runs the job again meanwhile: it takes the one that is under way.
  place_.run = 2;
  const CommandResult second = Run({HANDOFF_BIN_DIR "/handoff", "submit", "--ci", "--file",
                                    ".handoff/task.md", "--check", "./test.sh"});
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(absl::StripAsciiWhitespace(second.out), id) << second.err;
  EXPECT_THAT(second.err, HasSubstr("asks for the same"));
  place_.run = 1;

  gate.Open();
  const auto ended = job->Wait();
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(ended->code, 0);
  EXPECT_EQ(Output("status"), "succeeded");
  EXPECT_THAT(Summary(), HasSubstr("succeeded"));
}

const Example kExamples[] = {
    {CiSystem::kGitHub, "GitHub", "github-actions.yml", "run: |", {"/bin/bash", "-e", "-c"}},
    {CiSystem::kGitLab,
     "GitLab",
     "gitlab-ci.yml",
     "- |",
     {"/bin/bash", "-e", "-o", "pipefail", "-c"}},
    {CiSystem::kJenkins, "Jenkins", "Jenkinsfile", "sh '''", {"/bin/sh", "-xe", "-c"}},
    {CiSystem::kBuildkite, "Buildkite", "buildkite.yml", "command: |", {"/bin/bash", "-e", "-c"}},
};
INSTANTIATE_TEST_SUITE_P(Of, CiPipeline, ::testing::ValuesIn(kExamples),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace handoff::e2e
