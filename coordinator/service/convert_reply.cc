// The half of convert.h that goes out.

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/rpc/proto_time.h"
#include "common/text.h"
#include "coordinator/core/checkpoints.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/messages.h"
#include "coordinator/service/convert.h"

namespace handoff {
namespace {

constexpr size_t kMaxDetailBytes = 512 << 10;
// Of a whole record, which goes into one message together with little else.
constexpr size_t kMaxRecordBytes = size_t{7} << 19;
// An agent that takes messages has no argv, so there is room for these.
constexpr size_t kMaxMessagesBytes = core::kMaxUnreadBytes;
constexpr size_t kMaxOldMessageBytes = 80;

// One number in both worlds, so that a cast is enough.
static_assert(static_cast<int>(core::AttemptState::kQueued) == v1::Attempt::QUEUED);
static_assert(static_cast<int>(core::AttemptState::kStopping) == v1::Attempt::STOPPING);
static_assert(static_cast<int>(core::AttemptState::kLost) == v1::Attempt::LOST);
static_assert(static_cast<int>(core::HandoffStatus::kQueued) == v1::Handoff::QUEUED);
static_assert(static_cast<int>(core::HandoffStatus::kCancelled) == v1::Handoff::CANCELLED);
static_assert(static_cast<int>(core::SessionKind::kFresh) == v1::Attempt::FRESH);
static_assert(static_cast<int>(FailureClass::kInternal) == v1::Failure::INTERNAL);
static_assert(static_cast<int>(EndedBy::kInterrupted) == v1::AttemptEnd::INTERRUPTED);
static_assert(static_cast<int>(core::AgentState::kNeedsSetup) == v1::AgentOffer::NEEDS_SETUP);

void SetTime(absl::Time time, google::protobuf::Timestamp* (v1::Handoff::*field)(),
             v1::Handoff& handoff) {
  if (time != absl::InfinitePast() && time != absl::InfiniteFuture()) {
    *(handoff.*field)() = ToProto(time);
  }
}

// What decisions need of an end, as the coordinator's own record has it.
void FillFromEnd(const core::AttemptEnd& end, v1::Attempt& attempt) {
  attempt.set_failure(static_cast<v1::Failure::Class>(end.failure));
  attempt.set_failure_message(end.message);
  attempt.set_log_bytes(end.log_bytes);
  attempt.set_log_sha256(end.log_sha256);
  attempt.set_head_commit(end.head_commit);
  if (end.exit_code.has_value()) attempt.set_exit_code(*end.exit_code);
  if (!end.session.empty()) attempt.set_session(end.session);
  if (end.session_kind != core::SessionKind::kNone) {
    attempt.set_session_kind(static_cast<v1::Attempt::SessionKind>(end.session_kind));
  }
  if (end.started_at != absl::InfinitePast())
    *attempt.mutable_started_at() = ToProto(end.started_at);
  if (end.ended_at != absl::InfinitePast()) *attempt.mutable_ended_at() = ToProto(end.ended_at);
}

// What the worker's own words add.
void FillFromWords(v1::AttemptEnd end, v1::Attempt& attempt) {
  attempt.set_signal(end.signal());
  attempt.set_session_verified(end.session_verified());
  attempt.set_workspace(end.workspace());
  attempt.set_isolation(end.isolation());
  attempt.set_account(end.account());
  attempt.set_command(end.command());
  attempt.set_safe_command(end.safe_command());
  attempt.set_last_line(end.last_line());
  *attempt.mutable_facts() = std::move(*end.mutable_facts());
  // They stand in the attempt; twice they could outgrow a message.
  end.clear_facts();
  end.clear_command();
  end.clear_safe_command();
  *attempt.mutable_end() = std::move(end);
}

v1::Checkpoint CheckpointToProto(const core::Checkpoint& from, Detail detail) {
  v1::Checkpoint checkpoint;
  if (detail == Detail::kFull && checkpoint.ParseFromString(from.bytes)) return checkpoint;
  checkpoint.Clear();
  checkpoint.set_commit(from.commit);
  checkpoint.set_session(from.session);
  if (from.taken_at != absl::InfinitePast())
    *checkpoint.mutable_taken_at() = ToProto(from.taken_at);
  return checkpoint;
}

void FillCheckpoints(const core::Attempt& from, Detail detail, v1::Attempt& attempt) {
  attempt.set_from_attempt(from.from_attempt);
  attempt.set_from_commit(from.from_commit);
  if (from.checkpoint != core::Checkpoint{})
    *attempt.mutable_checkpoint() = CheckpointToProto(from.checkpoint, detail);
  if (from.late_checkpoint != core::Checkpoint{})
    *attempt.mutable_late_checkpoint() = CheckpointToProto(from.late_checkpoint, detail);
  attempt.set_arrived_after_loss(from.arrived_after_loss || attempt.has_late_checkpoint());
}

v1::Message MessageToProto(const core::Message& from) {
  v1::Message message;
  message.set_number(from.number);
  message.set_origin(static_cast<v1::Message::Origin>(from.origin));
  message.set_author(from.author);
  message.set_text(from.text);
  *message.mutable_sent_at() = ToProto(from.sent_at);
  message.set_attempt(from.attempt);
  message.set_state(from.dropped        ? v1::Message::DROPPED
                    : from.delivered    ? v1::Message::DELIVERED
                    : from.attempt != 0 ? v1::Message::GIVEN
                                        : v1::Message::PENDING);
  return message;
}

v1::SectionEdit EditToProto(const core::SectionEdit& from) {
  v1::SectionEdit edit;
  edit.set_version(from.version);
  edit.set_section(from.section);
  edit.set_text(from.text);
  edit.set_author(from.author);
  *edit.mutable_at() = ToProto(from.at);
  return edit;
}

v1::Attempt AttemptToProto(const core::Attempt& from, Detail detail) {
  v1::Attempt attempt;
  attempt.set_number(from.number);
  attempt.set_state(static_cast<v1::Attempt::State>(from.state));
  attempt.set_worker(from.worker_name);
  attempt.set_worker_uuid(from.worker_uuid);
  attempt.set_session(from.session);
  attempt.set_session_kind(static_cast<v1::Attempt::SessionKind>(from.session_kind));
  attempt.set_epoch(from.epoch);
  if (from.created_at != absl::InfinitePast()) {
    *attempt.mutable_created_at() = ToProto(from.created_at);
  }
  if (from.state == core::AttemptState::kStopping) attempt.set_stop_reason(from.stop_reason);
  if (from.state == core::AttemptState::kLost) {
    attempt.set_failure(v1::Failure::WORKER_LOST);
    attempt.set_failure_message(from.stop_reason);
  }
  FillCheckpoints(from, detail, attempt);
  attempt.set_only_checks(from.only_checks);
  if (!from.account.empty()) attempt.set_account(from.account);
  if (detail == Detail::kFull) {
    if (!from.summary.empty()) attempt.mutable_summary()->ParseFromString(from.summary);
    if (!from.push.empty()) attempt.mutable_push()->ParseFromString(from.push);
  }
  if (!from.end.has_value()) return attempt;
  FillFromEnd(*from.end, attempt);
  v1::AttemptEnd end;
  if (detail == Detail::kFull && end.ParseFromString(from.end->bytes)) {
    FillFromWords(std::move(end), attempt);
  }
  return attempt;
}

// Those before the newest that fill `most` as in lists.
void AddAttempts(const core::Handoff& from, Detail detail, size_t most, v1::Handoff& handoff) {
  size_t bytes = 0;
  std::vector<v1::Attempt> newest_first;
  for (auto it = from.attempts.rbegin(); it != from.attempts.rend(); ++it) {
    const Detail rest = bytes > most ? Detail::kList : detail;
    newest_first.push_back(AttemptToProto(*it, rest));
    v1::AttemptEnd end;  // what was used is small, and later attempts of a session subtract it
    if (rest != detail && it->end.has_value() && end.ParseFromString(it->end->bytes)) {
      *newest_first.back().mutable_facts()->mutable_usage() = end.facts().usage();
    }
    bytes += newest_first.back().ByteSizeLong();
  }
  for (auto it = newest_first.rbegin(); it != newest_first.rend(); ++it) {
    *handoff.add_attempts() = std::move(*it);
  }
}

// What no agent has read goes whole; of the rest the newest, as far as a message holds them. The
// record has them all.
void AddMessages(const core::Handoff& from, v1::Handoff& handoff) {
  size_t bytes = 0;
  std::vector<v1::Message> newest_first;
  for (auto it = from.messages.rbegin(); it != from.messages.rend(); ++it) {
    newest_first.push_back(MessageToProto(*it));
    const bool unread = !it->delivered && !it->dropped;
    const bool fits = bytes + it->text.size() <= kMaxMessagesBytes;
    if (unread || fits) {
      bytes += it->text.size();
    } else {
      newest_first.back().set_text(Clip(it->text, kMaxOldMessageBytes));
    }
  }
  for (auto it = newest_first.rbegin(); it != newest_first.rend(); ++it)
    *handoff.add_messages() = std::move(*it);
}

// Of a section only the last one counts: that goes whole, of those before it the beginning.
void AddEdits(const core::Handoff& from, v1::Handoff& handoff) {
  std::map<std::string, int> last;
  for (const core::SectionEdit& edit : from.edits) last[edit.section] = edit.version;
  for (const core::SectionEdit& edit : from.edits) {
    *handoff.add_edits() = EditToProto(edit);
    if (last[edit.section] == edit.version) continue;
    handoff.mutable_edits()->rbegin()->set_text(Clip(edit.text, kMaxOldMessageBytes));
  }
}

// What a list says about the work comes from the newest attempt that ended.
void AddResults(const core::Handoff& from, v1::Handoff& handoff) {
  for (auto it = from.attempts.rbegin(); it != from.attempts.rend(); ++it) {
    if (!it->end.has_value() || it->arrived_after_loss) continue;
    handoff.set_head_commit(it->end->head_commit);
    handoff.set_files_changed(it->end->files_changed);
    handoff.set_lines_added(it->end->lines_added);
    handoff.set_lines_deleted(it->end->lines_deleted);
    handoff.set_checks_run(it->end->checks_run);
    handoff.set_checks_passed(it->end->checks_passed);
    return;
  }
}

void AddTakeover(const core::Handoff& from, Detail detail, v1::Handoff& handoff) {
  handoff.set_taken_by(from.taken_by);
  SetTime(from.taken_at, &v1::Handoff::mutable_taken_at, handoff);
  handoff.set_taken_on(from.taken_on);
  // Without a checkpoint: work in the workspace itself.
  handoff.set_returned_after(from.returned_after);
  if (from.returned != core::Checkpoint{})
    *handoff.mutable_returned() = CheckpointToProto(from.returned, detail);
}

void AddSpec(const core::Handoff& from, v1::Handoff& handoff) {
  v1::HandoffSpec& spec = *handoff.mutable_spec();
  spec.ParseFromString(from.spec);
  for (auto& [name, value] : *spec.mutable_env()) value = std::string(kHiddenValue);
  handoff.set_task(spec.task());
  handoff.set_base_commit(spec.repository().commit());
  *handoff.mutable_checks() = spec.checks();
}

// Everything may be at its bound at once. First goes what is there twice, then what the oldest
// attempts saw.
void Fit(const core::Handoff& from, v1::Handoff& handoff) {
  if (handoff.ByteSizeLong() <= kMaxRecordBytes) return;
  handoff.set_task(from.task_line);  // whole in the spec
  for (const Detail newest : {Detail::kFull, Detail::kList}) {
    if (handoff.ByteSizeLong() <= kMaxRecordBytes) return;
    handoff.clear_attempts();
    AddAttempts(from, newest, 0, handoff);
  }
}

}  // namespace

void ShowEnvironment(const core::Handoff& from, v1::Handoff& handoff) {
  v1::HandoffSpec spec;
  spec.ParseFromString(from.spec);
  handoff.mutable_spec()->mutable_env()->swap(*spec.mutable_env());
}

v1::Handoff ToProto(const core::Handoff& from, Detail detail) {
  v1::Handoff handoff;
  handoff.set_id(from.id);
  handoff.set_status(static_cast<v1::Handoff::Status>(from.status));
  handoff.set_verified(from.verified);
  handoff.set_changed(from.changed);
  handoff.set_task(from.task_line);
  handoff.set_repo(from.repo_url.empty() ? from.repo_key : from.repo_url);
  handoff.set_ref(from.repo_ref);
  handoff.set_agent(from.agent);
  handoff.set_model(from.model);
  handoff.set_owner(from.owner);
  handoff.mutable_labels()->insert(from.labels.begin(), from.labels.end());
  handoff.set_reason(from.reason);
  handoff.set_failure(static_cast<v1::Failure::Class>(from.failure));
  handoff.set_priority(from.priority);
  handoff.set_attempt_count(static_cast<int>(from.attempts.size()));
  if (!from.repo_key.empty()) handoff.set_branch(absl::StrCat("handoff/", from.id));
  if (from.Latest() != nullptr) handoff.set_worker(from.Latest()->worker_name);
  SetTime(from.created_at, &v1::Handoff::mutable_created_at, handoff);
  SetTime(from.updated_at, &v1::Handoff::mutable_updated_at, handoff);
  SetTime(from.updated_at, &v1::Handoff::mutable_last_activity_at, handoff);
  SetTime(from.ended_at, &v1::Handoff::mutable_ended_at, handoff);
  SetTime(from.not_before, &v1::Handoff::mutable_not_before, handoff);
  AddAttempts(from, detail, kMaxDetailBytes, handoff);
  AddResults(from, handoff);
  handoff.set_question(from.question);
  AddTakeover(from, detail, handoff);
  handoff.set_deleted(from.deleted);
  handoff.set_private_(from.is_private);
  handoff.set_stored_bytes(from.stored_bytes);
  if (detail == Detail::kFull) {
    AddEdits(from, handoff);
    handoff.set_pending_messages(static_cast<int>(core::PendingMessages(from)));
    AddSpec(from, handoff);
    AddMessages(from, handoff);
    Fit(from, handoff);
  }
  return handoff;
}

void Overlay(const std::optional<core::AttemptView>& view,
             const std::optional<Engine::Lease>& lease, v1::Handoff& handoff) {
  if (!lease.has_value() || handoff.attempts().empty()) return;
  v1::Attempt& attempt = *handoff.mutable_attempts(handoff.attempts_size() - 1);
  // The record was read before the engine was asked: an attempt that ended meanwhile stays ended.
  if (core::IsTerminal(static_cast<core::AttemptState>(attempt.state()))) return;
  attempt.set_state(static_cast<v1::Attempt::State>(lease->state));
  attempt.set_unreachable(lease->unreachable);
  *attempt.mutable_lease_until() = ToProto(lease->until);
  if (lease->enclosure.has_value()) *attempt.mutable_enclosure() = ToProto(*lease->enclosure);
  v1::AttemptStatus status;
  if (!view.has_value() || view->number != attempt.number() || view->epoch != attempt.epoch() ||
      !status.ParseFromString(view->bytes)) {
    return;
  }
  if (view->stalled && handoff.status() == v1::Handoff::RUNNING) {
    handoff.set_status(v1::Handoff::STALLED);
  }
  handoff.set_phase(status.phase());
  attempt.set_phase(status.phase());
  if (!status.session().empty()) attempt.set_session(status.session());
  attempt.set_last_line(status.last_line());
  attempt.set_will_end(status.will_end());
  attempt.set_workspace(status.workspace());
  attempt.set_command(status.command());
  attempt.set_safe_command(status.safe_command());
  attempt.set_isolation(status.isolation());
  if (status.has_facts()) *attempt.mutable_facts() = std::move(*status.mutable_facts());
  if (status.has_started_at()) *attempt.mutable_started_at() = status.started_at();
  if (status.has_last_activity_at()) {
    *attempt.mutable_last_activity_at() = status.last_activity_at();
    *handoff.mutable_last_activity_at() = status.last_activity_at();
  }
}

v1::Event ToProto(const core::Event& from) {
  v1::Event event;
  event.set_revision(from.revision);
  *event.mutable_at() = ToProto(from.at);
  event.set_handoff_id(from.handoff_id);
  event.set_kind(from.kind);
  event.set_attempt(from.attempt);
  event.set_worker(from.worker);
  if (!from.handoff_id.empty()) {
    event.set_status(static_cast<v1::Handoff::Status>(from.status));
  }
  event.set_message(from.message);
  return event;
}

v1::WhyResponse ToProto(const core::Why::Reply& reply) {
  v1::WhyResponse response;
  response.set_summary(reply.summary);
  v1::AttemptStatus status;
  if (status.ParseFromString(reply.view) && !status.phase().empty()) {
    response.add_details(absl::StrCat("Its worker says: ", status.phase(), "."));
  }
  for (const std::string& detail : reply.details) response.add_details(detail);
  for (const std::string& command : reply.commands) response.add_commands(command);
  return response;
}

}  // namespace handoff
