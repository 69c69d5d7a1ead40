#include "coordinator/service/validate.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/handoff/document_edits.h"
#include "common/handoff/names.h"
#include "common/hash.h"
#include "common/rpc/proto_time.h"
#include "common/status.h"
#include "common/text.h"
#include "coordinator/core/limits.h"

namespace handoff {
namespace {

constexpr size_t kMaxReason = 1024;
constexpr size_t kMaxEnclosure = 256;
constexpr size_t kMaxMessage = 256 << 10;
constexpr size_t kMaxCheckpoint = 64 << 10;
constexpr int kMaxPacks = 64;
constexpr int kMaxImportedLogs = 64;
constexpr uint64_t kMaxImportedLogBytes = uint64_t{256} << 20;
constexpr int kMaxPage = 500;
constexpr int kMaxRepoKeys = 1000;
constexpr int kMaxWorkspaces = 10000;
constexpr int kMaxOffers = 64;
constexpr int kMaxWorkerLabels = 64;  // its own and those of the token with which it joined
constexpr int kMaxProbes = 256;
constexpr uint64_t kMaxTerm = uint64_t{1} << 62;  // the core bounds it by its own

absl::Status TooMany(absl::string_view field, int64_t count, int64_t most) {
  return absl::InvalidArgumentError(absl::StrCat(count, " ", field, ": at most ", most));
}

absl::Status ValidateUuid(absl::string_view uuid) {
  const bool fine =
      !uuid.empty() && uuid.size() <= 64 && std::all_of(uuid.begin(), uuid.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
      });
  return fine ? absl::OkStatus()
              : absl::InvalidArgumentError("worker_uuid must be hex digits and '-', at most 64");
}

absl::Status ValidateAttempt(const std::string& id, int number) {
  RETURN_IF_ERROR(ValidateId(id));
  if (number >= 1 && number <= core::kMaxAttempts) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("attempt ", number, " of ", id, ": use 1 to ", core::kMaxAttempts));
}

absl::Status ValidateDocument(const std::string& text) {
  if (text.size() > kMaxDocumentBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the document has ", HumanBytes(text.size()), "; at most 1 MiB is allowed"));
  }
  if (IsValidUtf8(text) && !absl::StrContains(text, '\0')) return absl::OkStatus();
  return absl::InvalidArgumentError("the document must be UTF-8 text without NUL");
}

absl::Status ValidateOffers(const v1::SyncRequest& request) {
  if (request.agents_size() > kMaxOffers) {
    return TooMany("agents", request.agents_size(), kMaxOffers);
  }
  for (const v1::AgentOffer& offer : request.agents()) {
    RETURN_IF_ERROR(ValidateAgentName(offer.name()));
    RETURN_IF_ERROR(ValidateLine("agents.version", offer.version(), 256));
    RETURN_IF_ERROR(ValidateLine("agents.account", offer.account(), 256));
    if (offer.message().size() > 4096) {
      return absl::InvalidArgumentError("agents.message has more than 4096 bytes");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateStatuses(const v1::SyncRequest& request) {
  // A worker may hold every slot and, after a restart, as many ended ones that are not reported.
  constexpr int kMost = 4 * core::kMaxSlots;
  if (request.attempts_size() > kMost) return TooMany("attempts", request.attempts_size(), kMost);
  for (const v1::AttemptStatus& status : request.attempts()) {
    RETURN_IF_ERROR(ValidateAttempt(status.handoff_id(), status.number()));
  }
  if (request.turns_size() > kMaxOffers) return TooMany("turns", request.turns_size(), kMaxOffers);
  if (request.probes_size() > kMaxProbes)
    return TooMany("probes", request.probes_size(), kMaxProbes);
  for (const v1::ProbeResult& probe : request.probes()) {
    RETURN_IF_ERROR(ValidateLine("probes.key", probe.key(), 2100));
  }
  return absl::OkStatus();
}

absl::Status ValidateCheckpoint(const v1::Checkpoint& checkpoint) {
  if (checkpoint.ByteSizeLong() > kMaxCheckpoint) {
    return absl::InvalidArgumentError(absl::StrCat("the checkpoint's record has ",
                                                   checkpoint.ByteSizeLong(), " bytes; at most ",
                                                   kMaxCheckpoint, " are allowed"));
  }
  if (checkpoint.packs_size() > kMaxPacks)
    return TooMany("packs", checkpoint.packs_size(), kMaxPacks);
  for (const v1::Checkpoint::Pack& pack : checkpoint.packs()) {
    if (!IsSha256Hex(pack.sha256())) {
      return absl::InvalidArgumentError("packs must be named by their SHA-256 in hex");
    }
  }
  RETURN_IF_ERROR(ValidateLine("session", checkpoint.session(), 256));
  RETURN_IF_ERROR(ValidateLine("branch", checkpoint.branch(), 1024));
  for (const std::string* commit :
       {&checkpoint.head_commit(), &checkpoint.submitted_commit(), &checkpoint.session_tree()}) {
    if (!commit->empty()) RETURN_IF_ERROR(ValidateCommit(*commit));
  }
  return ValidateCommit(checkpoint.commit());
}

absl::Status ValidateMessage(const std::string& text) {
  if (text.size() > kMaxMessage) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the message has ", text.size(), " bytes; at most ", kMaxMessage, " are allowed"));
  }
  if (IsValidUtf8(text) && !absl::StrContains(text, '\0')) return absl::OkStatus();
  return absl::InvalidArgumentError("the message must be UTF-8 text without NUL");
}

absl::Status ValidateLogs(const v1::ImportRequest& request) {
  if (request.logs_size() > kMaxImportedLogs) {
    return absl::InvalidArgumentError(
        absl::StrCat(request.logs_size(), " logs: at most ", kMaxImportedLogs, " are imported"));
  }
  int last = 0;
  for (const v1::ImportRequest::Log& log : request.logs()) {
    if (log.attempt() <= last || log.attempt() > core::kMaxAttempts) {
      return absl::InvalidArgumentError(
          absl::StrCat("logs: attempt ", log.attempt(), " after ", last,
                       ": they are in order, each once, from 1 to ", core::kMaxAttempts));
    }
    last = log.attempt();
    if (!IsSha256Hex(log.sha256()))
      return absl::InvalidArgumentError("logs: sha256 is no SHA-256 in lower-case hex");
    if (log.bytes() > kMaxImportedLogBytes) {
      return absl::InvalidArgumentError(absl::StrCat("logs: that of attempt ", log.attempt(),
                                                     " has ", log.bytes(), " bytes; at most ",
                                                     kMaxImportedLogBytes, " are imported"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateIdPart(absl::string_view part) {
  const bool fine = !part.empty() && part.size() <= kMaxIdBytes &&
                    std::all_of(part.begin(), part.end(), [](char c) {
                      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-';
                    });
  if (fine) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("id '", OneLine(EscapeInvalidUtf8(part.substr(0, 200)), 80),
                   "' is not allowed: use an id or a part of one (a-z, 0-9 and '-')"));
}

absl::Status ValidateLine(absl::string_view field, absl::string_view text, size_t most) {
  const bool one_line = std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (text.size() <= most && one_line && IsValidUtf8(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      field, " must be at most ", most, " bytes of text on one line, without control characters"));
}

absl::Status ValidateLabels(const google::protobuf::Map<std::string, std::string>& labels,
                            absl::string_view name, int most) {
  if (labels.size() > static_cast<size_t>(most)) {
    return absl::InvalidArgumentError(
        absl::StrCat(labels.size(), " entries in ", name, ": use at most ", most));
  }
  for (const auto& [key, value] : labels) {
    RETURN_IF_ERROR(Annotate(ValidateLabel(key, value), name));
  }
  return absl::OkStatus();
}

absl::Status Validate(const v1::ListRequest& request) {
  RETURN_IF_ERROR(ValidateLine("owner", request.owner(), 128));
  RETURN_IF_ERROR(ValidateLine("repo", request.repo(), 2048));
  RETURN_IF_ERROR(ValidateLine("page_token", request.page_token(), 256));
  if (!request.worker().empty()) RETURN_IF_ERROR(ValidateWorkerName(request.worker()));
  for (const int status : request.statuses()) {
    if (!v1::Handoff::Status_IsValid(status) || status == v1::Handoff::STATUS_UNSPECIFIED) {
      return absl::InvalidArgumentError(absl::StrCat("status ", status, " is not known"));
    }
  }
  RETURN_IF_ERROR(ValidateLabels(request.labels(), "labels"));
  if (request.page_size() >= 0 && request.page_size() <= kMaxPage) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "page_size is ", request.page_size(), ": use 1 to ", kMaxPage, ", or 0 for the default"));
}

absl::Status Validate(const v1::ReadLogRequest& request) {
  RETURN_IF_ERROR(ValidateIdPart(request.id()));
  if (request.attempt() >= 0 && request.attempt() <= core::kMaxAttempts) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("attempt is ", request.attempt(), ": use a number from 1, or 0 for the latest"));
}

absl::Status Validate(const v1::CancelRequest& request) {
  RETURN_IF_ERROR(ValidateIdPart(request.id()));
  return ValidateLine("reason", request.reason(), kMaxReason);
}

absl::Status Validate(const v1::ResumeRequest& request) {
  RETURN_IF_ERROR(ValidateIdPart(request.id()));
  if (!request.on_worker().empty()) RETURN_IF_ERROR(ValidateWorkerName(request.on_worker()));
  if (!request.agent().empty()) RETURN_IF_ERROR(ValidateAgentName(request.agent()));
  RETURN_IF_ERROR(ValidateModel(request.model()));
  // What else it changes is checked in the spec that comes of it.
  if (request.from_attempt() < 0) {
    return absl::InvalidArgumentError(absl::StrCat("from_attempt is ", request.from_attempt(),
                                                   ": use a number from 1, or 0 for the newest"));
  }
  return absl::OkStatus();
}

absl::Status Validate(const v1::SendRequest& request) {
  RETURN_IF_ERROR(ValidateIdPart(request.id()));
  if (request.drop() != 0) {
    if (request.drop() > 0 && request.text().empty() && !request.now()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "drop takes the number of a message, from 1, and goes with nothing else");
  }
  if (absl::StripAsciiWhitespace(request.text()).empty())
    return absl::InvalidArgumentError("the message is empty");
  return ValidateMessage(request.text());
}

absl::Status Validate(const v1::TakeOverRequest& request) { return ValidateIdPart(request.id()); }

absl::Status Validate(const v1::ReturnRequest& request) {
  RETURN_IF_ERROR(ValidateIdPart(request.id()));
  RETURN_IF_ERROR(ValidateMessage(request.message()));
  if (!request.has_checkpoint()) return absl::OkStatus();
  RETURN_IF_ERROR(ValidateCheckpoint(request.checkpoint()));
  if (!request.checkpoint().only_on_worker().empty())
    return absl::InvalidArgumentError("only_on_worker is for checkpoints of a worker");
  return Annotate(ValidateCommit(request.based_on()), "based_on");
}

absl::Status Validate(const v1::DeleteRequest& request) { return ValidateIdPart(request.id()); }

absl::Status Validate(const v1::EditDocumentRequest& request) {
  RETURN_IF_ERROR(ValidateIdPart(request.id()));
  if (request.version() < 0) return absl::InvalidArgumentError("version is negative");
  RETURN_IF_ERROR(ValidateDocument(request.base()));
  return ValidateDocument(request.markdown());
}

absl::Status Validate(const v1::ImportRequest& request) {
  RETURN_IF_ERROR(ValidateLogs(request));
  return ValidateDocument(request.markdown());
}

absl::Status Validate(const v1::SummarizeRequest& request) {
  RETURN_IF_ERROR(ValidateIdPart(request.id()));
  if (request.attempt() < 0 || request.attempt() > core::kMaxAttempts) {
    return absl::InvalidArgumentError(
        absl::StrCat("attempt is ", request.attempt(),
                     ": use a number from 1, or 0 for the latest whose agent started"));
  }
  return absl::OkStatus();
}

absl::Status Validate(const v1::DrainWorkerRequest& request) {
  RETURN_IF_ERROR(ValidateWorkerName(request.name()));
  return ValidateLine("reason", request.reason(), kMaxReason);
}

absl::Status Validate(const v1::AskTurnsRequest& request) {
  RETURN_IF_ERROR(ValidateWorkerName(request.worker()));
  return request.agent().empty() ? absl::OkStatus() : ValidateAgentName(request.agent());
}

absl::Status Validate(const v1::RemoveWorkerRequest& request) {
  return ValidateWorkerName(request.name());
}

absl::Status Validate(const v1::SyncRequest& request) {
  RETURN_IF_ERROR(ValidateUuid(request.worker_uuid()));
  RETURN_IF_ERROR(ValidateWorkerName(request.name()));
  RETURN_IF_ERROR(ValidateLine("pool_id", request.pool_id(), 64));
  RETURN_IF_ERROR(ValidateLine("host_boot_id", request.host_boot_id(), 128));
  RETURN_IF_ERROR(ValidateLine("version", request.version(), 128));
  RETURN_IF_ERROR(ValidateLine("not_accepting", request.not_accepting(), 1024));
  // Somebody will paste it.
  if (!request.ssh().empty()) RETURN_IF_ERROR(ValidateSshTarget(request.ssh()));
  const v1::Enclosure& enclosure = request.enclosure();
  RETURN_IF_ERROR(ValidateLine("enclosure.account", enclosure.account(), kMaxEnclosure));
  RETURN_IF_ERROR(ValidateLine("enclosure.network", enclosure.network(), kMaxEnclosure));
  RETURN_IF_ERROR(ValidateLine("enclosure.isolation", enclosure.isolation(), kMaxEnclosure));
  if (request.seq() == 0) return absl::InvalidArgumentError("seq must be 1 or more");
  if (request.seen_term() > kMaxTerm) {
    return absl::InvalidArgumentError(
        absl::StrCat("seen_term is ", request.seen_term(), ": no coordinator started that often"));
  }
  if (request.slots() < 0 || request.slots() > core::kMaxSlots) {
    return absl::InvalidArgumentError(
        absl::StrCat("slots is ", request.slots(), ": use 0 to ", core::kMaxSlots));
  }
  RETURN_IF_ERROR(ValidateLabels(request.labels(), "labels", kMaxWorkerLabels));
  RETURN_IF_ERROR(ValidateOffers(request));
  if (request.repo_keys_size() > kMaxRepoKeys) {
    return TooMany("repo_keys", request.repo_keys_size(), kMaxRepoKeys);
  }
  if (request.workspaces_size() > kMaxWorkspaces) {
    return TooMany("workspaces", request.workspaces_size(), kMaxWorkspaces);
  }
  for (const std::string& id : request.workspaces()) RETURN_IF_ERROR(ValidateId(id));
  return ValidateStatuses(request);
}

absl::Status Validate(const v1::SaveCheckpointRequest& request) {
  RETURN_IF_ERROR(ValidateUuid(request.worker_uuid()));
  RETURN_IF_ERROR(ValidateAttempt(request.handoff_id(), request.number()));
  RETURN_IF_ERROR(ValidateLine("pool_id", request.pool_id(), 64));
  return ValidateCheckpoint(request.checkpoint());
}

absl::Status Validate(const v1::ReportRequest& request) {
  RETURN_IF_ERROR(ValidateUuid(request.worker_uuid()));
  RETURN_IF_ERROR(ValidateAttempt(request.handoff_id(), request.number()));
  RETURN_IF_ERROR(ValidateLine("pool_id", request.pool_id(), 64));
  // Nothing in the end itself is a reason to refuse it: it would be sent for ever, and the attempt
  // would never end. What makes no sense there is left out (convert.cc).
  return absl::OkStatus();
}

absl::Status Validate(const v1::SaveSummaryRequest& request) {
  RETURN_IF_ERROR(ValidateUuid(request.worker_uuid()));
  RETURN_IF_ERROR(ValidateAttempt(request.handoff_id(), request.number()));
  // What makes no sense in the summary itself is left out (convert_summary.cc): refused, it would
  // be sent until nobody waits for it.
  return ValidateLine("pool_id", request.pool_id(), 64);
}

absl::Status Validate(const v1::AppendLogRequest& request) {
  RETURN_IF_ERROR(ValidateUuid(request.worker_uuid()));
  return ValidateAttempt(request.handoff_id(), request.number());
}

}  // namespace handoff
