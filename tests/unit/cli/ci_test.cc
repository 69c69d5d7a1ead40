#include "cli/ci.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/ci_variables.h"

namespace handoff {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr CiSystem kSystems[] = {CiSystem::kGitHub, CiSystem::kGitLab, CiSystem::kJenkins,
                                 CiSystem::kBuildkite};

CiJob Find(const CiVariables& variables) {
  auto job = FindCiJob(AsEnvironment(variables));
  EXPECT_TRUE(job.ok()) << job.status();
  return job.ok() ? *std::move(job) : CiJob();
}

CiVariables Of(CiSystem system, int run = 1) {
  CiPlace place;
  place.run = run;
  return VariablesOf(system, place);
}

TEST(FindCiJob, ReadsWhatEachSystemSets) {
  for (const CiSystem system : kSystems) {
    const CiJob job = Find(Of(system));
    EXPECT_EQ(job.system, system);
    EXPECT_EQ(job.commit, CiPlace().commit) << job.name;
    EXPECT_EQ(job.ref, "main") << job.name;
    EXPECT_THAT(job.repo, ::testing::AnyOf("https://git.example.org/acme/app",
                                           "https://git.example.org/acme/app.git"))
        << job.name;
    EXPECT_FALSE(job.request) << job.name;
    EXPECT_THAT(job.made_commit, IsEmpty()) << job.name;
  }
}

TEST(FindCiJob, OfGitHub) {
  const CiJob job = Find(Of(CiSystem::kGitHub, 3));
  EXPECT_EQ(job.url, "https://git.example.org/acme/app/actions/runs/1658821493/attempts/3");
  EXPECT_EQ(job.outputs, "/home/runner/work/_temp/set_output_1");
  EXPECT_EQ(job.summary, "/home/runner/work/_temp/step_summary_1");
  EXPECT_EQ(CiWords(job), "GitHub Actions, job handoff, attempt 3");
}

TEST(FindCiJob, OfGitLabIsWithoutTheTokenOfItsJob) {
  const CiJob job = Find(Of(CiSystem::kGitLab));
  EXPECT_EQ(job.repo, "https://git.example.org/acme/app.git");
  EXPECT_EQ(job.outputs, "/home/runner/work/app/app/handoff.env");
  EXPECT_EQ(job.url, "https://git.example.org/acme/app/-/pipelines/9001");
  EXPECT_THAT(CiLabels(job), Each(Not(HasSubstr("secret"))));
}

TEST(FindCiJob, OfBuildkiteHasAKeyOfItsStep) {
  CiVariables variables = Of(CiSystem::kBuildkite);
  EXPECT_EQ(Find(variables).key, "mend");
  variables["BUILDKITE_PARALLEL_JOB"] = "2";
  EXPECT_EQ(Find(variables).key, "mend-2");
  variables["BUILDKITE_STEP_KEY"] = "";
  EXPECT_EQ(Find(variables).key, "handoff-2");
  variables["BUILDKITE_COMMIT"] = "HEAD";
  EXPECT_THAT(Find(variables).commit, IsEmpty()) << "nobody said which one it is";
}

TEST(FindCiJob, KnowsCommitsThatAreOnNoBranch) {
  CiVariables github = Of(CiSystem::kGitHub);
  github["GITHUB_EVENT_NAME"] = "pull_request";
  github["GITHUB_REF"] = "refs/pull/7/merge";
  github["GITHUB_REF_NAME"] = "7/merge";
  github["GITHUB_HEAD_REF"] = "fix";
  EXPECT_THAT(Find(github).made_commit, HasSubstr("github.event.pull_request.head.sha"));
  EXPECT_EQ(Find(github).ref, "fix");

  CiVariables gitlab = Of(CiSystem::kGitLab);
  gitlab["CI_MERGE_REQUEST_IID"] = "7";
  gitlab["CI_MERGE_REQUEST_EVENT_TYPE"] = "detached";
  EXPECT_THAT(Find(gitlab).made_commit, IsEmpty());
  EXPECT_TRUE(Find(gitlab).request);
  gitlab["CI_MERGE_REQUEST_EVENT_TYPE"] = "merged_result";
  EXPECT_THAT(Find(gitlab).made_commit, HasSubstr("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"));

  CiVariables jenkins = Of(CiSystem::kJenkins);
  jenkins["CHANGE_ID"] = "7";
  EXPECT_TRUE(Find(jenkins).request);

  CiVariables buildkite = Of(CiSystem::kBuildkite);
  buildkite["BUILDKITE_PULL_REQUEST"] = "7";
  EXPECT_TRUE(Find(buildkite).request);
  EXPECT_THAT(Find(buildkite).made_commit, IsEmpty());
  buildkite["BUILDKITE_PULL_REQUEST_USING_MERGE_REFSPEC"] = "true";
  EXPECT_THAT(Find(buildkite).made_commit, Not(IsEmpty()));
}

TEST(FindCiJob, SaysWhatItLookedFor) {
  const auto none = FindCiJob({"CI=true", "PATH=/bin", "GITHUB_ACTIONS=false"});
  EXPECT_EQ(none.status().code(), absl::StatusCode::kInvalidArgument);
  for (const char* name :
       {"GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "JENKINS_URL", "BUILD_TAG"}) {
    EXPECT_THAT(std::string(none.status().message()), HasSubstr(name));
  }
}

TEST(FindCiJob, RefusesAJobThatCouldNotBeToldFromTheNextOne) {
  for (const auto& [system, name] : std::vector<std::pair<CiSystem, std::string>>{
           {CiSystem::kGitHub, "GITHUB_RUN_ID"},
           {CiSystem::kGitHub, "GITHUB_RUN_ATTEMPT"},
           {CiSystem::kGitLab, "CI_PIPELINE_ID"},
           {CiSystem::kGitLab, "CI_JOB_ID"},
           {CiSystem::kJenkins, "BUILD_NUMBER"},
           {CiSystem::kBuildkite, "BUILDKITE_BUILD_ID"}}) {
    CiVariables variables = Of(system);
    variables.erase(name);
    const auto job = FindCiJob(AsEnvironment(variables));
    EXPECT_EQ(job.status().code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(std::string(job.status().message()), HasSubstr(name));
  }
}

TEST(FindCiJob, TakesNoTextOfOthersForMoreThanItIs) {
  CiVariables variables = Of(CiSystem::kGitHub);
  variables["GITHUB_HEAD_REF"] = "a\nb";
  variables["GITHUB_SHA"] = "--upload-pack=x";
  variables["GITHUB_SERVER_URL"] = "ext::sh -c evil";
  const CiJob job = Find(variables);
  EXPECT_THAT(job.ref, IsEmpty());
  EXPECT_THAT(job.commit, IsEmpty());
  EXPECT_THAT(job.repo, IsEmpty());
}

TEST(CiKey, IsTheSameForTheSameStepAndAnotherOneWhenItIsRunAgain) {
  for (const CiSystem system : kSystems) {
    const std::string key = CiKey(Find(Of(system)), "content");
    EXPECT_LE(key.size(), 128u);
    EXPECT_EQ(CiKey(Find(Of(system)), "content"), key);
    EXPECT_NE(CiKey(Find(Of(system, 2)), "content"), key) << "it was run again";
    EXPECT_NE(CiKey(Find(Of(system)), "other"), key) << "another submit of the same job";
  }
}

TEST(CiKey, TellsJobsOfOnePipelineApart) {
  for (const auto& [system, name] : std::vector<std::pair<CiSystem, std::string>>{
           {CiSystem::kGitHub, "GITHUB_JOB"},
           {CiSystem::kGitHub, "GITHUB_REPOSITORY"},
           {CiSystem::kGitLab, "CI_NODE_INDEX"},
           {CiSystem::kGitLab, "CI_JOB_NAME"},
           {CiSystem::kJenkins, "STAGE_NAME"},
           {CiSystem::kJenkins, "JOB_NAME"},
           {CiSystem::kBuildkite, "BUILDKITE_PARALLEL_JOB"},
           {CiSystem::kBuildkite, "BUILDKITE_JOB_ID"}}) {
    CiVariables other = Of(system);
    other[name] = "2";
    EXPECT_NE(CiKey(Find(other), "content"), CiKey(Find(Of(system)), "content")) << name;
  }
  // No text reaches from one value into the next.
  CiJob one, two;
  one.job = "a\nb";
  two.job = "a";
  two.part = "b";
  EXPECT_NE(CiKey(one, ""), CiKey(two, ""));
}

TEST(CiLabels, AreOnesThatALabelCanHave) {
  CiVariables variables = Of(CiSystem::kGitLab);
  EXPECT_THAT(CiLabels(Find(variables)),
              ElementsAre("ci=gitlab", "ci.run=https://git.example.org/acme/app/-/pipelines/9001",
                          "ci.job=handoff", "ci.attempt=5101"));
  variables["CI_JOB_NAME"] = absl::StrCat("build\n\x1b[31m", std::string(400, 'x'), "\xff");
  variables["CI_PIPELINE_URL"] = "https://me:secret@git.example.org/p";
  const std::vector<std::string> labels = CiLabels(Find(variables));
  EXPECT_THAT(labels, SizeIs(4));
  EXPECT_THAT(labels, Contains("ci.run=https://git.example.org/p"));
  for (const std::string& label : labels) {
    EXPECT_THAT(label, Not(HasSubstr("\n")));
    EXPECT_LT(label.size(), 270u);
  }
}

}  // namespace
}  // namespace handoff
