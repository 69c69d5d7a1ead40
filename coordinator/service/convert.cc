#include "coordinator/service/convert.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/handoff/names.h"
#include "common/hash.h"
#include "common/rpc/proto_time.h"
#include "common/status.h"
#include "common/text.h"
#include "coordinator/service/equivalence.h"
#include "coordinator/service/validate.h"

namespace handoff {
namespace {

constexpr int kDefaultRetries = 2;
constexpr int kDefaultPage = 50;
constexpr absl::Duration kRecent = absl::Hours(24);
constexpr size_t kMaxEndBytes = 512 << 10;
constexpr size_t kMaxSentenceBytes = 4 << 10;
constexpr size_t kMaxQuestionBytes = 16 << 10;

template <typename Map>
std::map<std::string, std::string> ToMap(const Map& map) {
  return {map.begin(), map.end()};
}

core::HandoffStatus ToCore(v1::Handoff::Status status) {
  // Stalled is laid over running when a person asks; it is not stored.
  if (status == v1::Handoff::STALLED) return core::HandoffStatus::kRunning;
  return static_cast<core::HandoffStatus>(status);
}

// Facts are bounded where they are made; a worker that does not keep to it must not fill the store.
std::string BoundedBytes(v1::AttemptEnd end) {
  end.DiscardUnknownFields();
  BoundTimes(end);
  end.set_question(Clip(end.question(), kMaxQuestionBytes));
  end.set_check_output(Clip(end.check_output(), kMaxQuestionBytes));
  end.set_checkpoint_missing(Clip(end.checkpoint_missing(), kMaxSentenceBytes));
  end.set_failure_message(Clip(end.failure_message(), kMaxSentenceBytes));
  end.set_protocol_message(Clip(end.protocol_message(), kMaxSentenceBytes));
  if (end.ByteSizeLong() > kMaxEndBytes) end.mutable_facts()->clear_files();
  if (end.ByteSizeLong() > kMaxEndBytes) end.clear_facts();
  if (end.ByteSizeLong() > kMaxEndBytes) {
    end.clear_command();
    end.clear_safe_command();
  }
  if (end.ByteSizeLong() > kMaxEndBytes) {
    end.clear_workspace();
    end.clear_isolation();
    end.clear_account();
    end.clear_last_line();
    end.clear_session();
    end.clear_hold_key();
    end.clear_log_sha256();
  }
  return end.SerializeAsString();
}

core::AttemptEnd ToCore(const v1::AttemptEnd& end) {
  core::AttemptEnd result;
  result.failure = v1::Failure::Class_IsValid(end.failure())
                       ? static_cast<FailureClass>(end.failure())
                       : FailureClass::kInternal;
  result.message = OneLine(end.failure_message(), 2000);
  result.ended_by = v1::AttemptEnd::EndedBy_IsValid(end.ended_by()) && end.ended_by() != 0
                        ? static_cast<EndedBy>(end.ended_by())
                        : EndedBy::kItself;
  result.host_fault = end.host_fault();
  result.hold_key = OneLine(end.hold_key(), 2100);
  result.changed = end.changed();
  result.verified = end.verified();
  if (ValidateLine("session", end.session(), 256).ok()) result.session = end.session();
  result.session_kind = v1::Attempt::SessionKind_IsValid(end.session_kind())
                            ? static_cast<core::SessionKind>(end.session_kind())
                            : core::SessionKind::kNone;
  const std::string& head = end.facts().head_commit();
  if (ValidateCommit(head).ok()) result.head_commit = head;
  if (end.has_exit_code()) result.exit_code = end.exit_code();
  result.files_changed = end.facts().files_changed();
  result.lines_added = end.facts().lines_added();
  result.lines_deleted = end.facts().lines_deleted();
  result.checks_run = end.facts().checks_size();
  for (const v1::CheckResult& check : end.facts().checks()) result.checks_passed += check.passed();
  result.log_bytes = end.log_bytes();
  if (IsSha256Hex(end.log_sha256())) result.log_sha256 = end.log_sha256();
  if (end.has_started_at()) result.started_at = FromProto(end.started_at());
  if (end.has_ended_at()) result.ended_at = FromProto(end.ended_at());
  if (end.has_retry_at()) result.retry_at = FromProto(end.retry_at());
  result.question = Clip(end.question(), kMaxQuestionBytes);
  result.check_output = Clip(end.check_output(), kMaxQuestionBytes);
  result.bytes = BoundedBytes(end);
  return result;
}

core::Checkpoint ToCore(const v1::Checkpoint& checkpoint) {
  core::Checkpoint result;
  // What only the worker has is shown, and nothing can go on from it.
  if (checkpoint.only_on_worker().empty()) {
    result.commit = checkpoint.commit();
    result.session = checkpoint.session();
    for (const v1::Checkpoint::Pack& pack : checkpoint.packs()) result.packs.insert(pack.sha256());
  }
  if (checkpoint.has_taken_at()) result.taken_at = FromProto(checkpoint.taken_at());
  v1::Checkpoint kept = checkpoint;
  BoundTimes(kept);
  result.bytes = kept.SerializeAsString();
  return result;
}

template <typename Request>
core::Sender SenderOf(const Request& request) {
  return {request.pool_id(), request.worker_uuid(), request.worker_start(), request.worker_nonce()};
}

core::AgentOffer ToCore(const v1::AgentOffer& offer) {
  core::AgentOffer result;
  result.name = offer.name();
  result.state = offer.state() == v1::AgentOffer::READY         ? core::AgentState::kReady
                 : offer.state() == v1::AgentOffer::NEEDS_SETUP ? core::AgentState::kNeedsSetup
                                                                : core::AgentState::kMissing;
  result.version = offer.version();
  result.account = offer.account();
  result.message = offer.message();
  result.max_parallel = std::max(0, offer.max_parallel());
  if (offer.has_probed_at()) result.probed_at = FromProto(offer.probed_at());
  return result;
}

core::ReportedAttempt ToCore(const v1::AttemptStatus& status) {
  core::ReportedAttempt result;
  result.handoff_id = status.handoff_id();
  result.number = status.number();
  result.epoch = status.epoch();
  result.adopting = status.stage() == v1::AttemptStatus::ADOPTING;
  // Once the agent's process was seen it stays so, or the state would go back while saving.
  result.running = status.has_started_at() || status.stage() == v1::AttemptStatus::RUNNING;
  result.stopping = status.stopping();
  result.stalled = status.stalled();
  result.reporting = status.stage() == v1::AttemptStatus::REPORTING;
  v1::AttemptStatus kept = status;
  BoundTimes(kept);
  result.bytes = kept.SerializeAsString();
  return result;
}

}  // namespace

void Normalise(v1::HandoffSpec& spec) {
  if (spec.agent().empty()) spec.set_agent("cursor");
  if (spec.task().empty() && !spec.argv().empty()) {
    spec.set_task(ShellJoin({spec.argv().begin(), spec.argv().end()}));
  }
  if (spec.has_repository() && !spec.repository().url().empty()) {
    // A key of the submitter's choice could name another repository's mirror.
    spec.mutable_repository()->set_key(spec.repository().url());
  }
  if (!spec.has_retries()) spec.set_retries(kDefaultRetries);
  // The limits of one attempt are left as they are: where the owner wished none, the worker's
  // configuration and the agent's kind decide (a command may be silent for hours).
  if (!spec.has_lease()) *spec.mutable_lease() = ToProto(absl::Minutes(30));
  for (v1::Check& check : *spec.mutable_checks()) {
    if (!check.has_timeout()) *check.mutable_timeout() = ToProto(absl::Minutes(30));
  }
}

std::string CanonicalBytes(const v1::HandoffSpec& spec) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    spec.SerializeToCodedStream(&coded);
  }
  return bytes;
}

core::Submit ToCore(const v1::HandoffSpec& spec, const std::string& owner, absl::Time now) {
  core::Submit submit;
  submit.wished_id = spec.id();
  core::Handoff& handoff = submit.handoff;
  handoff.owner = owner;
  handoff.task_line = OneLine(spec.task(), 200);
  handoff.agent = spec.agent();
  handoff.model = spec.model();
  handoff.repo_key = spec.repository().key();
  handoff.repo_url = spec.repository().url();
  handoff.repo_ref = spec.repository().ref();
  handoff.pack_sha256 = spec.repository().pack_sha256();
  handoff.stored_bytes = spec.repository().pack_bytes();
  for (const v1::Attachment& file : spec.attachments()) {
    if (handoff.inputs.insert(file.sha256()).second) handoff.stored_bytes += file.bytes();
  }
  handoff.labels = ToMap(spec.labels());
  handoff.require = ToMap(spec.require());
  handoff.on_worker = spec.on_worker();
  handoff.prefer_worker = spec.prefer_worker();
  handoff.exclusive = spec.exclusive();
  handoff.priority = spec.priority();
  handoff.retries = spec.retries();
  handoff.check_retries = spec.check_retries();
  handoff.notify = {spec.notify().begin(), spec.notify().end()};
  handoff.dedupe_key = DedupeKeyOf(spec, owner);
  handoff.is_private = spec.private_();
  handoff.lease = FromProto(spec.lease(), "lease").value_or(handoff.lease);
  if (spec.has_deadline()) {
    handoff.deadline = now + FromProto(spec.deadline(), "deadline").value_or(absl::Hours(1));
  }
  handoff.idempotency_key = spec.idempotency_key();
  if (handoff.idempotency_key.empty()) {
    handoff.spec = CanonicalBytes(spec);
    handoff.content_hash = Sha256Hex(handoff.spec);
  } else {
    // The key is not part of the content that it stands for.
    v1::HandoffSpec content = spec;
    content.clear_idempotency_key();
    if (content.has_repository()) {
      // Nor is how it travelled: whether origin could be asked differs from try to try.
      v1::Repository& repository = *content.mutable_repository();
      repository.clear_pack_sha256();
      repository.clear_pack_bytes();
      repository.clear_pack_complete();
      repository.clear_notes();
    }
    // What was attached, a log, is another one at every try; which files there are is content.
    for (v1::Attachment& file : *content.mutable_attachments()) {
      file.clear_sha256();
      file.clear_bytes();
    }
    handoff.content_hash = Sha256Hex(CanonicalBytes(content));
    handoff.spec = CanonicalBytes(spec);
  }
  return submit;
}

ListFilter ToCore(const v1::ListRequest& request, absl::Time now) {
  ListFilter filter;
  filter.owner = request.owner();
  for (const int status : request.statuses()) {
    const core::HandoffStatus stored = ToCore(static_cast<v1::Handoff::Status>(status));
    if (std::find(filter.statuses.begin(), filter.statuses.end(), stored) ==
        filter.statuses.end()) {
      filter.statuses.push_back(stored);
    }
  }
  filter.repo = request.repo();
  filter.worker = request.worker();
  filter.labels = ToMap(request.labels());
  if (!request.all()) filter.ended_since = now - kRecent;
  filter.deleted = request.deleted();
  filter.limit = request.page_size() == 0 ? kDefaultPage : request.page_size();
  filter.cursor = request.page_token();
  return filter;
}

absl::StatusOr<std::string> ChangedSpec(const core::Handoff& handoff,
                                        const v1::ResumeRequest& request) {
  const bool changed = !request.agent().empty() || !request.model().empty() ||
                       request.has_timeout() || !request.checks().empty() || !request.env().empty();
  if (!changed) return "";
  v1::HandoffSpec spec;
  if (!spec.ParseFromString(handoff.spec)) {
    return absl::DataLossError(absl::StrCat("the stored spec of ", handoff.id, " is damaged"));
  }
  // A model belongs to its agent: another agent starts with its own default.
  if (!request.agent().empty() && request.agent() != spec.agent()) {
    spec.set_agent(request.agent());
    spec.clear_model();
    spec.clear_summary_model();
  }
  if (!request.model().empty()) spec.set_model(request.model());
  if (request.has_timeout()) *spec.mutable_timeout() = request.timeout();
  if (!request.checks().empty()) {
    const v1::Check before = spec.checks().empty() ? v1::Check() : spec.checks(0);
    *spec.mutable_checks() = request.checks();
    for (v1::Check& check : *spec.mutable_checks()) {
      if (!check.has_timeout() && before.has_timeout()) *check.mutable_timeout() = before.timeout();
    }
  }
  for (const auto& [name, value] : request.env()) (*spec.mutable_env())[name] = value;
  Normalise(spec);
  RETURN_IF_ERROR(Validate(spec));
  return CanonicalBytes(spec);
}

std::string SubmittedCommit(const core::Handoff& handoff) {
  v1::HandoffSpec spec;
  if (!spec.ParseFromString(handoff.spec)) return "";
  const v1::Repository& repository = spec.repository();
  return repository.worktree_commit().empty() ? repository.commit() : repository.worktree_commit();
}

core::Return ToCore(const v1::ReturnRequest& request, const core::Handoff& handoff,
                    const std::string& actor) {
  core::Return back;
  back.id = handoff.id;
  back.actor = actor;
  if (!absl::StripAsciiWhitespace(request.message()).empty()) back.message = request.message();
  back.done = request.done();
  if (request.has_checkpoint()) back.checkpoint = ToCore(request.checkpoint());
  back.based_on = request.based_on();
  back.submitted = SubmittedCommit(handoff);
  return back;
}

std::string WorkerAskedFor(const core::Handoff& handoff, const v1::ResumeRequest& request) {
  if (!request.on_worker().empty()) return request.on_worker();
  v1::HandoffSpec spec;
  return spec.ParseFromString(handoff.spec) ? spec.on_worker() : handoff.on_worker;
}

core::Sync ToCore(const v1::SyncRequest& request) {
  core::Sync sync;
  sync.pool_id = request.pool_id();
  core::Worker& worker = sync.worker;
  worker.uuid = request.worker_uuid();
  worker.name = request.name();
  worker.start = request.start();
  worker.nonce = request.nonce();
  worker.seq = request.seq();
  worker.boot_id = request.host_boot_id();
  worker.version = request.version();
  worker.ssh = request.ssh();
  if (request.has_enclosure()) {
    const v1::Enclosure& from = request.enclosure();
    worker.enclosure = {from.account(), from.uid(), from.network(), from.isolation()};
  }
  worker.slots = request.slots();
  worker.labels = ToMap(request.labels());
  for (const v1::AgentOffer& offer : request.agents()) worker.agents.push_back(ToCore(offer));
  worker.repo_keys = {request.repo_keys().begin(), request.repo_keys().end()};
  worker.workspaces = {request.workspaces().begin(), request.workspaces().end()};
  worker.disk_free_bytes = request.disk_free_bytes();
  worker.not_accepting = request.not_accepting();
  worker.renewal_problem = OneLine(request.renewal_problem(), 1000);
  worker.makes_turns = request.makes_turns();
  for (const v1::AttemptStatus& status : request.attempts()) {
    sync.attempts.push_back(ToCore(status));
  }
  sync.seen_term = request.seen_term();
  sync.seen_revision = request.seen_revision();
  for (const v1::ProbeResult& probe : request.probes()) {
    sync.probes.push_back({probe.key(), probe.ok(), OneLine(probe.message(), 1000)});
  }
  for (const v1::TurnResult& turn : request.turns()) sync.turns.push_back(ToCore(turn));
  return sync;
}

core::SaveCheckpoint ToCore(const v1::SaveCheckpointRequest& request) {
  core::SaveCheckpoint save;
  save.sender = SenderOf(request);
  save.handoff_id = request.handoff_id();
  save.number = request.number();
  save.epoch = request.epoch();
  save.checkpoint = ToCore(request.checkpoint());
  return save;
}

core::Report ToCore(const v1::ReportRequest& request) {
  core::Report report;
  report.sender = SenderOf(request);
  report.handoff_id = request.handoff_id();
  report.number = request.number();
  report.epoch = request.epoch();
  report.end = ToCore(request.end());
  report.log_bytes = request.end().log_bytes() + request.end().checks_log_bytes();
  return report;
}

}  // namespace handoff
