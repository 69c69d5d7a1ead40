#include "worker/reporting.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/backoff.h"
#include "common/file.h"
#include "common/handoff/describe.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/pool.pb.h"
#include "worker/checkpointing.h"
#include "worker/earlier_logs.h"
#include "worker/pushing.h"
#include "worker/saving.h"

namespace handoff::worker {
namespace {

constexpr BootTime kNever{std::numeric_limits<int64_t>::max()};
constexpr int kReadTries = 5;
constexpr int kCheckpointTries = 20;  // of 5 s, where the coordinator answers
constexpr Backoff kBackoff{absl::Milliseconds(100), absl::Seconds(5)};
// What was refused for good is kept all the same: a coordinator that was restored may get back what
// it lacks.
constexpr Backoff kRefused{absl::Milliseconds(100), absl::Minutes(5)};

class Reporting {
 public:
  Reporting(const Surroundings& around, Attempt& attempt, AttemptControl& control,
            AttemptBoard& board, AttemptLogs& logs)
      : around_(around), attempt_(attempt), control_(control), board_(board), logs_(logs) {}

  absl::Status Run() {
    board_.SetStage(Stage::kReporting, "reporting", AttemptBoard::Urgency::kSoon);
    const v1::AttemptEnd& end = *attempt_.end;
    if (end.log_bytes() > 0)
      logs_.agent.Grown(std::min(BytesOf(attempt_.dir.log()), end.log_bytes()));
    if (end.checks_log_bytes() > 0) {
      logs_.checks.Grown(std::min(BytesOf(attempt_.dir.checks_log()), end.checks_log_bytes()));
    }
    RETURN_IF_ERROR(AwaitTaken());
    for (int failures = 0, refusals = 0;;) {
      RETURN_IF_ERROR(Send(logs_.agent));
      RETURN_IF_ERROR(Send(logs_.checks));
      RETURN_IF_ERROR(SendCheckpoint());
      // From now on it may be accepted, though nobody hears the answer: the next attempt may begin
      // only after the last files of this one.
      board_.SetClosing(true);
      const auto answer = around_.client.Report(
          {around_.pool_id(), attempt_.key, attempt_.epoch, attempt_.end->SerializeAsString()},
          control_.leave().token());
      if (control_.leaving()) return absl::CancelledError("the daemon leaves");
      if (answer.ok() && answer->accepted) return Close(*answer);
      const bool refused = !answer.ok() && !Transient(answer.status());
      if (answer.ok() || refused) board_.SetClosing(false);
      if (answer.ok()) {
        RETURN_IF_ERROR(LogsAreShort(*answer));
      } else {
        // The coordinator has the end or nothing at all of this handoff: insisting helps nobody.
        if (control_.forget() && refused) return Close({});
        Complain("report", answer.status(), refused);
      }
      Pause(refused ? kRefused.Delay(++refusals, 0.5) : kBackoff.Delay(++failures, 0.5));
    }
  }

 private:
  static bool Transient(const absl::Status& status) {
    return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
           absl::IsResourceExhausted(status) || absl::IsAborted(status) ||
           absl::IsCancelled(status);
  }

  // The coordinator knows no such attempt of this worker.
  static bool IsStranger(const absl::Status& status) {
    return absl::IsNotFound(status) || absl::IsPermissionDenied(status) ||
           absl::IsFailedPrecondition(status);
  }

  absl::Status AwaitTaken() {
    while (!around_.taken()) {
      if (control_.leaving()) return absl::CancelledError("the daemon leaves");
      control_.Wait(around_.clock, kNever);
    }
    return absl::OkStatus();
  }

  // What cannot be found any more is not there: the agent may have put anything in its place.
  uint64_t BytesOf(const std::string& log) const {
    const auto size = FileSize(log);
    if (!size.ok()) SPDLOG_WARN("{}: {}", attempt_.key.ToString(), size.status().ToString());
    return size.value_or(0);
  }

  absl::Status Send(LogUpload& upload) {
    while (true) {
      if (control_.leaving()) return absl::CancelledError("the daemon leaves");
      const absl::Status pumped = upload.Pump(around_.clock.Boot());
      if (!pumped.ok()) {
        SPDLOG_ERROR("{}: {}", attempt_.key.ToString(), std::string(pumped.message()));
        // What the host lacks for a while is no fault of the file.
        const bool passing = absl::IsResourceExhausted(pumped) || absl::IsUnavailable(pumped);
        if (!passing) ++unread_;
        if (unread_ < kReadTries) {
          Pause(kBackoff.Delay(passing ? kReadTries : unread_, 0.5));
          continue;
        }
        // What the coordinator gets of what was read is all that there will be.
        upload.EndHere();
      }
      if (upload.complete()) return absl::OkStatus();
      // The coordinator keeps nothing of it any more: the report is where it says so.
      if (control_.forget() && upload.failing()) return absl::OkStatus();
      control_.Wait(around_.clock, upload.next());
    }
  }

  // Before the report: with that the attempt is over, and the next one may begin elsewhere with
  // what the coordinator has.
  absl::Status SendCheckpoint() {
    if (checkpoint_sent_) return absl::OkStatus();
    CheckpointKeeper keeper(around_, attempt_);
    absl::Status sent;
    for (int failures = 0, refusals = 0;;) {
      sent = keeper.Store(/*again=*/true, control_.leave().token());
      if (control_.leaving()) return absl::CancelledError("the daemon leaves");
      checkpoint_sent_ = sent.ok();
      // Whoever refuses this refuses the report for the same reason; and with the end in its hands
      // the coordinator waits for nothing.
      if (sent.ok() || IsStranger(sent) || control_.forget()) return absl::OkStatus();
      // What it builds on is lost; the state itself is here, and can be sent without that.
      if (absl::IsDataLoss(sent) && !repacked_) {
        repacked_ = true;
        const absl::Status repacked = keeper.Repack(control_.leave().fd());
        if (control_.leaving()) return absl::CancelledError("the daemon leaves");
        if (repacked.ok()) continue;
        sent = repacked;
      }
      Complain("checkpoint", sent);
      // A coordinator that is away takes no report either. One that says no again and again may
      // still take the end, and that has to come.
      const bool away = absl::IsUnavailable(sent) || absl::IsDeadlineExceeded(sent);
      if (!away) ++refusals;
      if (!Transient(sent) || refusals == kCheckpointTries) break;
      Pause(kBackoff.Delay(++failures, 0.5));
    }
    checkpoint_sent_ = true;
    attempt_.end->set_checkpoint_missing(
        absl::StrCat("The last checkpoint could not be stored at the coordinator: ",
                     OneLine(EscapeInvalidUtf8(sent.message()), 1000),
                     ". The work is in the workspace on the worker."));
    return Keep();
  }

  // The end as it is now. What a full disk does not take is sent all the same: the record of before
  // only says less after a restart, and the runner may not end while nobody has the end.
  absl::Status Keep() {
    const absl::Status put = around_.journal.Put(JournalKey(attempt_.key), EncodeEnd(attempt_));
    if (absl::IsDataLoss(put)) return put;
    if (!put.ok()) {
      SPDLOG_WARN("{}: the end could not be recorded anew: {}", attempt_.key.ToString(),
                  std::string(put.message()));
    }
    return absl::OkStatus();
  }

  // The coordinator holds less than the end says. Either it can still be sent; or the file has lost
  // bytes, then the end must say that the tail is lost.
  absl::Status LogsAreShort(const ReportAnswer& answer) {
    v1::AttemptEnd& end = *attempt_.end;
    if (answer.checks_log_offset < end.checks_log_bytes()) {
      if (answer.checks_log_offset < std::min(logs_.checks.size(), end.checks_log_bytes())) {
        logs_.checks.Rewind(answer.checks_log_offset);
      } else {
        end.set_checks_log_bytes(answer.checks_log_offset);
        RETURN_IF_ERROR(Keep());
      }
    }
    return answer.log_offset < end.log_bytes() ? LogIsShort(answer.log_offset) : absl::OkStatus();
  }

  absl::Status LogIsShort(uint64_t held) {
    if (held < std::min(logs_.agent.size(), attempt_.end->log_bytes())) {
      logs_.agent.Rewind(held);
      return absl::OkStatus();
    }
    SPDLOG_WARN(
        "{}: {} bytes of the log cannot be read any more; the end says that its tail is lost",
        attempt_.key.ToString(), attempt_.end->log_bytes() - held);
    attempt_.end->set_log_bytes(held);
    attempt_.end->clear_log_sha256();
    attempt_.end->set_log_tail_lost(true);
    return Keep();
  }

  void Complain(const char* of, const absl::Status& why, bool refused = false) {
    const std::string message(why.message());
    if (message == complaint_) return;
    complaint_ = message;
    if (!refused) {
      SPDLOG_INFO("{}: the {} was not taken: {}", attempt_.key.ToString(), of, message);
      return;
    }
    SPDLOG_WARN(
        "{}: the report was refused: {}. It is kept and tried again; to give it up, stop this "
        "worker, remove {}, and start it again",
        attempt_.key.ToString(), message, attempt_.dir.path());
  }

  // A renewal wakes as well, and is no reason to try again.
  void Pause(absl::Duration pause) {
    const BootTime until = around_.clock.Boot() + pause;
    const bool forget = control_.forget();
    while (around_.clock.Boot() < until && !control_.leaving() && control_.forget() == forget) {
      control_.Wait(around_.clock, until);
    }
  }

  absl::Status Close(const ReportAnswer& answer) {
    v1::Handoff handoff;
    const bool known = handoff.ParseFromString(answer.handoff);
    if (answer.push && known)
      RETURN_IF_ERROR(PushWork(around_, attempt_, control_, board_, handoff));
    if (!PathExists(attempt_.workspace)) return Forget();
    // The document last: what it names is there when it says that the attempt is over.
    const std::string name = absl::StrCat("attempt-", attempt_.key.number);
    if (PathExists(attempt_.dir.log())) {
      Note(attempt_.files.CopyFile(attempt_.dir.log(), name + ".log", /*keep=*/false));
    }
    if (attempt_.end->checks_log_bytes() > 0) {
      Note(attempt_.files.CopyFile(attempt_.dir.checks_log(), name + ".checks.log",
                                   /*keep=*/false));
    }
    if (PathExists(attempt_.dir.prompt())) {
      Note(attempt_.files.CopyFile(attempt_.dir.prompt(), name + ".prompt.md", /*keep=*/false));
    }
    RestoreEarlierLogs(around_, attempt_);
    // A late report decides nothing, so the document belongs to the attempt that does.
    if (answer.current && known) {
      if (!handoff.has_spec()) *handoff.mutable_spec() = attempt_.wanted();
      Note(attempt_.files.WriteDocument(Render(Describe(handoff))));
    }
    return Forget();
  }

  absl::Status Forget() {
    RETURN_IF_ERROR(attempt_.dir.MarkEnded());
    around_.journal.Remove(JournalKey(attempt_.key));
    return absl::OkStatus();
  }

  void Note(const absl::Status& status) const {
    if (status.ok()) return;
    SPDLOG_WARN("{}: {}", attempt_.key.ToString(), std::string(status.message()));
  }

  const Surroundings& around_;
  Attempt& attempt_;
  AttemptControl& control_;
  AttemptBoard& board_;
  AttemptLogs& logs_;
  std::string complaint_;
  int unread_ = 0;  // failed reads of the log
  bool repacked_ = false;
  bool checkpoint_sent_ = false;  // or its absence is stated
};

}  // namespace

absl::Status ReportAttempt(const Surroundings& around, Attempt& attempt, AttemptControl& control,
                           AttemptBoard& board, AttemptLogs& logs) {
  return Reporting(around, attempt, control, board, logs).Run();
}

}  // namespace handoff::worker
