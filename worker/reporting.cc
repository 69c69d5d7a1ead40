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
#include "handoff/v1/pool.pb.h"
#include "worker/earlier_logs.h"
#include "worker/saving.h"

namespace handoff::worker {
namespace {

constexpr BootTime kNever{std::numeric_limits<int64_t>::max()};
constexpr Backoff kBackoff{absl::Milliseconds(100), absl::Seconds(5)};

class Reporting {
 public:
  Reporting(const Surroundings& around, Attempt& attempt, AttemptControl& control,
            AttemptBoard& board, LogUpload& upload)
      : around_(around), attempt_(attempt), control_(control), board_(board), upload_(upload) {}

  absl::Status Run() {
    board_.SetStage(Stage::kReporting, "reporting", AttemptBoard::Urgency::kSoon);
    ASSIGN_OR_RETURN(const uint64_t bytes, LogBytes());
    upload_.Grown(std::min(bytes, attempt_.end->log_bytes()));
    RETURN_IF_ERROR(AwaitTaken());
    for (int failures = 0;;) {
      RETURN_IF_ERROR(SendLog());
      const auto answer = around_.client.Report(
          {around_.pool_id(), attempt_.key, attempt_.epoch, attempt_.end->SerializeAsString()},
          control_.leave().token());
      if (control_.leaving()) return absl::CancelledError("the daemon leaves");
      if (answer.ok() && answer->accepted) return Close(*answer);
      if (answer.ok()) {
        RETURN_IF_ERROR(LogIsShort(answer->log_offset, bytes));
      } else {
        SPDLOG_INFO("{}: the report was not taken: {}", attempt_.key.ToString(),
                    std::string(answer.status().message()));
        // The coordinator has the end or nothing at all of this handoff: insisting helps nobody.
        if (control_.forget() && !Transient(answer.status())) return Close({});
      }
      control_.Wait(around_.clock, around_.clock.Boot() + kBackoff.Delay(++failures, 0.5));
    }
  }

 private:
  static bool Transient(const absl::Status& status) {
    return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
           absl::IsResourceExhausted(status) || absl::IsAborted(status) ||
           absl::IsCancelled(status);
  }

  absl::Status AwaitTaken() {
    while (!around_.taken()) {
      if (control_.leaving()) return absl::CancelledError("the daemon leaves");
      control_.Wait(around_.clock, kNever);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> LogBytes() const {
    auto size = FileSize(attempt_.dir.log());
    if (absl::IsNotFound(size.status())) return uint64_t{0};
    return size;
  }

  absl::Status SendLog() {
    while (true) {
      if (control_.leaving()) return absl::CancelledError("the daemon leaves");
      const absl::Status pumped = upload_.Pump(around_.clock.Boot());
      if (!pumped.ok()) {
        // The file cannot be read: what the coordinator has is all that there will be.
        SPDLOG_ERROR("{}: {}", attempt_.key.ToString(), std::string(pumped.message()));
        return absl::OkStatus();
      }
      if (upload_.complete()) return absl::OkStatus();
      control_.Wait(around_.clock, upload_.next());
    }
  }

  // The coordinator holds less than the end says. Either it can still be sent; or a power loss took
  // unsynced bytes of the file, then the end must say that the tail is lost.
  absl::Status LogIsShort(uint64_t held, uint64_t file_bytes) {
    if (held < std::min(file_bytes, attempt_.end->log_bytes())) {
      upload_.Rewind(held);
      return absl::OkStatus();
    }
    SPDLOG_WARN("{}: {} bytes of the log were lost with the host's memory", attempt_.key.ToString(),
                attempt_.end->log_bytes() - held);
    attempt_.end->set_log_bytes(held);
    attempt_.end->clear_log_sha256();
    attempt_.end->set_log_tail_lost(true);
    return around_.journal.Put(JournalKey(attempt_.key), EncodeEnd(attempt_));
  }

  absl::Status Close(const ReportAnswer& answer) {
    board_.SetClosing();
    if (!PathExists(attempt_.workspace)) return Forget();
    // The document last: what it names is there when it says that the attempt is over.
    const std::string name = absl::StrCat("attempt-", attempt_.key.number);
    if (PathExists(attempt_.dir.log())) {
      Note(attempt_.files.CopyFile(attempt_.dir.log(), name + ".log", /*keep=*/false));
    }
    if (PathExists(attempt_.dir.prompt())) {
      Note(attempt_.files.CopyFile(attempt_.dir.prompt(), name + ".prompt.md", /*keep=*/false));
    }
    RestoreEarlierLogs(around_, attempt_);
    v1::Handoff handoff;
    // A late report decides nothing, so the document belongs to the attempt that does.
    if (answer.current && handoff.ParseFromString(answer.handoff)) {
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
  LogUpload& upload_;
};

}  // namespace

absl::Status ReportAttempt(const Surroundings& around, Attempt& attempt, AttemptControl& control,
                           AttemptBoard& board, LogUpload& upload) {
  return Reporting(around, attempt, control, board, upload).Run();
}

}  // namespace handoff::worker
