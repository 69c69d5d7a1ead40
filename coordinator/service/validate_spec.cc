// What a person may submit.

#include <limits>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/handoff/describe_attached.h"
#include "common/handoff/names.h"
#include "common/hash.h"
#include "common/rpc/proto_time.h"
#include "common/status.h"
#include "common/text.h"
#include "coordinator/core/limits.h"
#include "coordinator/object_store.h"
#include "coordinator/service/validate.h"

namespace handoff {
namespace {

constexpr int kMaxNotify = 8;
constexpr int kMaxCheckRetries = 20;
constexpr size_t kMaxChecks = 16;
constexpr size_t kMaxCheckBytes = 4096;
constexpr size_t kMaxEnv = 64;
constexpr size_t kMaxEnvBytes = 32 << 10;
constexpr int kMaxArgv = 4096;
constexpr size_t kMaxArgvBytes = 512 << 10;
constexpr size_t kMaxArgumentBytes = (128 << 10) - 1;  // the kernel's own limit for one string
constexpr size_t kMaxNotes = 64;
constexpr absl::Duration kMostDuration = absl::Hours(24 * 30);

absl::Status ValidateSpan(const google::protobuf::Duration& duration, absl::string_view name,
                          absl::Duration least) {
  ASSIGN_OR_RETURN(const absl::Duration span, FromProto(duration, name));
  if (span >= least && span > absl::ZeroDuration() && span <= kMostDuration) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is ", absl::FormatDuration(span), ": use ",
                   least > absl::ZeroDuration() ? absl::FormatDuration(least) : "more than 0",
                   " and at most 30 days"));
}

absl::Status ValidateRange(int64_t value, absl::string_view name, int64_t least, int64_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is ", value, ": use ", least, " to ", most));
}

absl::Status ValidateEnv(const v1::HandoffSpec& spec) {
  size_t bytes = 0;
  for (const auto& [name, value] : spec.env()) {
    RETURN_IF_ERROR(ValidateEnvName(name));
    if (value.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("environment variable ", name, " has a NUL in its value"));
    }
    bytes += name.size() + value.size() + 2;
  }
  if (spec.env().size() <= kMaxEnv && bytes <= kMaxEnvBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the environment has ", spec.env().size(),
                                                 " variables and ", bytes, " bytes: use at most ",
                                                 kMaxEnv, " and 32 KiB"));
}

absl::Status ValidateArgv(const v1::HandoffSpec& spec) {
  if (spec.argv().empty()) return ValidateTask(spec.task());
  if (spec.agent() != "command") {
    return absl::InvalidArgumentError(
        absl::StrCat("argv is for the agent 'command' only, not for '", spec.agent(),
                     "': give the task as text"));
  }
  size_t bytes = 0;
  for (const std::string& argument : spec.argv()) {
    bytes += argument.size() + 1;
    if (argument.size() > kMaxArgumentBytes || argument.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(
          "an argument is longer than 128 KiB or has a NUL in it: put it into a file");
    }
  }
  if (spec.argv(0).empty()) return absl::InvalidArgumentError("argv[0], the program, is empty");
  if (spec.argv().size() > kMaxArgv || bytes > kMaxArgvBytes) {
    return absl::InvalidArgumentError(absl::StrCat("argv has ", spec.argv().size(),
                                                   " arguments and ", HumanBytes(bytes),
                                                   ": use at most ", kMaxArgv, " and 512 KiB"));
  }
  return spec.task().empty() ? absl::OkStatus() : ValidateTask(spec.task());
}

absl::Status ValidateDirectory(absl::string_view directory) {
  if (directory.empty()) return absl::OkStatus();
  bool plain = directory.size() <= 4096 && directory.find('\0') == absl::string_view::npos;
  for (const absl::string_view part : absl::StrSplit(directory, '/')) {
    plain &= !part.empty() && part != "." && part != "..";
  }
  if (plain) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "repository.directory must be a path below the repository's root, without '..'");
}

absl::Status ValidatePack(const v1::Repository& repository) {
  if (repository.pack_sha256().empty()) {
    if (repository.pack_bytes() == 0 && !repository.pack_complete()) return absl::OkStatus();
    return absl::InvalidArgumentError("repository.pack_sha256 is missing");
  }
  if (!IsSha256Hex(repository.pack_sha256())) {
    return absl::InvalidArgumentError("repository.pack_sha256 is no SHA-256 in lower-case hex");
  }
  if (repository.pack_bytes() <= ObjectStore::kMaxBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the pack has ", HumanBytes(repository.pack_bytes()), ": at most 4 GiB are taken"));
}

absl::Status ValidateSource(const v1::Repository& repository) {
  if (!repository.url().empty()) {
    RETURN_IF_ERROR(ValidateRepoUrl(repository.url()));
  } else if (!repository.pack_complete() || repository.commit().empty()) {
    return absl::InvalidArgumentError(
        "the repository has no URL and no complete pack with a commit: a worker could not get it");
  } else {
    const std::string& key = repository.key();
    if (!absl::StartsWith(key, "root:") || !ValidateCommit(key.substr(5)).ok()) {
      return absl::InvalidArgumentError(
          "repository.key must be 'root:' and the first commit when there is no URL");
    }
  }
  if (!repository.ref().empty()) RETURN_IF_ERROR(ValidateRef(repository.ref()));
  if (!repository.commit().empty()) RETURN_IF_ERROR(ValidateCommit(repository.commit()));
  if (repository.worktree_commit().empty()) return absl::OkStatus();
  if (repository.commit().empty()) {
    return absl::InvalidArgumentError("repository.worktree_commit needs repository.commit");
  }
  return ValidateCommit(repository.worktree_commit());
}

absl::Status ValidateRepository(const v1::Repository& repository) {
  RETURN_IF_ERROR(ValidateSource(repository));
  RETURN_IF_ERROR(ValidatePack(repository));
  RETURN_IF_ERROR(ValidateDirectory(repository.directory()));
  RETURN_IF_ERROR(ValidateLine("repository.user_name", repository.user_name(), 256));
  RETURN_IF_ERROR(ValidateLine("repository.user_email", repository.user_email(), 256));
  if (static_cast<size_t>(repository.notes_size()) > kMaxNotes) {
    return absl::InvalidArgumentError("repository.notes has more than 64 entries");
  }
  for (const std::string& note : repository.notes()) {
    RETURN_IF_ERROR(ValidateLine("a note", note, 1024));
  }
  return absl::OkStatus();
}

absl::Status ValidateChecks(const v1::HandoffSpec& spec) {
  if (static_cast<size_t>(spec.checks_size()) > kMaxChecks) {
    return absl::InvalidArgumentError(
        absl::StrCat(spec.checks_size(), " checks: use at most ", kMaxChecks));
  }
  for (const v1::Check& check : spec.checks()) {
    if (check.command().empty() || check.command().size() > kMaxCheckBytes ||
        check.command().find('\0') != std::string::npos) {
      return absl::InvalidArgumentError("a check's command must have 1 to 4096 bytes and no NUL");
    }
    if (check.has_timeout()) {
      RETURN_IF_ERROR(ValidateSpan(check.timeout(), "a check's timeout", absl::ZeroDuration()));
    }
  }
  if (spec.check_retries() >= 0 && spec.check_retries() <= kMaxCheckRetries)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("check_retries is ", spec.check_retries(), ": use 0 to ", kMaxCheckRetries));
}

absl::Status ValidateTimes(const v1::HandoffSpec& spec) {
  constexpr absl::Duration kAny = absl::ZeroDuration();
  if (spec.has_timeout()) RETURN_IF_ERROR(ValidateSpan(spec.timeout(), "timeout", kAny));
  if (spec.has_deadline()) RETURN_IF_ERROR(ValidateSpan(spec.deadline(), "deadline", kAny));
  if (spec.has_stall_timeout()) {
    RETURN_IF_ERROR(ValidateSpan(spec.stall_timeout(), "stall_timeout", kAny));
  }
  if (spec.has_first_event_timeout()) {
    RETURN_IF_ERROR(ValidateSpan(spec.first_event_timeout(), "first_event_timeout", kAny));
  }
  if (spec.has_lease()) RETURN_IF_ERROR(ValidateSpan(spec.lease(), "lease", core::kMinLease));
  return absl::OkStatus();
}

}  // namespace

absl::Status Validate(const v1::HandoffSpec& spec) {
  RETURN_IF_ERROR(ValidateAgentName(spec.agent()));
  RETURN_IF_ERROR(ValidateArgv(spec));
  RETURN_IF_ERROR(ValidateModel(spec.model()));
  if (spec.has_repository()) {
    RETURN_IF_ERROR(ValidateRepository(spec.repository()));
  } else if (spec.agent() != "command") {
    return absl::InvalidArgumentError(absl::StrCat(
        "the agent '", spec.agent(), "' needs a repository: submit from one, or name it"));
  }
  if (spec.push() && spec.repository().url().empty()) {
    return absl::InvalidArgumentError(
        "push needs a repository with a remote, to whose branch handoff/<id> the work goes");
  }
  RETURN_IF_ERROR(ValidateChecks(spec));
  RETURN_IF_ERROR(ValidateAttachments(spec));
  RETURN_IF_ERROR(ValidateLabels(spec.labels(), "labels"));
  RETURN_IF_ERROR(ValidateLabels(spec.require(), "require"));
  if (!spec.on_worker().empty()) RETURN_IF_ERROR(ValidateWorkerName(spec.on_worker()));
  if (!spec.prefer_worker().empty()) RETURN_IF_ERROR(ValidateWorkerName(spec.prefer_worker()));
  RETURN_IF_ERROR(
      ValidateRange(spec.priority(), "priority", -core::kMostPriority, core::kMostPriority));
  RETURN_IF_ERROR(ValidateRange(spec.retries(), "retries", 0, 10));
  RETURN_IF_ERROR(ValidateTimes(spec));
  RETURN_IF_ERROR(ValidateEnv(spec));
  RETURN_IF_ERROR(ValidateLine("idempotency_key", spec.idempotency_key(), 128));
  RETURN_IF_ERROR(ValidateLine("dedupe_key", spec.dedupe_key(), 128));
  RETURN_IF_ERROR(Annotate(ValidateModel(spec.summary_model()), "summary_model"));
  if (!v1::HandoffSpec::Summaries_IsValid(spec.summaries())) {
    return absl::InvalidArgumentError(
        absl::StrCat("summaries is ", spec.summaries(), ": use AUTO, ALWAYS or NEVER"));
  }
  RETURN_IF_ERROR(ValidateRange(spec.notify_size(), "the number of notify keys", 0, kMaxNotify));
  return spec.id().empty() ? absl::OkStatus() : ValidateId(spec.id());
}

absl::Status ValidateNotify(const v1::HandoffSpec& spec, const std::set<std::string>& known) {
  for (const std::string& key : spec.notify()) {
    if (known.count(key) > 0) continue;
    RETURN_IF_ERROR(ValidateNotifyKey(key));
    return absl::InvalidArgumentError(
        absl::StrCat("the coordinator's configuration has no [notify.", key, "]",
                     known.empty() ? ", nor any other"
                                   : absl::StrCat("; there are ", absl::StrJoin(known, ", "))));
  }
  return absl::OkStatus();
}

}  // namespace handoff
