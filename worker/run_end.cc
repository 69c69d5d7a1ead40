#include "worker/run_end.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "handoff/v1/types.pb.h"
#include "worker/agent/failure_text.h"
#include "worker/proto_time.h"

namespace handoff::worker {
namespace {

v1::AttemptEnd::Protocol ToProtocol(Protocol protocol) {
  switch (protocol) {
    case Protocol::kNone:
      return v1::AttemptEnd::NO_PROTOCOL;
    case Protocol::kResultOk:
      return v1::AttemptEnd::RESULT_OK;
    case Protocol::kResultError:
      return v1::AttemptEnd::RESULT_ERROR;
    case Protocol::kResultMissing:
      return v1::AttemptEnd::RESULT_MISSING;
    case Protocol::kNotStarted:
      return v1::AttemptEnd::NOT_STARTED;
  }
  return v1::AttemptEnd::PROTOCOL_UNSPECIFIED;
}

// Before the first event, or at the process's own end, stderr speaks of just that. What it says of
// one that worked and fell silent may be hours old.
std::string Words(const RunEnd& run) {
  if (run.process.ended_by == EndedBy::kIdleClock) return run.last_trouble;
  return absl::StrCat(run.stderr_tail, "\n", run.last_trouble);
}

// The adapter knows more of a failure than the general rule, but only of the agent's own doing.
Verdict Refine(const RunEnd& run, const Agent* agent, const Verdict& verdict) {
  const bool silent_in_trouble =
      run.process.ended_by == EndedBy::kFirstEventClock ||
      (run.process.ended_by == EndedBy::kIdleClock && !run.last_trouble.empty());
  const bool own_doing = verdict.failure == FailureClass::kAgentError ||
                         verdict.failure == FailureClass::kNoResult ||
                         (verdict.failure == FailureClass::kStalled && silent_in_trouble);
  if (!own_doing || agent == nullptr) return verdict;
  if (run.resumed && run.silent && verdict.failure == FailureClass::kNoResult) {
    return {FailureClass::kSessionFailed,
            "The agent ended without a word, as it does where it knows no session of that id.",
            absl::InfinitePast()};
  }
  if (run.result && run.result->failure == FailureClass::kAgentNeedsSetup) {
    // The adapter knows the command that mends it, which the stream does not name.
    Verdict known = agent->Diagnose(run.process, run.result->message);
    known.message = absl::StrCat(verdict.message, " ", known.message);
    if (known.failure == FailureClass::kAgentNeedsSetup) return known;
  }
  if (run.result && run.result->failure != FailureClass::kNone) {
    return {run.result->failure, verdict.message, run.result->retry_at};
  }
  Verdict known = agent->Diagnose(run.process, Words(run));
  // It was in one, so the words are those of something else.
  const bool disproved =
      known.failure == FailureClass::kSessionFailed && !run.stream_session.empty();
  return known.failure == FailureClass::kNone || disproved ? verdict : known;
}

// The words spoke of a login, and the agent has one: the general rule decides, and quotes them.
Verdict WithoutLogin(const RunEnd& run, Verdict verdict) {
  const std::string line = ClassifyErrorText(Words(run)).message;
  if (!run.result && !line.empty()) absl::StrAppend(&verdict.message, " It wrote: ", line);
  return verdict;
}

// A login that its service refused may look like one all the same: no probe can tell.
bool IsCertain(const RunEnd& run) { return run.result && run.result->certain; }

// The agent's own end is good: its checks have the word.
Verdict JudgeChecks(const RunEnd& run) {
  // By whom it was stopped: a result of the agent does not make up for checks that were not run.
  if (run.checks_unfinished) return Judge(Protocol::kResultMissing, "", run.process);
  if (!run.checks_trouble.empty()) {
    return {FailureClass::kEnvironmentFailed,
            absl::StrCat("The worker could not run the checks: ", run.checks_trouble, "."),
            absl::InfinitePast()};
  }
  if (run.failed_check.empty()) return {};
  return {FailureClass::kChecksFailed, run.failed_check, absl::InfinitePast()};
}

Verdict JudgeRun(const RunEnd& run, const Agent* agent) {
  const bool decided =
      run.process.ended_by == EndedBy::kCancel || run.process.ended_by == EndedBy::kInterrupted ||
      run.process.ended_by == EndedBy::kSuperseded || run.process.ended_by == EndedBy::kDrained;
  if (run.prepare_failure && !decided) {
    return {run.prepare_failure->failure, run.prepare_failure->message, absl::InfinitePast()};
  }
  Verdict general = JudgeAgent(run);
  Verdict refined = Refine(run, agent, general);
  const bool disproved = refined.failure == FailureClass::kAgentNeedsSetup && run.worked &&
                         !IsCertain(run) && run.agent_ready.value_or(false);
  return disproved ? WithoutLogin(run, std::move(general)) : refined;
}

void FillSession(const RunEnd& run, const Agent* agent, v1::AttemptEnd& end) {
  if (run.stream_session.empty()) {
    // An id that we chose is a session only once the agent has named it.
    const bool chosen =
        agent != nullptr && agent->session_origin() == SessionOrigin::kChosen &&
        (end.session_kind() == v1::Attempt::NEW || end.session_kind() == v1::Attempt::FRESH);
    // Where that comes last, one that said anything may have begun it; a resume tells.
    const bool may_have_begun = chosen && agent->names_session_last() && run.worked;
    if (chosen && !may_have_begun) end.clear_session();
    // Refused: whatever goes on is another conversation.
    if (run.resumed && end.failure() == v1::Failure::SESSION_FAILED)
      end.set_session_verified(v1::Attempt::NO);
    return;
  }
  if (end.session().empty()) end.set_session(run.stream_session);
  if (end.session() == run.stream_session) {
    const bool proven = !run.resumed || agent == nullptr || agent->id_proves_session();
    end.set_session_verified(proven ? v1::Attempt::YES : v1::Attempt::UNKNOWN);
  } else {
    // It began another conversation than the one that was asked for: say so, and keep the real id.
    end.set_session(run.stream_session);
    end.set_session_verified(v1::Attempt::NO);
    if (end.session_kind() != v1::Attempt::NEW) end.set_session_kind(v1::Attempt::FRESH);
  }
}

}  // namespace

// Nothing was started that could have failed.
Verdict JudgeAgent(const RunEnd& run) {
  return Judge(run.no_agent ? Protocol::kResultOk : run.protocol, run.protocol_message,
               run.process);
}

bool SetupInDoubt(const RunEnd& run, const Agent* agent) {
  return run.worked && agent != nullptr && !run.prepare_failure && !IsCertain(run) &&
         JudgeRun(run, agent).failure == FailureClass::kAgentNeedsSetup;
}

absl::Status FillWork(const absl::StatusOr<std::string>& observed, v1::AttemptEnd& end) {
  v1::Facts seen;
  if (!observed.ok() || !seen.ParseFromString(*observed)) {
    // Work that nobody looks for would be lost: it is taken to be there.
    end.set_work_unknown(true);
    end.set_changed(true);
    return observed.ok() ? absl::DataLossError("facts that cannot be parsed") : observed.status();
  }
  v1::Facts& facts = *end.mutable_facts();
  seen.set_base_commit(facts.base_commit());
  if (seen.branch().empty()) seen.set_branch(facts.branch());
  *seen.mutable_notes() = facts.notes();
  facts.Swap(&seen);
  end.set_work_unknown(facts.unread_size() > 0);
  end.set_changed(end.work_unknown() || facts.files_changed() > 0 || facts.commits_size() > 0 ||
                  (!facts.head_commit().empty() && facts.head_commit() != facts.base_commit()));
  return absl::OkStatus();
}

void FillEnd(const RunEnd& run, const Agent* agent, v1::AttemptEnd& end) {
  end.set_protocol(ToProtocol(run.protocol));
  end.set_protocol_message(run.protocol_message);
  if (run.process.exit_code) end.set_exit_code(*run.process.exit_code);
  end.set_signal(run.process.signal);
  end.set_ended_by(static_cast<v1::AttemptEnd::EndedBy>(run.process.ended_by));
  Verdict verdict = JudgeRun(run, agent);
  if (verdict.failure == FailureClass::kNone) verdict = JudgeChecks(run);
  end.set_verified(verdict.failure == FailureClass::kNone && run.checks_passed);
  end.set_failure(static_cast<v1::Failure::Class>(verdict.failure));
  end.set_failure_message(verdict.message);
  if (!run.leftovers.empty()) {
    end.set_failure_message(absl::StrCat(verdict.message, verdict.message.empty() ? "" : " ",
                                         "Not everything was ended on the worker: ", run.leftovers,
                                         "."));
  }
  if (run.prepare_failure && verdict.failure == run.prepare_failure->failure) {
    end.set_host_fault(run.prepare_failure->host_fault);
    end.set_hold_key(run.prepare_failure->hold_key);
  } else if (agent != nullptr && (verdict.failure == FailureClass::kAgentMissing ||
                                  verdict.failure == FailureClass::kAgentNeedsSetup)) {
    end.set_host_fault(true);
    end.set_hold_key(absl::StrCat("agent:", agent->name()));
  }
  if (verdict.retry_at != absl::InfinitePast()) {
    ToProto(verdict.retry_at, end.mutable_retry_at());
  }
  end.set_log_tail_lost(run.log_tail_lost);
  end.set_last_line(run.last_line);
  if (run.started_at != absl::InfinitePast()) ToProto(run.started_at, end.mutable_started_at());
  if (run.ended_at != absl::InfinitePast()) ToProto(run.ended_at, end.mutable_ended_at());
  FillSession(run, agent, end);
}

}  // namespace handoff::worker
