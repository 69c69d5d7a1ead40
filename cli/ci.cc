#include "cli/ci.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cli/settings.h"
#include "common/git/url.h"
#include "common/handoff/names.h"
#include "common/hash.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr size_t kMostLabelBytes = 256;

using Environment = std::vector<std::string>;

std::string Get(const Environment& environment, const char* name) {
  return FromEnvironment(environment, name);
}

// The first that is set.
std::string OneOf(const Environment& environment, const std::vector<const char*>& names) {
  for (const char* name : names) {
    std::string value = Get(environment, name);
    if (!value.empty()) return value;
  }
  return "";
}

std::string Plain(const std::string& text) {
  return OneLine(EscapeInvalidUtf8(text), kMostLabelBytes);
}

std::string CommitOr(const std::string& text) { return ValidateCommit(text).ok() ? text : ""; }
std::string RefOr(const std::string& text) { return ValidateRef(text).ok() ? text : ""; }

// Below `directory`; empty without one.
std::string FileIn(const std::string& directory, const char* name) {
  return directory.empty() ? "" : absl::StrCat(directory, "/", name);
}

CiJob GitHub(const Environment& e) {
  CiJob job;
  job.system = CiSystem::kGitHub;
  job.name = "github";
  const std::string server = Get(e, "GITHUB_SERVER_URL"), repository = Get(e, "GITHUB_REPOSITORY");
  if (!server.empty() && !repository.empty()) job.repo = absl::StrCat(server, "/", repository);
  job.commit = CommitOr(Get(e, "GITHUB_SHA"));
  const std::string ref = Get(e, "GITHUB_REF");
  job.ref = RefOr(OneOf(e, {"GITHUB_HEAD_REF", "GITHUB_REF_NAME"}));
  job.request = absl::StartsWith(ref, "refs/pull/");
  if (job.request) {
    job.made_commit =
        "GITHUB_SHA is the merge that GitHub made for this pull request. Give actions/checkout the "
        "pull request's own commit: ref: ${{ github.event.pull_request.head.sha }}";
  }
  job.pipeline = Get(e, "GITHUB_RUN_ID");
  job.attempt = Get(e, "GITHUB_RUN_ATTEMPT");
  job.url = absl::StrCat(job.repo, "/actions/runs/", job.pipeline, "/attempts/", job.attempt);
  job.job = Get(e, "GITHUB_JOB");
  job.outputs = Get(e, "GITHUB_OUTPUT");
  job.summary = Get(e, "GITHUB_STEP_SUMMARY");
  return job;
}

CiJob GitLab(const Environment& e) {
  CiJob job;
  job.system = CiSystem::kGitLab;
  job.name = "gitlab";
  const std::string project = Get(e, "CI_PROJECT_URL");
  // As the checkout's origin is, which has the job's token in it.
  job.repo = Get(e, "CI_REPOSITORY_URL");
  if (job.repo.empty() && !project.empty()) job.repo = absl::StrCat(project, ".git");
  job.commit = CommitOr(Get(e, "CI_COMMIT_SHA"));
  job.ref = RefOr(OneOf(e, {"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_TAG",
                            "CI_COMMIT_BRANCH", "CI_COMMIT_REF_NAME"}));
  job.request = !Get(e, "CI_MERGE_REQUEST_IID").empty();
  const std::string event = Get(e, "CI_MERGE_REQUEST_EVENT_TYPE");
  if (job.request && (event == "merged_result" || event == "merge_train")) {
    job.made_commit =
        "CI_COMMIT_SHA is the merge that GitLab made for this merge request. Take the merge "
        "request's own commit first: git checkout --detach $CI_MERGE_REQUEST_SOURCE_BRANCH_SHA";
  }
  job.pipeline = Get(e, "CI_PIPELINE_ID");
  job.url = Get(e, "CI_PIPELINE_URL");
  job.job = Get(e, "CI_JOB_NAME");
  job.part = Get(e, "CI_NODE_INDEX");
  job.attempt = Get(e, "CI_JOB_ID");  // there is no count, but a job that is retried is a new one
  job.outputs = FileIn(Get(e, "CI_PROJECT_DIR"), "handoff.env");
  job.summary = FileIn(Get(e, "CI_PROJECT_DIR"), "handoff-summary.md");
  return job;
}

CiJob Jenkins(const Environment& e) {
  CiJob job;
  job.system = CiSystem::kJenkins;
  job.name = "jenkins";
  job.repo = OneOf(e, {"GIT_URL", "GIT_URL_1"});
  job.commit = CommitOr(Get(e, "GIT_COMMIT"));
  const std::string branch = OneOf(e, {"CHANGE_BRANCH", "TAG_NAME", "BRANCH_NAME", "GIT_BRANCH"});
  job.ref = RefOr(std::string(absl::StripPrefix(branch, "origin/")));
  job.request = !Get(e, "CHANGE_ID").empty();
  job.pipeline = OneOf(e, {"BUILD_URL", "BUILD_TAG"});
  job.url = Get(e, "BUILD_URL");
  job.job = Get(e, "JOB_NAME");
  job.part = Get(e, "STAGE_NAME");
  job.attempt = Get(e, "BUILD_NUMBER");  // a build that is run again is a new one
  job.outputs = FileIn(Get(e, "WORKSPACE"), "handoff.env");
  job.summary = FileIn(Get(e, "WORKSPACE"), "handoff-summary.md");
  return job;
}

// Letters, digits and "-_.".
std::string MetaDataKey(absl::string_view text) {
  std::string key;
  for (const char c : text.substr(0, 64)) {
    const bool fits =
        absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
    key.push_back(fits ? c : '-');
  }
  return key;
}

CiJob Buildkite(const Environment& e) {
  CiJob job;
  job.system = CiSystem::kBuildkite;
  job.name = "buildkite";
  job.repo = Get(e, "BUILDKITE_REPO");
  job.commit = CommitOr(Get(e, "BUILDKITE_COMMIT"));  // "HEAD" when nobody said which
  job.ref = RefOr(OneOf(e, {"BUILDKITE_TAG", "BUILDKITE_BRANCH"}));
  const std::string request = Get(e, "BUILDKITE_PULL_REQUEST");
  job.request = !request.empty() && request != "false";
  if (job.request && Get(e, "BUILDKITE_PULL_REQUEST_USING_MERGE_REFSPEC") == "true") {
    job.made_commit =
        "the pipeline builds the merge that was made for this pull request. Turn that off in the "
        "pipeline's settings, or check out the pull request's own commit first";
  }
  job.pipeline = Get(e, "BUILDKITE_BUILD_ID");
  job.url = Get(e, "BUILDKITE_BUILD_URL");
  job.job = OneOf(e, {"BUILDKITE_STEP_KEY", "BUILDKITE_LABEL", "BUILDKITE_STEP_ID"});
  // A matrix has one step; a job that is retried has a new id.
  const std::string index = Get(e, "BUILDKITE_PARALLEL_JOB");
  job.part = absl::StrCat(index, " ", Get(e, "BUILDKITE_JOB_ID"));
  job.attempt = Get(e, "BUILDKITE_RETRY_COUNT");
  if (job.attempt.empty()) job.attempt = "0";
  const std::string step = MetaDataKey(Get(e, "BUILDKITE_STEP_KEY"));
  job.key = step.empty() ? "handoff" : step;
  if (!index.empty()) absl::StrAppend(&job.key, "-", MetaDataKey(index));
  return job;
}

const char* TitleOf(CiSystem system) {
  switch (system) {
    case CiSystem::kGitHub:
      return "GitHub Actions";
    case CiSystem::kGitLab:
      return "GitLab CI";
    case CiSystem::kJenkins:
      return "Jenkins";
    case CiSystem::kBuildkite:
      return "Buildkite";
  }
  return "";
}

// What its attempt is known by.
const char* AttemptWord(CiSystem system) {
  switch (system) {
    case CiSystem::kGitHub:
      return "attempt";
    case CiSystem::kGitLab:
      return "job id";
    case CiSystem::kJenkins:
      return "build";
    case CiSystem::kBuildkite:
      return "retry";
  }
  return "";
}

// What names the job and its attempt, by the names of its variables.
absl::Status CheckNamed(const CiJob& job) {
  static constexpr const char* kNames[4][2] = {{"GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT"},
                                               {"CI_PIPELINE_ID", "CI_JOB_ID"},
                                               {"BUILD_URL", "BUILD_NUMBER"},
                                               {"BUILDKITE_BUILD_ID", "BUILDKITE_RETRY_COUNT"}};
  if (!job.pipeline.empty() && !job.attempt.empty()) return absl::OkStatus();
  const char* const missing = kNames[static_cast<int>(job.system)][job.pipeline.empty() ? 0 : 1];
  return absl::InvalidArgumentError(absl::StrCat(
      "--ci: this looks like ", TitleOf(job.system), ", but ", missing,
      " is not set, and without it a job that is run again cannot be told from the first. Hand the "
      "system's variables to the command (a container may have been started without them), or use "
      "--idempotency-key without --ci"));
}

}  // namespace

absl::StatusOr<CiJob> FindCiJob(const std::vector<std::string>& environment) {
  CiJob job;
  if (Get(environment, "GITHUB_ACTIONS") == "true") {
    job = GitHub(environment);
  } else if (Get(environment, "GITLAB_CI") == "true") {
    job = GitLab(environment);
  } else if (Get(environment, "BUILDKITE") == "true") {
    job = Buildkite(environment);
  } else if (!Get(environment, "JENKINS_URL").empty() ||
             absl::StartsWith(Get(environment, "BUILD_TAG"), "jenkins-")) {
    job = Jenkins(environment);
  } else {
    return absl::InvalidArgumentError(
        "--ci finds no CI system here: it looks for GITHUB_ACTIONS=true, GITLAB_CI=true, "
        "BUILDKITE=true, and JENKINS_URL or BUILD_TAG of Jenkins. Submit without --ci; "
        "--idempotency-key and --from pushed can be given by themselves");
  }
  // One that we would not take as a repository is none.
  job.repo = WithoutCredentials(job.repo);
  if (!ValidateRepoUrl(job.repo).ok()) job.repo.clear();
  RETURN_IF_ERROR(CheckNamed(job));
  return job;
}

std::string CiWords(const CiJob& job) {
  const std::string name = Plain(job.job);
  return absl::StrCat(TitleOf(job.system), name.empty() ? "" : ", job ", name, ", ",
                      AttemptWord(job.system), " ", Plain(job.attempt));
}

std::string CiKey(const CiJob& job, absl::string_view content) {
  // A value may hold anything: each by its hash, so that none reaches into the next.
  std::string all;
  for (const std::string* value :
       {&job.name, &job.repo, &job.pipeline, &job.job, &job.part, &job.attempt}) {
    absl::StrAppend(&all, Sha256Hex(*value), "\n");
  }
  return absl::StrCat("ci-", job.name, "-", Sha256Hex(absl::StrCat(all, Sha256Hex(content))));
}

std::vector<std::string> CiLabels(const CiJob& job) {
  std::vector<std::string> labels;
  const auto add = [&](const char* key, const std::string& text) {
    const std::string value = Plain(text);
    if (!value.empty() && ValidateLabel(key, value).ok()) {
      labels.push_back(absl::StrCat(key, "=", value));
    }
  };
  add("ci", job.name);
  add("ci.run", WithoutCredentials(job.url));
  add("ci.job", job.job);
  add("ci.attempt", job.attempt);
  return labels;
}

}  // namespace handoff
