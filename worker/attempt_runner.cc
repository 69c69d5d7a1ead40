#include "worker/attempt_runner.h"

#include <spdlog/spdlog.h>

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/backoff.h"
#include "common/regular_file.h"
#include "common/status.h"
#include "handoff/v1/pool.pb.h"
#include "worker/agent_watch.h"
#include "worker/checks.h"
#include "worker/preparation.h"
#include "worker/reporting.h"
#include "worker/saving.h"

namespace handoff::worker {
namespace {

constexpr Backoff kBackoff{absl::Milliseconds(200), absl::Seconds(5)};
// A shim that begins listens at once, so one that is not reached for this long never will be.
constexpr absl::Duration kUnreachable = absl::Seconds(30);

absl::Status Leaving() { return absl::CancelledError("the daemon leaves"); }

}  // namespace

AttemptRunner::AttemptRunner(const Surroundings& around, const DesiredAttempt& desired,
                             Watchers watchers)
    : around_(around),
      watchers_(std::move(watchers)),
      board_(desired.key, desired.epoch, watchers_.changed) {
  board_.SetStage(Stage::kPreparing, "preparing", AttemptBoard::Urgency::kSilently);
  thread_ = std::jthread([this, spec = desired.spec] { Run(spec, /*found=*/false); });
}

AttemptRunner::AttemptRunner(const Surroundings& around, const AttemptKey& key, uint64_t epoch,
                             Watchers watchers)
    : around_(around),
      watchers_(std::move(watchers)),
      board_(key, epoch, watchers_.changed),
      thread_([this] { Run("", /*found=*/true); }) {}

AttemptRunner::~AttemptRunner() { control_.Leave(); }

void AttemptRunner::Stop(const StopOrder& order) {
  control_.Stop(order);
  if (board_.Status().stopping) return;
  board_.Update(AttemptBoard::Urgency::kNow, [](AttemptStatus& status) { status.stopping = true; });
}

void AttemptRunner::Run(const std::string& desired, bool found) {
  const absl::Status status = Live(desired, found);
  if (absl::IsDataLoss(status)) around_.fatal(status);
  if (!status.ok() && !absl::IsCancelled(status)) {
    SPDLOG_ERROR("{}: {}", board_.Status().key.ToString(), std::string(status.message()));
  }
  over_ = !control_.leaving();
  watchers_.over();
}

absl::Status AttemptRunner::Live(const std::string& desired, bool found) {
  const AttemptStatus self = board_.Status();
  const AttemptDir dir(around_.data.attempts(), self.key);
  const absl::Status made = found ? absl::OkStatus() : dir.Create(desired, around_.boot_id);
  const auto text = found ? dir.ReadDesired() : absl::StatusOr<std::string>(desired);
  auto attempt =
      text.ok()
          ? Attempt::Parse(around_, *text,
                           [this](const std::string& name) { return around_.probes.AgentOf(name); })
          : absl::StatusOr<Attempt>(text.status());
  const bool readable = attempt.ok();
  if (!readable && !found) return attempt.status();
  if (!readable) attempt.emplace(around_, self.key, self.epoch);
  const auto wake = [this] { control_.Wake(); };
  AttemptLogs logs{
      {around_.client, self.key, LogKind::kAgent, self.epoch, dir.log(), !found, wake},
      {around_.client, self.key, LogKind::kChecks, self.epoch, dir.checks_log(), !found, wake}};
  if (!made.ok()) {
    RETURN_IF_ERROR(Fail(
        *attempt, logs,
        PrepareFailure{FailureClass::kEnvironmentFailed,
                       absl::StrCat("The worker cannot write: ", made.message(), "."), false, ""}));
  } else if (!found) {
    RETURN_IF_ERROR(Begin(*attempt, logs));
  } else {
    RETURN_IF_ERROR(Resume(*attempt, logs, readable));
  }
  return ReportAttempt(around_, *attempt, control_, board_, logs);
}

absl::Status AttemptRunner::Resume(Attempt& attempt, AttemptLogs& logs, bool readable) {
  const auto records = around_.journal.Entries();
  const auto record = records.find(JournalKey(attempt.key));
  if (record != records.end() && DecodeEnd(record->second, attempt)) return absl::OkStatus();
  if (!readable) return absl::InvalidArgumentError("neither specification nor end can be read");
  attempt.LoadLaunch();
  return GoOn(attempt, logs);
}

// To a recorded end, from nothing.
absl::Status AttemptRunner::Begin(Attempt& attempt, AttemptLogs& logs) {
  board_.SetStage(Stage::kPreparing, "preparing", AttemptBoard::Urgency::kSilently);
  const Prepared prepared = PrepareAttempt(around_, attempt, control_, board_);
  if (std::holds_alternative<NoAgent>(prepared)) return OnlyCheck(attempt, logs);
  const auto* spec = std::get_if<ShimSpec>(&prepared);
  if (spec == nullptr) return Fail(attempt, logs, prepared);
  auto shim = ShimClient::Launch(around_.shim_program, attempt.dir.path(), *spec);
  if (shim.ok()) return Watch(attempt, logs, shim->get());
  // It may have come to life all the same: its files tell.
  SPDLOG_WARN("{}: {}", attempt.key.ToString(), std::string(shim.status().message()));
  const auto fate = Classify(attempt);
  if (!fate) return Leaving();
  if (*fate != ShimFate::kNeverStarted) return GoOn(attempt, logs);
  return Fail(
      attempt, logs,
      PrepareFailure{FailureClass::kEnvironmentFailed,
                     absl::StrCat("The agent could not be started: ", shim.status().message(), "."),
                     false, ""});
}

// To a recorded end, in a workspace that is there.
absl::Status AttemptRunner::OnlyCheck(Attempt& attempt, AttemptLogs& logs) {
  RunEnd run;
  run.no_agent = true;
  run.protocol = Protocol::kNone;
  return SaveAttempt(around_, attempt, control_, board_, std::move(run), nullptr, logs);
}

// To a recorded end, from whatever the files say.
absl::Status AttemptRunner::GoOn(Attempt& attempt, AttemptLogs& logs) {
  // Making the workspace again could undo what a check of an earlier daemon goes on with.
  if (attempt.spec->only_checks() && ChecksHaveBegun(attempt)) return OnlyCheck(attempt, logs);
  const BootTime give_up = around_.clock.Boot() + kUnreachable;
  while (true) {
    const auto fate = Classify(attempt);
    if (!fate) return Leaving();
    if (*fate == ShimFate::kNeverStarted) {
      attempt.EndStrays();  // of a preparation that was killed
      return Begin(attempt, logs);
    }
    if (*fate != ShimFate::kAlive) return Watch(attempt, logs, nullptr);
    auto shim = ShimClient::Adopt(attempt.dir.path());
    if (shim.ok()) return Watch(attempt, logs, shim->get());
    SPDLOG_WARN("{}: not adopted yet: {}", attempt.key.ToString(),
                std::string(shim.status().message()));
    if (control_.leaving()) return Leaving();
    // Its socket was removed: nothing can be asked of it any more, and nothing ends it but a kill.
    const bool unwanted = control_.stop() || around_.clock.Boot() > give_up;
    if (unwanted && !absl::IsAborted(shim.status())) return Watch(attempt, logs, nullptr);
    control_.Wait(around_.clock, around_.clock.Boot() + kBackoff.Delay(3, 0.5));
  }
}

// Absent when the daemon leaves. An unclear directory stays `adopting` until it is clear, but one
// that the agent spoilt never will be, and what is not wanted any more needs no clarity to be
// ended.
std::optional<ShimFate> AttemptRunner::Classify(const Attempt& attempt) {
  for (int failures = 0;;) {
    const auto fate = ClassifyShim(attempt.dir.path(), around_.boot_id);
    if (fate.ok()) return *fate;
    SPDLOG_WARN("{}: {}", attempt.key.ToString(), std::string(fate.status().message()));
    if (control_.leaving()) return std::nullopt;
    if (IsSpoilt(fate.status()) || control_.stop()) return ShimFate::kLost;
    control_.Wait(around_.clock, around_.clock.Boot() + kBackoff.Delay(++failures, 0.5));
  }
}

// `shim` is nullptr when it is gone already.
absl::Status AttemptRunner::Watch(Attempt& attempt, AttemptLogs& logs, ShimClient* shim) {
  AgentWatch watch(around_, attempt, control_, board_, logs.agent);
  if (shim != nullptr && watch.Run(*shim) == AgentWatch::Result::kLeft) return Leaving();
  RunEnd run = watch.Conclude();
  if (!run.leftovers.empty() && control_.leaving()) return Leaving();  // the next one goes on
  return SaveAttempt(around_, attempt, control_, board_, std::move(run), &watch.facts(), logs);
}

absl::Status AttemptRunner::Fail(Attempt& attempt, AttemptLogs& logs, const Prepared& prepared) {
  if (control_.leaving()) return Leaving();
  RunEnd run;
  if (const auto* failure = std::get_if<PrepareFailure>(&prepared)) {
    run.prepare_failure = *failure;
    run.protocol_message = failure->message;
  }
  return SaveAttempt(around_, attempt, control_, board_, std::move(run), nullptr, logs);
}

}  // namespace handoff::worker
