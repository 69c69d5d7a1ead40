#include "worker/saving.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/backoff.h"
#include "common/file.h"
#include "common/handoff/document_edits.h"
#include "common/status.h"
#include "handoff/v1/pool.pb.h"
#include "worker/bounds.h"
#include "worker/checkpointing.h"
#include "worker/checks.h"
#include "worker/question.h"

namespace handoff::worker {
namespace {

constexpr Backoff kBackoff{absl::Milliseconds(200), absl::Seconds(5)};

// What git says of the workspace.
void ObserveWork(const Surroundings& around, Attempt& attempt, AttemptControl& control) {
  const v1::Facts& facts = *attempt.end->mutable_facts();
  if (!attempt.has_repository() || facts.base_commit().empty()) return;
  const v1::Repository& repository = attempt.wanted().repository();
  FactsRequest request;
  request.workspace = attempt.workspace;
  request.store = around.data.store(attempt.key.handoff_id);
  request.mirror = around.data.mirror(repository.key());
  request.base_commit = facts.base_commit();
  request.worktree_commit = repository.worktree_commit();
  const absl::Status seen = FillWork(around.repo.Facts(request, control.Hurry()), *attempt.end);
  if (!seen.ok()) {
    SPDLOG_WARN("{}: the facts of the workspace could not be read: {}", attempt.key.ToString(),
                std::string(seen.message()));
  }
}

void ProbeInDoubt(const Surroundings& around, const Attempt& attempt, AttemptControl& control,
                  RunEnd& run) {
  // Of a stopped attempt nobody asks why it failed, and a probe takes its time.
  if (control.stop() || !SetupInDoubt(run, attempt.agent)) return;
  const ProbeVerdict now = around.probes.Probe(*attempt.agent, control.leave().fd());
  run.agent_ready = now.state == ProbeVerdict::State::kReady;
}

// The one that the agent named, if it did. Without an agent the conversation that came with the
// work stays with it.
std::string SessionOf(const RunEnd& run, const Attempt& attempt) {
  if (run.no_agent) return attempt.spec->checkpoint().session();
  return run.stream_session.empty() ? attempt.end->session() : run.stream_session;
}

// Its words in the document count for nothing: what is true of the work is rendered from the
// record.
void NoteAgentsChange(Attempt& attempt) {
  const std::string note = AgentsChange(attempt.files.LookForChanges());
  if (!note.empty()) attempt.end->mutable_facts()->add_notes(note);
}

// A stop that came before the record wins over how the process ended.
void TakeStop(const std::optional<StopOrder>& stop, RunEnd& run) {
  if (!stop) return;
  const bool decided = run.process.ended_by == EndedBy::kSuperseded;
  if (!decided) run.process.ended_by = stop->as;
}

absl::Status Record(const Surroundings& around, const Attempt& attempt, AttemptControl& control,
                    AttemptBoard& board) {
  for (int failures = 0;;) {
    const absl::Status put = around.journal.Put(JournalKey(attempt.key), EncodeEnd(attempt));
    if (put.ok() || absl::IsDataLoss(put)) return put;
    if (control.leaving()) return absl::CancelledError("the daemon leaves");
    SPDLOG_WARN("{}: the end could not be recorded: {}", attempt.key.ToString(),
                std::string(put.message()));
    board.SetStage(Stage::kSaving, "saving (the worker's disk is full)",
                   AttemptBoard::Urgency::kSoon);
    control.Wait(around.clock, around.clock.Boot() + kBackoff.Delay(++failures, 0.5));
  }
}

// The work is looked at and kept before the checks, so that what they write is not taken for the
// agent's; an earlier daemon that began with them has done that.
absl::Status ObserveAndCheck(const Surroundings& around, Attempt& attempt, AttemptControl& control,
                             AttemptBoard& board, RunEnd& run, const v1::Facts* reported,
                             AttemptLogs& logs) {
  const bool due = ChecksAreDue(attempt, run);
  if (!due || !ChecksHaveBegun(attempt)) {
    board.SetStage(due ? Stage::kRunning : Stage::kSaving, due ? "checking" : "saving",
                   AttemptBoard::Urgency::kSoon);
    if (due) EndOldChecks(attempt);
    ObserveWork(around, attempt, control);
    const bool started = run.protocol != Protocol::kNotStarted && !run.no_agent;
    RETURN_IF_ERROR(TakeLastCheckpoint(around, attempt, control, SessionOf(run, attempt), started));
    if (reported != nullptr) attempt.end->mutable_facts()->MergeFrom(*reported);
    // Only of an agent that ran: what lies there otherwise is older.
    if (reported != nullptr && attempt.agent != nullptr && attempt.agent->has_stream())
      TakeQuestion(attempt);
    if (reported != nullptr) NoteAgentsChange(attempt);
    if (control.leaving()) return absl::CancelledError("the daemon leaves");
    if (due) NoteThatChecksBegin(attempt);
  }
  if (!due) return absl::OkStatus();
  RETURN_IF_ERROR(RunChecks(around, attempt, control, board, logs, run));
  board.SetStage(Stage::kSaving, "saving", AttemptBoard::Urgency::kSoon);
  return absl::OkStatus();
}

}  // namespace

std::string JournalKey(const AttemptKey& key) { return key.ToString(); }

std::string EncodeEnd(const Attempt& attempt) {
  v1::ReportRequest record;
  record.set_handoff_id(attempt.key.handoff_id);
  record.set_number(attempt.key.number);
  record.set_epoch(attempt.epoch);
  *record.mutable_end() = *attempt.end;
  return record.SerializeAsString();
}

bool DecodeEnd(const std::string& value, Attempt& attempt) {
  v1::ReportRequest record;
  if (!record.ParseFromString(value) || record.epoch() != attempt.epoch) return false;
  attempt.end->Swap(record.mutable_end());
  BoundEnd(*attempt.end);  // an older version recorded what no coordinator can take
  return true;
}

absl::Status SaveAttempt(const Surroundings& around, Attempt& attempt, AttemptControl& control,
                         AttemptBoard& board, RunEnd run, const v1::Facts* reported,
                         AttemptLogs& logs) {
  RETURN_IF_ERROR(ObserveAndCheck(around, attempt, control, board, run, reported, logs));
  attempt.end->set_log_bytes(logs.agent.size());
  if (const absl::Status hashed = logs.agent.HashAll(); hashed.ok()) {
    attempt.end->set_log_sha256(logs.agent.HashSoFar());
  } else {
    // Reporting finds out how much of it can still be sent.
    SPDLOG_ERROR("{}: {}", attempt.key.ToString(), std::string(hashed.message()));
  }
  ProbeInDoubt(around, attempt, control, run);
  if (control.leaving()) return absl::CancelledError("the daemon leaves");
  TakeStop(control.Seal(), run);
  if (run.ended_at == absl::InfinitePast()) run.ended_at = around.clock.Now();
  FillEnd(run, attempt.agent, *attempt.end);
  if (!attempt.files.trouble().empty()) {
    std::string& message = *attempt.end->mutable_failure_message();
    absl::StrAppend(&message, message.empty() ? "" : " ", attempt.files.trouble(), ".");
  }
  BoundEnd(*attempt.end);
  return Record(around, attempt, control, board);
}

}  // namespace handoff::worker
