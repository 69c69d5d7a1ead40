#include "tests/fakes/ci_variables.h"

#include "absl/strings/str_cat.h"

namespace handoff {
namespace {

CiVariables GitHub(const CiPlace& place) {
  return {
      {"CI", "true"},
      {"GITHUB_ACTION", "__run_2"},
      {"GITHUB_ACTIONS", "true"},
      {"GITHUB_ACTOR", "ann"},
      {"GITHUB_ACTOR_ID", "1234567"},
      {"GITHUB_API_URL", "https://api.github.com"},
      {"GITHUB_BASE_REF", ""},
      {"GITHUB_ENV", place.temp + "/_runner_file_commands/set_env_1"},
      {"GITHUB_EVENT_NAME", "push"},
      {"GITHUB_EVENT_PATH", place.temp + "/_github_workflow/event.json"},
      {"GITHUB_GRAPHQL_URL", "https://api.github.com/graphql"},
      {"GITHUB_HEAD_REF", ""},
      {"GITHUB_JOB", "handoff"},
      {"GITHUB_OUTPUT", place.temp + "/set_output_1"},
      {"GITHUB_PATH", place.temp + "/_runner_file_commands/add_path_1"},
      {"GITHUB_REF", "refs/heads/" + place.branch},
      {"GITHUB_REF_NAME", place.branch},
      {"GITHUB_REF_PROTECTED", "false"},
      {"GITHUB_REF_TYPE", "branch"},
      {"GITHUB_REPOSITORY", "acme/app"},
      {"GITHUB_REPOSITORY_ID", "123456789"},
      {"GITHUB_REPOSITORY_OWNER", "acme"},
      {"GITHUB_REPOSITORY_OWNER_ID", "7654321"},
      {"GITHUB_RETENTION_DAYS", "90"},
      {"GITHUB_RUN_ATTEMPT", absl::StrCat(place.run)},
      {"GITHUB_RUN_ID", "1658821493"},
      {"GITHUB_RUN_NUMBER", "3"},
      {"GITHUB_SERVER_URL", place.server},
      {"GITHUB_SHA", place.commit},
      {"GITHUB_STATE", place.temp + "/_runner_file_commands/save_state_1"},
      {"GITHUB_STEP_SUMMARY", place.temp + "/step_summary_1"},
      {"GITHUB_TRIGGERING_ACTOR", "ann"},
      {"GITHUB_WORKFLOW", "Mend"},
      {"GITHUB_WORKFLOW_REF", "acme/app/.github/workflows/mend.yml@refs/heads/" + place.branch},
      {"GITHUB_WORKFLOW_SHA", place.commit},
      {"GITHUB_WORKSPACE", place.directory},
      {"RUNNER_ARCH", "X64"},
      {"RUNNER_ENVIRONMENT", "github-hosted"},
      {"RUNNER_NAME", "GitHub Actions 2"},
      {"RUNNER_OS", "Linux"},
      {"RUNNER_TEMP", place.temp},
      {"RUNNER_TOOL_CACHE", "/opt/hostedtoolcache"},
  };
}

CiVariables GitLab(const CiPlace& place) {
  const std::string project = place.server + "/acme/app";
  const std::string job = absl::StrCat(5100 + place.run);  // a job that is retried is a new one
  return {
      {"CI", "true"},
      {"CI_API_V4_URL", place.server + "/api/v4"},
      {"CI_BUILDS_DIR", "/builds"},
      {"CI_COMMIT_AUTHOR", "Ann <ann@example.org>"},
      {"CI_COMMIT_BEFORE_SHA", "ffffffffffffffffffffffffffffffffffffffff"},
      {"CI_COMMIT_BRANCH", place.branch},
      {"CI_COMMIT_MESSAGE", "Begin\n\nWith two lines"},
      {"CI_COMMIT_REF_NAME", place.branch},
      {"CI_COMMIT_REF_PROTECTED", "true"},
      {"CI_COMMIT_REF_SLUG", "main"},
      {"CI_COMMIT_SHA", place.commit},
      {"CI_COMMIT_SHORT_SHA", place.commit.substr(0, 8)},
      {"CI_COMMIT_TIMESTAMP", "2026-11-20T10:00:00+00:00"},
      {"CI_COMMIT_TITLE", "Begin"},
      {"CI_CONCURRENT_ID", "0"},
      {"CI_CONFIG_PATH", ".gitlab-ci.yml"},
      {"CI_DEFAULT_BRANCH", "main"},
      {"CI_JOB_ID", job},
      {"CI_JOB_IMAGE", "debian:12"},
      {"CI_JOB_NAME", "handoff"},
      {"CI_JOB_NAME_SLUG", "handoff"},
      {"CI_JOB_STAGE", "mend"},
      {"CI_JOB_STATUS", "running"},
      {"CI_JOB_TOKEN", "glcbt-64_secret"},
      {"CI_JOB_URL", project + "/-/jobs/" + job},
      {"CI_NODE_TOTAL", "1"},
      {"CI_PIPELINE_ID", "9001"},
      {"CI_PIPELINE_IID", "17"},
      {"CI_PIPELINE_SOURCE", "push"},
      {"CI_PIPELINE_URL", project + "/-/pipelines/9001"},
      {"CI_PROJECT_DIR", place.directory},
      {"CI_PROJECT_ID", "42"},
      {"CI_PROJECT_NAME", "app"},
      {"CI_PROJECT_NAMESPACE", "acme"},
      {"CI_PROJECT_PATH", "acme/app"},
      {"CI_PROJECT_ROOT_NAMESPACE", "acme"},
      {"CI_PROJECT_URL", project},
      {"CI_REPOSITORY_URL",
       place.server.rfind("https://", 0) == 0
           ? "https://gitlab-ci-token:glcbt-64_secret@" + place.server.substr(8) + "/acme/app.git"
           : project},
      {"CI_RUNNER_ID", "8"},
      {"CI_SERVER", "yes"},
      {"CI_SERVER_HOST", "git.example.org"},
      {"CI_SERVER_NAME", "GitLab"},
      {"CI_SERVER_URL", place.server},
      {"CI_SERVER_VERSION", "17.5.1"},
      {"GITLAB_CI", "true"},
      {"GITLAB_USER_LOGIN", "ann"},
  };
}

CiVariables Jenkins(const CiPlace& place) {
  const std::string number = absl::StrCat(70 + place.run);  // one that is run again is a new build
  const std::string job = "https://ci.example.org/job/acme/job/app/job/main/";
  return {
      {"BRANCH_IS_PRIMARY", "true"},
      {"BRANCH_NAME", place.branch},
      {"BUILD_DISPLAY_NAME", "#" + number},
      {"BUILD_ID", number},
      {"BUILD_NUMBER", number},
      {"BUILD_TAG", "jenkins-acme-app-main-" + number},
      {"BUILD_URL", job + number + "/"},
      {"CI", "true"},
      {"EXECUTOR_NUMBER", "0"},
      {"GIT_BRANCH", "origin/" + place.branch},
      {"GIT_COMMIT", place.commit},
      {"GIT_URL", place.server + "/acme/app"},
      {"HUDSON_COOKIE", "0123-4567"},
      {"HUDSON_HOME", "/var/jenkins_home"},
      {"HUDSON_URL", "https://ci.example.org/"},
      {"JENKINS_HOME", "/var/jenkins_home"},
      {"JENKINS_NODE_COOKIE", "abc"},
      {"JENKINS_URL", "https://ci.example.org/"},
      {"JOB_BASE_NAME", "main"},
      {"JOB_NAME", "acme/app/main"},
      {"JOB_URL", job},
      {"NODE_LABELS", "built-in"},
      {"NODE_NAME", "built-in"},
      {"RUN_DISPLAY_URL", job + number + "/display/redirect"},
      {"STAGE_NAME", "handoff"},
      {"WORKSPACE", place.directory},
      {"WORKSPACE_TMP", place.directory + "@tmp"},
  };
}

CiVariables Buildkite(const CiPlace& place) {
  const std::string build = "https://buildkite.com/acme/app/builds/514";
  const std::string job = absl::StrCat("0190046e-e199-453b-a302-a21a4d649d3", place.run);
  return {
      {"BUILDKITE", "true"},
      {"BUILDKITE_AGENT_ACCESS_TOKEN", "agent-secret"},
      {"BUILDKITE_AGENT_ID", "1db22e7a-aaaa-bbbb-cccc-ddddeeeeffff"},
      {"BUILDKITE_AGENT_NAME", "elastic-1"},
      {"BUILDKITE_BRANCH", place.branch},
      {"BUILDKITE_BUILD_CHECKOUT_PATH", place.directory},
      {"BUILDKITE_BUILD_CREATOR", "Ann"},
      {"BUILDKITE_BUILD_ID", "4735ba57-80d0-46e2-8fa0-b28223a86586"},
      {"BUILDKITE_BUILD_NUMBER", "514"},
      {"BUILDKITE_BUILD_URL", build},
      {"BUILDKITE_COMMAND", "handoff submit"},
      {"BUILDKITE_COMMIT", place.commit},
      {"BUILDKITE_JOB_ID", job},
      {"BUILDKITE_LABEL", ":robot_face: handoff"},
      {"BUILDKITE_MESSAGE", "Begin"},
      {"BUILDKITE_ORGANIZATION_SLUG", "acme"},
      {"BUILDKITE_PIPELINE_DEFAULT_BRANCH", "main"},
      {"BUILDKITE_PIPELINE_ID", "0190-pipeline"},
      {"BUILDKITE_PIPELINE_SLUG", "app"},
      {"BUILDKITE_PULL_REQUEST", "false"},
      {"BUILDKITE_PULL_REQUEST_BASE_BRANCH", ""},
      {"BUILDKITE_PULL_REQUEST_REPO", ""},
      {"BUILDKITE_REPO", place.server + "/acme/app"},
      {"BUILDKITE_RETRY_COUNT", absl::StrCat(place.run - 1)},
      {"BUILDKITE_SOURCE", "webhook"},
      {"BUILDKITE_STEP_ID", "0190046e-0000-4000-8000-0000000000aa"},
      {"BUILDKITE_STEP_KEY", "mend"},
      {"BUILDKITE_TAG", ""},
      {"CI", "true"},
  };
}

}  // namespace

CiVariables VariablesOf(CiSystem system, const CiPlace& place) {
  switch (system) {
    case CiSystem::kGitHub:
      return GitHub(place);
    case CiSystem::kGitLab:
      return GitLab(place);
    case CiSystem::kJenkins:
      return Jenkins(place);
    case CiSystem::kBuildkite:
      return Buildkite(place);
  }
  return {};
}

std::vector<std::string> AsEnvironment(const CiVariables& variables) {
  std::vector<std::string> environment;
  for (const auto& [name, value] : variables) {
    environment.push_back(absl::StrCat(name, "=", value));
  }
  return environment;
}

}  // namespace handoff
