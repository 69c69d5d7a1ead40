#include "worker/checks.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/backoff.h"
#include "common/file.h"
#include "common/handoff/describe_checks.h"
#include "common/regular_file.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/pool.pb.h"
#include "worker/check_results.h"
#include "worker/check_watch.h"
#include "worker/checks_log.h"
#include "worker/core/clocks.h"
#include "worker/proto_time.h"
#include "worker/shim/shim_client.h"

namespace handoff::worker {
namespace {

constexpr Backoff kBackoff{absl::Milliseconds(200), absl::Seconds(5)};
constexpr absl::Duration kUnreachable = absl::Seconds(30);  // as for the agent's shim
constexpr absl::Duration kShowEvery = absl::Seconds(5);
constexpr uint64_t kCopyBudget = 8 << 20;
constexpr int kLaunchTries = 3;
constexpr size_t kCommandBytes = 60;

absl::Status Leaving() { return absl::CancelledError("the daemon leaves"); }

std::string BegunFile(const Attempt& attempt) { return attempt.dir.checks() + "/begun"; }

// What exit.json says of the agent. Without an agent there is nobody who could forge the note.
absl::StatusOr<std::string> EndBeforeChecks(const Attempt& attempt) {
  if (attempt.spec->only_checks()) return std::string("no agent\n");
  return ReadRegularFile(attempt.dir.path() + "/exit.json");
}

std::string ReadTail(const std::string& path, uint64_t bytes) {
  const auto fd = OpenRegular(path);
  if (!fd.ok()) return "";
  std::string tail(std::min<uint64_t>(bytes, 2 * kCheckTailBytes), '\0');
  const ssize_t n =
      ::pread(fd->get(), tail.data(), tail.size(), static_cast<off_t>(bytes - tail.size()));
  tail.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return tail;
}

class Checks {
 public:
  Checks(const Surroundings& around, Attempt& attempt, AttemptControl& control, AttemptBoard& board,
         AttemptLogs& logs)
      : around_(around),
        attempt_(attempt),
        control_(control),
        board_(board),
        logs_(logs),
        log_(attempt.dir.checks_log()) {}

  absl::Status Run(RunEnd& run) {
    const auto& declared = attempt_.wanted().checks();
    ShowAttempt();
    RETURN_IF_ERROR(Persist([&] { return log_.Begin(); }));
    // After a stop what has begun still comes to its end, and nothing else begins.
    for (index_ = 1; index_ <= declared.size(); ++index_) {
      if (Stopped(run) && !PathExists(Directory())) break;
      RETURN_IF_ERROR(RunOne(declared[index_ - 1]));
    }
    run.checks_unfinished = Stopped(run) && !AllOver(declared.size());
    run.ended_at = around_.clock.Now();
    FillChecks(results_, tails_, declared.size(), run, *attempt_.end);
    attempt_.end->set_checks_log_bytes(log_.size());
    return absl::OkStatus();
  }

 private:
  std::string Directory() const { return absl::StrCat(attempt_.dir.checks(), "/", index_); }
  std::string ResultFile() const { return Directory() + "/result.pb"; }
  std::string LogFile() const { return Directory() + "/log"; }

  bool Stopped(RunEnd& run) const {
    if (orphaned_) run.process.ended_by = EndedBy::kOrphaned;
    if (stopped_as_) run.process.ended_by = *stopped_as_;
    return orphaned_ || stopped_as_ || control_.stop().has_value();
  }

  // That ends an attempt and no check alone.
  static bool IsStop(EndedBy by) {
    return by == EndedBy::kCancel || by == EndedBy::kInterrupted || by == EndedBy::kSuperseded ||
           by == EndedBy::kDrained;
  }

  // An adopting daemon has shown nothing of it yet.
  void ShowAttempt() {
    const v1::AttemptEnd& end = *attempt_.end;
    board_.Update(AttemptBoard::Urgency::kNow, [&](AttemptStatus& status) {
      status.stage = Stage::kRunning;
      status.phase = "checking";
      if (end.has_started_at()) status.started_at = FromProto(end.started_at());
      status.session = end.session();
      status.workspace = end.workspace();
      status.command = end.command();
      status.safe_command = end.safe_command();
      status.isolation = end.isolation();
    });
  }

  // Each came to an end of its own.
  bool AllOver(int declared) const {
    return static_cast<int>(results_.size()) == declared && !cut_;
  }

  absl::Status RunOne(const v1::Check& check) {
    check_ = &check;
    RETURN_IF_ERROR(Persist([&] { return log_.BeginCheck(check.command(), LogFile()); }));
    v1::CheckResult result;
    const auto saved = ReadRegularFile(ResultFile());
    if (!saved.ok() || !result.ParseFromString(*saved)) {
      ASSIGN_OR_RETURN(CheckEnd end, ToItsEnd());
      NoteWhoEnded(end);
      result = JudgeCheck(check, end);
      for (std::string& file :
           NamedFiles(check.command(), attempt_.folder(), attempt_.end->facts()))
        result.add_changed_files(std::move(file));
      RETURN_IF_ERROR(Persist([&] { return MakeDirectories(Directory()); }));
      // Of one that was stopped its shim's record says more: with what the attempt ends.
      if (!end.stopped) {
        RETURN_IF_ERROR(
            Persist([&] { return WriteFileAtomically(ResultFile(), result.SerializeAsString()); }));
      }
    }
    const uint64_t bytes = FileSize(LogFile()).value_or(0);
    tails_.push_back(ReadTail(LogFile(), bytes));
    RETURN_IF_ERROR(Persist([&] { return CopyAll(bytes); }));
    std::string how = HowCheckEnded(result);
    if (!result.message().empty() && !result.has_exit_code() && result.signal() == 0)
      absl::StrAppend(&how, ". ", result.message());
    RETURN_IF_ERROR(Persist([&] { return log_.EndCheck(OneLine(how, 1500)); }));
    logs_.checks.Grown(log_.size());
    results_.push_back(std::move(result));
    return absl::OkStatus();
  }

  void NoteWhoEnded(CheckEnd& end) {
    const EndedBy by = end.exit ? end.exit->ended_by : end.lost_as;
    const auto stop = control_.stop();
    // A daemon that just began was not told of the stop yet.
    end.stopped = IsStop(by) || (stop && by == stop->as);
    if (end.stopped) stopped_as_ = by;
    orphaned_ = orphaned_ || by == EndedBy::kOrphaned;
    cut_ = cut_ || end.stopped || orphaned_;
  }

  static bool Is(const absl::StatusOr<ShimFate>& found, ShimFate fate) {
    return found.ok() && *found == fate;
  }

  // A directory that is not there yet would count as one that was removed.
  absl::StatusOr<ShimFate> Classify() const {
    if (!PathExists(Directory())) return ShimFate::kNeverStarted;
    return ClassifyShim(Directory(), around_.boot_id);
  }

  // Whatever its files say. CANCELLED when the daemon leaves.
  absl::StatusOr<CheckEnd> ToItsEnd() {
    const BootTime give_up = around_.clock.Boot() + kUnreachable;
    for (int failures = 0, launches = 0;;) {
      const auto fate = Classify();
      if (!fate.ok()) Warn(fate.status());
      const bool spoilt = !fate.ok() && (IsSpoilt(fate.status()) || control_.stop());
      if (spoilt || Is(fate, ShimFate::kLost) || Is(fate, ShimFate::kExited)) return Conclude();
      if (Is(fate, ShimFate::kNeverStarted)) {
        RETURN_IF_ERROR(AwaitLease());
        if (orphaned_ || control_.stop()) return NotStarted();
        auto shim = Launch();
        if (shim.ok()) return Watch(**shim);
        Warn(shim.status());
        if (++launches == kLaunchTries) return shim.status();
      } else if (fate.ok()) {
        auto shim = ShimClient::Adopt(Directory());
        if (shim.ok()) return Watch(**shim);
        Warn(shim.status());
        // Its socket was removed: nothing can be asked of it any more.
        const bool unwanted = control_.stop() || around_.clock.Boot() > give_up;
        if (unwanted && !absl::IsAborted(shim.status())) return Conclude();
      }
      if (control_.leaving()) return Leaving();
      control_.Wait(around_.clock, around_.clock.Boot() + kBackoff.Delay(++failures, 0.5));
    }
  }

  CheckEnd NotStarted() const {
    CheckEnd end;
    end.exit.emplace();
    end.exit->spawn_error = "the attempt was stopped before";
    if (const auto stop = control_.stop()) end.exit->ended_by = stop->as;
    if (orphaned_) end.exit->ended_by = EndedBy::kOrphaned;
    return end;
  }

  // Nothing of an attempt runs without one.
  absl::Status AwaitLease() {
    const BootTime begun = around_.clock.Boot();
    while (!control_.stop()) {
      if (control_.leaving()) return Leaving();
      const BootTime now = around_.clock.Boot();
      if (control_.deadline() > now) break;
      orphaned_ = orphaned_ || now - begun > around_.config.orphan_timeout;
      if (orphaned_) break;
      Show("waiting for the lease to be renewed", std::nullopt, false);
      control_.Wait(around_.clock, now + absl::Minutes(1));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<ShimClient>> Launch() {
    RETURN_IF_ERROR(RemoveTree(Directory()));  // half made, or nothing of ours
    RETURN_IF_ERROR(MakeDirectories(Directory()));
    RETURN_IF_ERROR(WriteFileAtomically(Directory() + "/boot", around_.boot_id));
    ShimSpec spec;
    spec.handoff_id = attempt_.key.handoff_id;
    spec.attempt = attempt_.key.number;
    spec.epoch = attempt_.epoch;
    spec.argv = {"/bin/sh", "-c", check_->command()};
    spec.env = attempt_.EnvironmentOf(around_.config, {{"HANDOFF_CHECK", absl::StrCat(index_)}},
                                      Directory());
    spec.cwd = attempt_.directory();
    spec.boot_id = around_.boot_id;
    spec.orphan_timeout_ns = absl::ToInt64Nanoseconds(around_.config.orphan_timeout);
    spec.disk_reserve_bytes = around_.disk_reserve;
    spec.lease_deadline_ns = control_.deadline().ns;
    spec.hard_cap_ns = (around_.clock.Boot() + LimitOf(*check_)).ns;
    return ShimClient::Launch(around_.shim_program, Directory(), spec);
  }

  absl::StatusOr<CheckEnd> Watch(ShimClient& shim) {
    CheckWatch watch(around_, control_, Directory());
    shown_phase_.clear();
    if (watch.Run(shim, [&] { return Step(watch); }) == CheckWatch::Result::kLeft) return Leaving();
    return watch.Conclude();
  }

  absl::StatusOr<CheckEnd> Conclude() {
    CheckEnd end = CheckWatch(around_, control_, Directory()).Conclude();
    if (control_.leaving()) return Leaving();  // something of it may be left to end
    return end;
  }

  BootTime Step(const CheckWatch& watch) {
    const BootTime now = around_.clock.Boot();
    const auto more = log_.Copy(watch.log_bytes(), kCopyBudget);
    if (!more.ok()) Warn(more.status());  // the end tries again, and says so
    logs_.checks.Grown(log_.size());
    for (LogUpload* upload : {&logs_.agent, &logs_.checks}) {
      const absl::Status sent = around_.taken() ? upload->Pump(now) : absl::OkStatus();
      if (!sent.ok()) Warn(sent);
    }
    const absl::Duration since = now - watch.started();
    std::string what = OneLine(check_->command(), kCommandBytes);
    // Short ones come and go too fast to be read.
    if (since >= absl::Minutes(1)) absl::StrAppend(&what, ", ", HumanDuration(since));
    if (watch.state() == "disk_low") what = "waiting for disk space";
    Show(what, watch.hard_cap(), watch.state() == "frozen");
    if (more.ok() && *more) return now;
    return std::min({logs_.agent.next(), logs_.checks.next(), now + kShowEvery});
  }

  void Show(const std::string& what, std::optional<BootTime> hard_cap, bool frozen) {
    const std::string phase = frozen
                                  ? "frozen (the lease is over)"
                                  : absl::StrCat("checking (", index_, " of ",
                                                 attempt_.wanted().checks_size(), ": ", what, ")");
    const bool news = phase != shown_phase_;
    const bool grew = log_.size() != shown_bytes_;
    if (!news && !grew) return;
    const absl::Time wall = around_.clock.Now();
    const std::string cap = WillEnd({}, hard_cap, around_.clock.Boot(), wall);
    const auto urgency = news ? AttemptBoard::Urgency::kSoon : AttemptBoard::Urgency::kSilently;
    board_.Update(urgency, [&](AttemptStatus& status) {
      status.stage = Stage::kRunning;
      status.phase = phase;
      status.frozen = frozen;
      status.stalled = false;
      status.will_end = cap.empty() ? "" : absl::StrCat("check's ", cap);
      status.last_activity_at = wall;
    });
    shown_phase_ = phase;
    shown_bytes_ = log_.size();
  }

  absl::Status CopyAll(uint64_t bytes) {
    const auto more = log_.Copy(bytes, std::numeric_limits<uint64_t>::max());
    if (more.ok() || absl::IsResourceExhausted(more.status())) return more.status();
    Warn(more.status());  // what cannot be read is not there
    return absl::OkStatus();
  }

  // Through a full disk.
  absl::Status Persist(const std::function<absl::Status()>& write) {
    for (int failures = 0;;) {
      const absl::Status written = write();
      if (!absl::IsResourceExhausted(written)) return written;
      Warn(written);
      if (control_.leaving()) return Leaving();
      Show("the worker's disk is full", std::nullopt, false);
      control_.Wait(around_.clock, around_.clock.Boot() + kBackoff.Delay(++failures, 0.5));
    }
  }

  void Warn(const absl::Status& status) const {
    SPDLOG_WARN("{}: check {}: {}", attempt_.key.ToString(), index_, std::string(status.message()));
  }

  const Surroundings& around_;
  Attempt& attempt_;
  AttemptControl& control_;
  AttemptBoard& board_;
  AttemptLogs& logs_;
  ChecksLog log_;
  int index_ = 1;
  const v1::Check* check_ = nullptr;
  std::vector<v1::CheckResult> results_;
  std::vector<std::string> tails_;
  bool orphaned_ = false;              // nobody renewed the lease for too long
  std::optional<EndedBy> stopped_as_;  // the attempt, while one of them ran
  bool cut_ = false;                   // one was ended with the attempt
  std::string shown_phase_;
  uint64_t shown_bytes_ = 0;
};

}  // namespace

bool ChecksAreDue(const Attempt& attempt, const RunEnd& run) {
  return attempt.wanted().checks_size() > 0 && !run.prepare_failure &&
         JudgeAgent(run).failure == FailureClass::kNone;
}

// The agent could write the file, but not what its own end will say.
bool ChecksHaveBegun(const Attempt& attempt) {
  const auto exit = EndBeforeChecks(attempt);
  const auto begun = ReadRegularFile(BegunFile(attempt));
  return exit.ok() && begun.ok() && *exit == *begun;
}

void EndOldChecks(const Attempt& attempt) {
  const auto left = ListDirectory(attempt.dir.checks());
  for (const std::string& name : left.value_or(std::vector<std::string>{})) {
    const std::string path = absl::StrCat(attempt.dir.checks(), "/", name);
    EndLeftovers(ReadShimStarted(path), path).IgnoreError();
  }
}

void NoteThatChecksBegin(const Attempt& attempt) {
  const auto note = [&]() -> absl::Status {
    RETURN_IF_ERROR(RemoveTree(attempt.dir.checks()));
    RETURN_IF_ERROR(MakeDirectories(attempt.dir.checks()));
    RETURN_IF_ERROR(attempt.SaveLaunch());
    ASSIGN_OR_RETURN(const std::string exit, EndBeforeChecks(attempt));
    return WriteFileAtomically(BegunFile(attempt), exit);
  };
  if (const absl::Status noted = note(); !noted.ok()) {
    SPDLOG_WARN("{}: {}", attempt.key.ToString(), std::string(noted.message()));
  }
}

absl::Status RunChecks(const Surroundings& around, Attempt& attempt, AttemptControl& control,
                       AttemptBoard& board, AttemptLogs& logs, RunEnd& run) {
  const absl::Status status = Checks(around, attempt, control, board, logs).Run(run);
  if (status.ok() || absl::IsCancelled(status)) return status;
  SPDLOG_ERROR("{}: {}", attempt.key.ToString(), std::string(status.message()));
  run.checks_trouble = std::string(status.message());
  return absl::OkStatus();
}

}  // namespace handoff::worker
