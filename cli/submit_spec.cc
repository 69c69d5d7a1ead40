#include "cli/submit_spec.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cli/text/children.h"
#include "cli/text/options.h"
#include "cli/text/words.h"
#include "common/handoff/names.h"
#include "common/hash.h"
#include "common/status.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr int kMostPriority = 100;
constexpr int kMostRetries = 10;
constexpr size_t kMostKeyBytes = 128;
constexpr size_t kMostLabels = 32;
constexpr size_t kMostChecks = 16;
constexpr size_t kMostCheckBytes = 4096;
constexpr int kMostCheckRetries = 20;

constexpr absl::Duration kLeastLease = absl::Seconds(5);  // the coordinator's own bound

std::string First(const std::string& flag, const std::string& fallback) {
  return flag.empty() ? fallback : flag;
}

// What the person did not type is not theirs to look for among their flags.
absl::Status InFile(const absl::Status& status, const ProjectDefaults& defaults) {
  return Annotate(status, defaults.file);
}

absl::Status SetTimes(const SubmitFlags& flags, const ProjectDefaults& defaults,
                      v1::HandoffSpec* spec) {
  const auto set = [&](absl::string_view key, const std::string& flag, const std::string& fallback,
                       auto field, absl::Duration least = absl::ZeroDuration()) -> absl::Status {
    if (flag.empty() && fallback.empty()) return absl::OkStatus();
    const auto duration =
        flag.empty() ? ParseDuration(key, fallback, least)
                     : ParseDuration(absl::StrCat("--", absl::StrReplaceAll(key, {{"_", "-"}})),
                                     flag, least);
    if (!duration.ok()) {
      return flag.empty() ? InFile(duration.status(), defaults) : duration.status();
    }
    SetDuration(*duration, (spec->*field)());
    return absl::OkStatus();
  };
  using Spec = v1::HandoffSpec;
  RETURN_IF_ERROR(set("timeout", flags.timeout, defaults.timeout, &Spec::mutable_timeout));
  RETURN_IF_ERROR(set("deadline", flags.deadline, defaults.deadline, &Spec::mutable_deadline));
  RETURN_IF_ERROR(set("stall_timeout", flags.stall_timeout, defaults.stall_timeout,
                      &Spec::mutable_stall_timeout));
  return set("lease", flags.lease, "", &Spec::mutable_lease, kLeastLease);
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
    const std::string why = absl::StrCat("retries ", *retries, " is not between 0 and 10");
    return flags.retries ? absl::InvalidArgumentError("--" + why)
                         : InFile(absl::InvalidArgumentError(why), defaults);
  }
  if (retries) spec->set_retries(static_cast<int>(*retries));
  return absl::OkStatus();
}

absl::Status AddCheck(const std::string& command, v1::HandoffSpec* spec) {
  if (command.empty() || command.size() > kMostCheckBytes) {
    return absl::InvalidArgumentError("a check's command must have 1 to 4096 bytes");
  }
  if (static_cast<size_t>(spec->checks_size()) == kMostChecks) {
    return absl::InvalidArgumentError(
        absl::StrCat("there are more than ", kMostChecks, " checks: put some into one script"));
  }
  spec->add_checks()->set_command(command);
  return absl::OkStatus();
}

// How the checks are run, unset where nothing says.
struct HowChecked {
  std::optional<absl::Duration> timeout;
  int64_t retries = 0;
};
absl::StatusOr<HowChecked> ReadHowChecked(const SubmitFlags& flags,
                                          const ProjectDefaults& defaults) {
  HowChecked how;
  if (!flags.check_timeout.empty()) {
    ASSIGN_OR_RETURN(how.timeout, ParseDuration("--check-timeout", flags.check_timeout));
  } else if (!defaults.check_timeout.empty()) {
    const auto limit = ParseDuration("check_timeout", defaults.check_timeout);
    if (!limit.ok()) return InFile(limit.status(), defaults);
    how.timeout = *limit;
  }
  how.retries = flags.check_retries ? *flags.check_retries : defaults.check_retries.value_or(0);
  if (how.retries >= 0 && how.retries <= kMostCheckRetries) return how;
  const std::string why = absl::StrCat(how.retries, " is not between 0 and ", kMostCheckRetries);
  return flags.check_retries ? absl::InvalidArgumentError("--check-retries " + why)
                             : InFile(absl::InvalidArgumentError("check_retries " + why), defaults);
}

// What a repository wants checked is the work of agents: a command is its own check.
absl::Status SetChecks(const SubmitFlags& flags, const ProjectDefaults& defaults,
                       v1::HandoffSpec* spec) {
  for (const std::string& command : flags.checks) {
    RETURN_IF_ERROR(Annotate(AddCheck(command, spec), "--check"));
  }
  const bool from_file = flags.checks.empty() && spec->agent() != "command";
  for (const std::string& command : from_file ? defaults.checks : std::vector<std::string>{}) {
    RETURN_IF_ERROR(InFile(AddCheck(command, spec), defaults));
  }
  // Also where there is none: the file is right or wrong whatever is submitted.
  ASSIGN_OR_RETURN(const HowChecked how, ReadHowChecked(flags, defaults));
  if (spec->checks().empty()) {
    const bool for_none = !flags.check_timeout.empty() || flags.check_retries.has_value();
    return for_none ? absl::InvalidArgumentError(
                          absl::StrCat(flags.check_retries ? "--check-retries" : "--check-timeout",
                                       " is about checks, and there are none: add --check CMD"))
                    : absl::OkStatus();
  }
  for (v1::Check& check : *spec->mutable_checks()) {
    if (how.timeout) SetDuration(*how.timeout, check.mutable_timeout());
  }
  // A command reads no messages, so it would only do the same again.
  if (flags.check_retries.value_or(0) > 0 && spec->agent() == "command") {
    return absl::InvalidArgumentError(
        "--check-retries is for agents that read what failed, not for a command");
  }
  if (spec->agent() != "command") spec->set_check_retries(static_cast<int>(how.retries));
  return absl::OkStatus();
}

// A flag's pair wins over the repository's.
absl::Status SetLabels(absl::string_view flag, const std::vector<std::string>& pairs,
                       const std::map<std::string, std::string>& fallback,
                       const ProjectDefaults& defaults,
                       google::protobuf::Map<std::string, std::string>* field) {
  for (const auto& [key, value] : fallback) {
    RETURN_IF_ERROR(InFile(ValidateLabel(key, value), defaults));
    (*field)[key] = value;
  }
  ASSIGN_OR_RETURN(const auto given, ParseLabels(flag, pairs));
  for (const auto& [key, value] : given) (*field)[key] = value;
  if (field->size() <= kMostLabels) return absl::OkStatus();
  const absl::Status status = absl::InvalidArgumentError(absl::StrCat(
      flag, " is there ", field->size(), " times; at most ", kMostLabels, " are taken"));
  return given.empty() ? InFile(status, defaults) : status;
}

// As far as there is room; a person's and the repository's own come first.
absl::Status AddLabelsOfCi(const std::vector<std::string>& pairs, v1::HandoffSpec* spec) {
  ASSIGN_OR_RETURN(const auto labels, ParseLabels("--ci", pairs));
  for (const auto& label : labels) {
    if (spec->labels().size() < kMostLabels)
      spec->mutable_labels()->insert({label.first, label.second});
  }
  return absl::OkStatus();
}

absl::Status SetAgent(const SubmitFlags& flags, const ProjectDefaults& defaults,
                      const std::vector<std::string>& argv, v1::HandoffSpec* spec) {
  // A command line needs no flag to say that it is one.
  std::string agent = First(flags.agent, argv.empty() ? defaults.agent : "command");
  if (agent.empty()) agent = "cursor";
  const absl::Status valid = ValidateAgentName(agent);
  if (!valid.ok()) return flags.agent.empty() ? InFile(valid, defaults) : valid;
  if (!argv.empty() && agent != "command") {
    return absl::InvalidArgumentError(
        absl::StrCat("a command line behind '--' is for --agent command, not for ", agent,
                     ": give the task as one argument in quotes"));
  }
  const std::string model =
      First(flags.model, agent == defaults.agent || flags.agent.empty() ? defaults.model : "");
  const absl::Status fits = ValidateModel(model);
  if (!fits.ok()) return flags.model.empty() ? InFile(fits, defaults) : fits;
  spec->set_agent(agent);
  if (agent != "command") spec->set_model(model);
  if (agent == "command" && !flags.model.empty()) {
    return absl::InvalidArgumentError("--model is for agents with a model, not for a command");
  }
  return absl::OkStatus();
}

// A command has facts only, whatever its repository wants of agents.
absl::Status SetSummaries(const SubmitFlags& flags, const ProjectDefaults& defaults,
                          v1::HandoffSpec* spec) {
  const bool command = spec->agent() == "command";
  if (command && (!flags.summaries.empty() || !flags.summary_model.empty())) {
    return absl::InvalidArgumentError(
        "--summaries and --summary-model are about agents; a command has facts only");
  }
  if (command) return absl::OkStatus();
  const std::string when = First(flags.summaries, defaults.summaries);
  if (when == "always") {
    spec->set_summaries(v1::HandoffSpec::ALWAYS);
  } else if (when == "never") {
    spec->set_summaries(v1::HandoffSpec::NEVER);
  } else if (!when.empty() && when != "auto") {
    const std::string why =
        absl::StrCat("summaries '", when, "' is none of always, auto and never");
    return flags.summaries.empty() ? InFile(absl::InvalidArgumentError(why), defaults)
                                   : absl::InvalidArgumentError("--" + why);
  }
  // Like the agent's model, that of the file belongs to the file's agent.
  const bool of_file = spec->agent() == defaults.agent || flags.agent.empty();
  const std::string model = First(flags.summary_model, of_file ? defaults.summary_model : "");
  const absl::Status fits = ValidateModel(model);
  if (!fits.ok()) return flags.summary_model.empty() ? InFile(fits, defaults) : fits;
  spec->set_summary_model(model);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPush(const v1::HandoffSpec& spec) {
  if (!spec.push() || !spec.repository().url().empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      spec.has_repository()
          ? "--push has nowhere to push to: this repository has no remote. Add one, or submit with "
            "--no-push; 'handoff fetch' brings the work here"
          : "--push is about the work in a repository, and this handoff has none");
}

absl::StatusOr<v1::HandoffSpec> BuildSpec(const SubmitFlags& flags, const ProjectDefaults& defaults,
                                          const std::string& task,
                                          const std::vector<std::string>& argv,
                                          const std::vector<std::string>& environment) {
  v1::HandoffSpec spec;
  RETURN_IF_ERROR(ValidateTask(task));
  spec.set_task(task);
  spec.mutable_argv()->Add(argv.begin(), argv.end());
  RETURN_IF_ERROR(SetAgent(flags, defaults, argv, &spec));
  RETURN_IF_ERROR(
      SetLabels("--label", flags.labels, defaults.labels, defaults, spec.mutable_labels()));
  RETURN_IF_ERROR(
      SetLabels("--require", flags.require, defaults.require, defaults, spec.mutable_require()));
  if (!flags.on.empty()) RETURN_IF_ERROR(ValidateWorkerName(flags.on));
  if (!flags.prefer.empty()) RETURN_IF_ERROR(ValidateWorkerName(flags.prefer));
  spec.set_on_worker(flags.on);
  spec.set_prefer_worker(flags.prefer);
  spec.set_exclusive(flags.exclusive);
  RETURN_IF_ERROR(SetNumbers(flags, defaults, &spec));
  RETURN_IF_ERROR(SetTimes(flags, defaults, &spec));
  RETURN_IF_ERROR(SetChecks(flags, defaults, &spec));
  RETURN_IF_ERROR(SetSummaries(flags, defaults, &spec));
  ASSIGN_OR_RETURN(const auto variables, ParseEnvironment(flags.env, environment));
  spec.mutable_env()->insert(variables.begin(), variables.end());
  if (!flags.id.empty()) RETURN_IF_ERROR(ValidateId(flags.id));
  spec.set_id(flags.id);
  if (flags.idempotency_key.size() > kMostKeyBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--idempotency-key has ", flags.idempotency_key.size(), " bytes; at most 128 are allowed"));
  }
  if (flags.dedupe_key.size() > kMostKeyBytes) {
    return absl::InvalidArgumentError(absl::StrCat("--dedupe-key has ", flags.dedupe_key.size(),
                                                   " bytes; at most 128 are allowed"));
  }
  spec.set_dedupe_key(flags.dedupe_key);
  // As with checks: what the repository wants is of the work of agents.
  const bool by_default = spec.agent() != "command" && defaults.push.value_or(false);
  spec.set_private_(flags.is_private);
  spec.set_child(flags.child);
  const std::string parent = ParentOf(environment);
  if (!parent.empty()) (*spec.mutable_labels())[kParentLabel] = parent;
  RETURN_IF_ERROR(AddLabelsOfCi(flags.ci_labels, &spec));
  spec.set_push(flags.push || (by_default && !flags.no_push));
  spec.mutable_notify()->Add(flags.notify.begin(), flags.notify.end());
  // Without one of the person's, a key of this submit lets a retry after a lost answer find what
  // was stored instead of storing it again.
  spec.set_idempotency_key(flags.idempotency_key.empty() ? absl::StrCat("submit-", RandomHex(16))
                                                         : flags.idempotency_key);
  return spec;
}

}  // namespace handoff
