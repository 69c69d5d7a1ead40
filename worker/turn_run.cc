#include "worker/turn_run.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"
#include "handoff/v1/types.pb.h"
#include "worker/proto_time.h"
#include "worker/run_end.h"

namespace handoff::worker {
namespace {

constexpr size_t kQuotedBytes = 300;

// Six digits, the first not 0.
uint32_t RandomNumber() {
  uint32_t random = 0;
  if (!absl::SimpleHexAtoi(RandomHex(4), &random)) random = 0;
  return 100'000 + random % 900'000;
}

Verdict Failed(FailureClass failure, std::string message) {
  return {failure, std::move(message), absl::InfinitePast()};
}

// It knows why better than the clock, where it said so.
Verdict JudgeTimeout(const Agent& agent, const Reading& reading, absl::Duration limit) {
  const std::string late =
      absl::StrCat("It did not answer within ", HumanDuration(limit), " and was ended.");
  ProcessEnd end = EndOf(reading.process);
  end.ended_by = EndedBy::kHardCap;
  Verdict known =
      agent.Diagnose(end, absl::StrCat(reading.process.err, "\n", reading.last_trouble));
  if (known.failure == FailureClass::kNone) return Failed(FailureClass::kTimedOut, late);
  known.message = absl::StrCat(late, " ", known.message);
  return known;
}

// As of an attempt, of which this is a very short one.
Verdict JudgeEnd(const Agent& agent, const Reading& reading) {
  RunEnd run;
  run.protocol = !reading.result      ? Protocol::kResultMissing
                 : reading.result->ok ? Protocol::kResultOk
                                      : Protocol::kResultError;
  if (reading.result) run.protocol_message = reading.result->message;
  run.process = EndOf(reading.process);
  run.result = reading.result;
  run.stderr_tail = reading.process.err;
  run.last_trouble = reading.last_trouble;
  run.silent = reading.process.out.empty();
  v1::AttemptEnd end;
  FillEnd(run, &agent, end);
  Verdict verdict{static_cast<FailureClass>(end.failure()), end.failure_message(),
                  absl::InfinitePast()};
  if (end.has_retry_at()) verdict.retry_at = FromProto(end.retry_at());
  if (verdict.failure == FailureClass::kNoResult) {
    const std::string err = OneLine(reading.process.err, kQuotedBytes);
    verdict.message = absl::StrCat("It ended with status 0 and without an answer",
                                   err.empty() ? "." : absl::StrCat(": ", err));
  }
  return verdict;
}

absl::StatusOr<Verdict> Turn(const Surroundings& around, const TurnWish& wish, absl::Duration limit,
                             const Signal& interrupt, v1::AgentTurn& turn) {
  const Agent* agent = around.probes.AgentOf(wish.agent);
  if (agent == nullptr)
    return Failed(FailureClass::kAgentMissing, "This worker knows no agent of that name.");
  // Whoever asks may just have installed it, or logged it in.
  around.probes.Probe(*agent, interrupt.fd());
  if (interrupt.raised()) return absl::CancelledError("the turn is not wanted any more");
  const auto found = around.probes.Find(wish.agent);
  if (!found || found->offer.state == AgentState::kMissing) {
    return Failed(FailureClass::kAgentMissing,
                  found ? found->offer.message : "It was not found here.");
  }
  if (found->offer.state == AgentState::kNeedsSetup)
    return Failed(FailureClass::kAgentNeedsSetup, found->offer.message);
  const uint32_t first = RandomNumber(), second = RandomNumber();
  ReadingRun run;
  run.agent = wish.agent;
  run.executable = found->executable;
  run.dir = around.data.turn();
  run.prompt = TurnPrompt(first, second);
  run.limit = limit;
  run.own_words = true;
  RETURN_IF_ERROR(MakeReadingDir(run.dir));
  const BootTime began = around.clock.Boot();
  ASSIGN_OR_RETURN(const Reading reading, Read(around, *agent, run, interrupt));
  ToProto(around.clock.Boot() - began, turn.mutable_took());
  turn.set_model(EscapeInvalidUtf8(OneLine(reading.model, 200)));
  FillUsage(reading.usage, *turn.mutable_usage());
  return JudgeTurn(*agent, reading, TurnAnswer(first, second), limit);
}

}  // namespace

std::string TurnPrompt(uint32_t first, uint32_t second) {
  return absl::StrCat("This only checks that you can answer. Use no tool and read no file. Write ",
                      "the number ", first, ", then a hyphen, then the number ", second,
                      ", on one line without spaces, and nothing else.\n");
}

std::string TurnAnswer(uint32_t first, uint32_t second) { return absl::StrCat(first, "-", second); }

Verdict JudgeTurn(const Agent& agent, const Reading& reading, const std::string& answer,
                  absl::Duration limit) {
  const std::string said = absl::StrJoin(reading.texts, "\n");
  const bool ok = reading.result && reading.result->ok;
  if (ok && absl::StrContains(said, answer)) return {};
  if (reading.process.timed_out) return JudgeTimeout(agent, reading, limit);
  if (!ok && WroteTooMuch(reading.process))
    return Failed(FailureClass::kAgentError, "It wrote more than 1 MiB instead of an answer.");
  const Verdict verdict = JudgeEnd(agent, reading);
  if (verdict.failure != FailureClass::kNone) return verdict;
  const std::string words = OneLine(said, kQuotedBytes);
  return Failed(FailureClass::kAgentError,
                absl::StrCat("It answered, but not what it was asked for",
                             words.empty() ? "." : absl::StrCat(": ", words)));
}

absl::StatusOr<std::string> MakeTurn(const Surroundings& around, const TurnWish& wish,
                                     absl::Duration limit, const Signal& interrupt) {
  v1::AgentTurn turn;
  absl::StatusOr<Verdict> verdict = Turn(around, wish, limit, interrupt, turn);
  RemoveTree(around.data.turn()).IgnoreError();
  if (absl::IsCancelled(verdict.status())) return verdict.status();
  if (!verdict.ok())
    verdict = Failed(FailureClass::kInternal, std::string(verdict.status().message()));
  turn.set_failure(static_cast<v1::Failure::Class>(verdict->failure));
  turn.set_message(EscapeInvalidUtf8(OneLine(verdict->message, 1000)));
  if (verdict->retry_at != absl::InfinitePast())
    ToProto(verdict->retry_at, turn.mutable_retry_at());
  return turn.SerializeAsString();
}

void EndEarlierTurn(const Surroundings& around) { EndEarlierReading(around.data.turn()); }

}  // namespace handoff::worker
