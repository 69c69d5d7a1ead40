#include "coordinator/store/rows.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "coordinator/store/columns.h"

namespace handoff::rows {
namespace {

// ---- The columns: one list each, used to name, to bind and to read ----

template <typename V, typename H>
void VisitHandoff(V&& v, H& h) {
  v("seq", h.seq);
  v("id", h.id);
  v("owner", h.owner);
  v("idempotency_key", h.idempotency_key);
  v("status", h.status);
  v("failure", h.failure);
  v("verified", h.verified);
  v("changed", h.changed);
  v("agent", h.agent);
  v("model", h.model);
  v("repo_key", h.repo_key);
  v("repo_url", h.repo_url);
  v("repo_ref", h.repo_ref);
  v("pack_sha256", h.pack_sha256);
  v("inputs", h.inputs);
  v("labels", h.labels);
  v("require", h.require);
  v("on_worker", h.on_worker);
  v("prefer_worker", h.prefer_worker);
  v("exclusive", h.exclusive);
  v("priority", h.priority);
  v("retries", h.retries);
  v("lease", h.lease);
  v("deadline", h.deadline);
  v("content_hash", h.content_hash);
  v("created_at", h.created_at);
  v("updated_at", h.updated_at);
  v("ended_at", h.ended_at);
  v("not_before", h.not_before);
  v("retries_used", h.retries_used);
  v("check_retries", h.check_retries);
  v("check_retries_used", h.check_retries_used);
  v("notify", h.notify);
  v("dedupe_key", h.dedupe_key);
  v("go_on_from", h.go_on_from);
  v("sessions_from", h.sessions_from);
  v("taken_by", h.taken_by);
  v("taken_at", h.taken_at);
  v("taken_on", h.taken_on);
  v("by_hand_on", h.by_hand_on);
  v("returned_after", h.returned_after);
  v("returned_commit", h.returned.commit);
  v("returned_session", h.returned.session);
  v("returned_taken_at", h.returned.taken_at);
  v("returned_packs", h.returned.packs);
  v("returned_bytes", h.returned.bytes);
  v("deleted", h.deleted);
  v("private", h.is_private);
  v("stored_bytes", h.stored_bytes);
  v("avoid", h.avoid);
  v("task_line", h.task_line);
  v("reason", h.reason);
  v("question", h.question);
}
constexpr size_t kFixedHandoffColumns = 4;  // written once

template <typename V, typename E>
void VisitEnd(V& v, E& e) {
  v("end_failure", e.failure);
  v("end_ended_by", e.ended_by);
  v("end_host_fault", e.host_fault);
  v("end_hold_key", e.hold_key);
  v("end_changed", e.changed);
  v("end_verified", e.verified);
  v("end_session", e.session);
  v("end_session_kind", e.session_kind);
  v("end_head_commit", e.head_commit);
  v("end_exit_code", e.exit_code);
  v("end_files_changed", e.files_changed);
  v("end_lines_added", e.lines_added);
  v("end_lines_deleted", e.lines_deleted);
  v("end_checks_run", e.checks_run);
  v("end_checks_passed", e.checks_passed);
  v("end_log_bytes", e.log_bytes);
  v("end_log_sha256", e.log_sha256);
  v("end_started_at", e.started_at);
  v("end_ended_at", e.ended_at);
  v("end_retry_at", e.retry_at);
  v("end_message", e.message);
}

template <typename V, typename A>
void VisitAttempt(V&& v, A& a) {
  v("number", a.number);
  v("state", a.state);
  v("epoch", a.epoch);
  v("worker_uuid", a.worker_uuid);
  v("worker_name", a.worker_name);
  v("created_at", a.created_at);
  v("leased_at", a.leased_at);
  v("session", a.session);
  v("session_kind", a.session_kind);
  v("stop_as", a.stop_as);
  v("stop_reason", a.stop_reason);
  v("arrived_after_loss", a.arrived_after_loss);
  v("from_attempt", a.from_attempt);
  v("from_commit", a.from_commit);
  v("account", a.account);
  v("only_checks", a.only_checks);
  v("checkpoint_commit", a.checkpoint.commit);
  v("checkpoint_session", a.checkpoint.session);
  v("checkpoint_taken_at", a.checkpoint.taken_at);
  v("late_commit", a.late_checkpoint.commit);
  v("late_session", a.late_checkpoint.session);
  v("late_taken_at", a.late_checkpoint.taken_at);
}

template <typename V, typename M>
void VisitMessage(V&& v, M& m) {
  v("number", m.number);
  v("origin", m.origin);
  v("author", m.author);
  v("sent_at", m.sent_at);
  v("attempt", m.attempt);
  v("delivered", m.delivered);
  v("dropped", m.dropped);
  v("text", m.text);
}

template <typename V, typename E>
void VisitEdit(V&& v, E& e) {
  v("version", e.version);
  v("section", e.section);
  v("author", e.author);
  v("at", e.at);
  v("text", e.text);
}

template <typename V, typename E>
void VisitEvent(V&& v, E& e) {
  v("revision", e.revision);
  v("at", e.at);
  v("handoff_id", e.handoff_id);
  v("kind", e.kind);
  v("attempt", e.attempt);
  v("worker", e.worker);
  v("status", e.status);
  v("message", e.message);
}

template <typename V, typename W>
void VisitWorker(V&& v, W& w) {
  v("uuid", w.uuid);
  v("name", w.name);
  v("registered_at", w.registered_at);
  v("draining", w.draining);
  v("drain_reason", w.drain_reason);
  v("start", w.start);
  v("nonce", w.nonce);
  v("owner", w.owner);
  v("shared", w.shared);
  v("repos", w.repos);
}

template <typename V, typename H>
void VisitHold(V&& v, H& h) {
  v("worker_uuid", h.worker_uuid);
  v("key", h.key);
  v("url", h.url);
  v("reason", h.reason);
  v("since", h.since);
  v("next_probe", h.next_probe);
  v("failures", h.failures);
}

std::vector<std::string> HandoffNames() {
  return NamesOf<core::Handoff>([](auto& v, auto& h) { VisitHandoff(v, h); });
}
std::vector<std::string> WorkerNames() {
  return NamesOf<core::Worker>([](auto& v, auto& w) { VisitWorker(v, w); });
}
std::vector<std::string> HoldNames() {
  return NamesOf<core::Hold>([](auto& v, auto& h) { VisitHold(v, h); });
}
std::vector<std::string> EventNames() {
  return NamesOf<core::Event>([](auto& v, auto& e) { VisitEvent(v, e); });
}
std::vector<std::string> AttemptNames() {
  auto names = NamesOf<core::Attempt>([](auto& v, auto& a) { VisitAttempt(v, a); });
  names.emplace_back("has_end");
  const auto end = NamesOf<core::AttemptEnd>([](auto& v, auto& e) { VisitEnd(v, e); });
  names.insert(names.end(), end.begin(), end.end());
  return names;
}

std::vector<std::string> MessageNames() {
  return NamesOf<core::Message>([](auto& v, auto& m) { VisitMessage(v, m); });
}

std::vector<std::string> EditNames() {
  return NamesOf<core::SectionEdit>([](auto& v, auto& e) { VisitEdit(v, e); });
}

// One row a (seq, number), which is not written when it is the same.
std::string UpsertChanged(absl::string_view table, const std::vector<std::string>& names) {
  const std::vector<std::string> rest(names.begin() + 2, names.end());
  return absl::StrCat(Upsert(table, "seq,number", names, 2), " WHERE (", absl::StrJoin(rest, ","),
                      ") IS NOT (excluded.", absl::StrJoin(rest, ",excluded."), ")");
}

}  // namespace

Place PlaceOf(const core::Handoff& handoff) {
  if (core::IsEnded(handoff.status)) return {kEndedRank, absl::ToUnixNanos(handoff.ended_at)};
  return {core::IsAtRest(handoff.status) ? 0 : kLiveRank, static_cast<int64_t>(handoff.seq)};
}

std::string HandoffColumns() { return absl::StrJoin(HandoffNames(), ","); }
int HandoffColumnCount() { return static_cast<int>(HandoffNames().size()); }
std::string EventColumns() { return absl::StrJoin(EventNames(), ","); }
std::string WorkerColumns() { return absl::StrJoin(WorkerNames(), ","); }
std::string HoldColumns() { return absl::StrJoin(HoldNames(), ","); }
std::string AttemptColumns(bool with_parts) {
  return absl::StrCat(
      with_parts ? "checkpoint_packs,checkpoint_bytes,late_packs,late_bytes,summary,push,end_bytes,"
                 : "",
      absl::StrJoin(AttemptNames(), ","));
}
std::string MessageColumns() { return absl::StrJoin(MessageNames(), ","); }
std::string EditColumns() { return absl::StrJoin(EditNames(), ","); }

core::Handoff ReadHandoff(const Statement& row) {
  core::Handoff handoff;
  VisitHandoff(Taker(row), handoff);
  return handoff;
}

core::Attempt ReadAttempt(const Statement& row, bool with_parts) {
  core::Attempt attempt;
  Taker take(row);
  std::string end_bytes;
  if (with_parts) {
    take("checkpoint_packs", attempt.checkpoint.packs);
    take("checkpoint_bytes", attempt.checkpoint.bytes);
    take("late_packs", attempt.late_checkpoint.packs);
    take("late_bytes", attempt.late_checkpoint.bytes);
    take("summary", attempt.summary);
    take("push", attempt.push);
    take("end_bytes", end_bytes);
  }
  VisitAttempt(take, attempt);
  bool has_end = false;
  take("has_end", has_end);
  if (!has_end) return attempt;
  VisitEnd(take, attempt.end.emplace());
  attempt.end->bytes = std::move(end_bytes);
  return attempt;
}

core::Message ReadMessage(const Statement& row) {
  core::Message message;
  VisitMessage(Taker(row), message);
  return message;
}

core::SectionEdit ReadEdit(const Statement& row) {
  core::SectionEdit edit;
  VisitEdit(Taker(row), edit);
  return edit;
}

core::Event ReadEvent(const Statement& row) {
  core::Event event;
  VisitEvent(Taker(row), event);
  return event;
}

core::Worker ReadWorker(const Statement& row) {
  core::Worker worker;
  VisitWorker(Taker(row), worker);
  return worker;
}

core::Hold ReadHold(const Statement& row) {
  core::Hold hold;
  VisitHold(Taker(row), hold);
  return hold;
}

std::string UpsertHandoffSql() {
  std::vector<std::string> names = HandoffNames();
  names.insert(names.end(), {"rank", "position"});
  return Upsert("handoffs", "seq", names, kFixedHandoffColumns);
}

std::string UpsertAttemptSql() {
  std::vector<std::string> names = {"seq"};
  const std::vector<std::string> rest = AttemptNames();
  names.insert(names.end(), rest.begin(), rest.end());
  names.insert(names.end(), {"checkpoint_packs", "checkpoint_bytes", "late_packs", "late_bytes",
                             "summary", "push", "end_bytes"});
  return UpsertChanged("attempts", names);
}

std::string UpsertMessageSql() {
  std::vector<std::string> names = MessageNames();
  names.insert(names.begin(), "seq");
  return UpsertChanged("messages", names);
}

std::string InsertEditSql() {
  std::vector<std::string> names = EditNames();
  names.insert(names.begin(), "seq");
  return absl::StrCat(Insert("edits", names), " ON CONFLICT(seq,version) DO NOTHING");
}

std::string UpsertWorkerSql() { return Upsert("workers", "uuid", WorkerNames(), 1); }
std::string UpsertHoldSql() { return Upsert("holds", "worker_uuid,key", HoldNames(), 2); }
std::string InsertEventSql() { return Insert("events", EventNames()); }

void BindHandoff(Statement& statement, const core::Handoff& handoff) {
  Binder bind(statement);
  VisitHandoff(bind, handoff);
  const Place place = PlaceOf(handoff);
  bind("rank", place.rank);
  bind("position", place.position);
}

void BindAttempt(Statement& statement, uint64_t seq, const core::Attempt& attempt) {
  static const core::AttemptEnd none;
  const core::AttemptEnd& end = attempt.end.has_value() ? *attempt.end : none;
  Binder bind(statement);
  bind("seq", seq);
  VisitAttempt(bind, attempt);
  bind("has_end", attempt.end.has_value());
  VisitEnd(bind, end);
  bind("checkpoint_packs", attempt.checkpoint.packs);
  bind.Blob(attempt.checkpoint.bytes);
  bind("late_packs", attempt.late_checkpoint.packs);
  bind.Blob(attempt.late_checkpoint.bytes);
  bind.Blob(attempt.summary);
  bind.Blob(attempt.push);
  bind.Blob(end.bytes);
}

void BindMessage(Statement& statement, uint64_t seq, const core::Message& message) {
  Binder bind(statement);
  bind("seq", seq);
  VisitMessage(bind, message);
}

void BindEdit(Statement& statement, uint64_t seq, const core::SectionEdit& edit) {
  Binder bind(statement);
  bind("seq", seq);
  VisitEdit(bind, edit);
}

void BindEvent(Statement& statement, const core::Event& event) {
  VisitEvent(Binder(statement), event);
}
void BindWorker(Statement& statement, const core::Worker& worker) {
  VisitWorker(Binder(statement), worker);
}
void BindHold(Statement& statement, const core::Hold& hold) { VisitHold(Binder(statement), hold); }

}  // namespace handoff::rows
