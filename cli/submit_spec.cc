#include "cli/submit_spec.h"

#include "absl/strings/str_cat.h"
#include "cli/options.h"
#include "cli/words.h"
#include "common/handoff/names.h"
#include "common/hash.h"
#include "common/status.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr int kMostPriority = 100;
constexpr int kMostRetries = 10;
constexpr size_t kMostKeyBytes = 128;

std::string First(const std::string& flag, const std::string& fallback) {
  return flag.empty() ? fallback : flag;
}

absl::Status SetTimes(const SubmitFlags& flags, const ProjectDefaults& defaults,
                      v1::HandoffSpec* spec) {
  const auto set = [](absl::string_view flag, const std::string& text, auto* field) {
    const auto duration = ParseDuration(flag, text);
    if (duration.ok()) SetDuration(*duration, field);
    return duration.status();
  };
  const std::string timeout = First(flags.timeout, defaults.timeout);
  if (!timeout.empty()) RETURN_IF_ERROR(set("--timeout", timeout, spec->mutable_timeout()));
  const std::string deadline = First(flags.deadline, defaults.deadline);
  if (!deadline.empty()) RETURN_IF_ERROR(set("--deadline", deadline, spec->mutable_deadline()));
  const std::string stall = First(flags.stall_timeout, defaults.stall_timeout);
  if (!stall.empty()) {
    RETURN_IF_ERROR(set("--stall-timeout", stall, spec->mutable_stall_timeout()));
  }
  if (!flags.lease.empty()) RETURN_IF_ERROR(set("--lease", flags.lease, spec->mutable_lease()));
  return absl::OkStatus();
}

absl::Status SetNumbers(const SubmitFlags& flags, const ProjectDefaults& defaults,
                        v1::HandoffSpec* spec) {
  if (flags.priority < -kMostPriority || flags.priority > kMostPriority) {
    return absl::InvalidArgumentError(
        absl::StrCat("--priority ", flags.priority, " is not between -100 and 100"));
  }
  spec->set_priority(flags.priority);
  const std::optional<int64_t> retries =
      flags.retries ? std::optional<int64_t>(*flags.retries) : defaults.retries;
  if (retries && (*retries < 0 || *retries > kMostRetries)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--retries ", *retries, " is not between 0 and 10"));
  }
  if (retries) spec->set_retries(static_cast<int>(*retries));
  return absl::OkStatus();
}

// A flag's pair wins over the repository's.
absl::Status SetLabels(absl::string_view flag, const std::vector<std::string>& pairs,
                       const std::map<std::string, std::string>& defaults,
                       google::protobuf::Map<std::string, std::string>* field) {
  for (const auto& [key, value] : defaults) {
    RETURN_IF_ERROR(ValidateLabel(key, value));
    (*field)[key] = value;
  }
  ASSIGN_OR_RETURN(const auto given, ParseLabels(flag, pairs));
  for (const auto& [key, value] : given) (*field)[key] = value;
  return absl::OkStatus();
}

absl::Status SetAgent(const SubmitFlags& flags, const ProjectDefaults& defaults,
                      const std::vector<std::string>& argv, v1::HandoffSpec* spec) {
  // A command line needs no flag to say that it is one.
  std::string agent = First(flags.agent, argv.empty() ? defaults.agent : "command");
  if (agent.empty()) agent = "cursor";
  RETURN_IF_ERROR(ValidateAgentName(agent));
  if (!argv.empty() && agent != "command") {
    return absl::InvalidArgumentError(
        absl::StrCat("a command line behind '--' is for --agent command, not for ", agent,
                     ": give the task as one argument in quotes"));
  }
  const std::string model =
      First(flags.model, agent == defaults.agent || flags.agent.empty() ? defaults.model : "");
  RETURN_IF_ERROR(ValidateModel(model));
  spec->set_agent(agent);
  if (agent != "command") spec->set_model(model);
  if (agent == "command" && !flags.model.empty()) {
    return absl::InvalidArgumentError("--model is for agents with a model, not for a command");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::HandoffSpec> BuildSpec(const SubmitFlags& flags, const ProjectDefaults& defaults,
                                          const std::string& task,
                                          const std::vector<std::string>& argv,
                                          const std::vector<std::string>& environment) {
  v1::HandoffSpec spec;
  RETURN_IF_ERROR(ValidateTask(task));
  spec.set_task(task);
  spec.mutable_argv()->Add(argv.begin(), argv.end());
  RETURN_IF_ERROR(SetAgent(flags, defaults, argv, &spec));
  RETURN_IF_ERROR(SetLabels("--label", flags.labels, defaults.labels, spec.mutable_labels()));
  RETURN_IF_ERROR(SetLabels("--require", flags.require, defaults.require, spec.mutable_require()));
  if (!flags.on.empty()) RETURN_IF_ERROR(ValidateWorkerName(flags.on));
  if (!flags.prefer.empty()) RETURN_IF_ERROR(ValidateWorkerName(flags.prefer));
  spec.set_on_worker(flags.on);
  spec.set_prefer_worker(flags.prefer);
  spec.set_exclusive(flags.exclusive);
  RETURN_IF_ERROR(SetNumbers(flags, defaults, &spec));
  RETURN_IF_ERROR(SetTimes(flags, defaults, &spec));
  ASSIGN_OR_RETURN(const auto variables, ParseEnvironment(flags.env, environment));
  spec.mutable_env()->insert(variables.begin(), variables.end());
  if (!flags.id.empty()) RETURN_IF_ERROR(ValidateId(flags.id));
  spec.set_id(flags.id);
  if (flags.idempotency_key.size() > kMostKeyBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--idempotency-key has ", flags.idempotency_key.size(), " bytes; at most 128 are allowed"));
  }
  // Without one of the person's, a key of this submit lets a retry after a lost answer find what
  // was stored instead of storing it again.
  spec.set_idempotency_key(flags.idempotency_key.empty() ? absl::StrCat("submit-", RandomHex(16))
                                                         : flags.idempotency_key);
  spec.set_owner(OwnerFrom(environment));
  return spec;
}

}  // namespace handoff
