#include "worker/earlier_logs.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"
#include "worker/attempt_dir.h"
#include "worker/data_dir.h"

namespace handoff::worker {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{1} << 30;  // of one log that is brought from elsewhere

AttemptDir DirOf(const Surroundings& around, const AttemptKey& key) {
  return AttemptDir(around.data.attempts(), key);
}

bool RanHere(const AttemptDir& dir) {
  return PathExists(dir.log()) && (dir.ended() || dir.ReadDesired().ok());
}

std::string PathOf(const AttemptDir& dir, LogKind kind) {
  return kind == LogKind::kChecks ? dir.checks_log() : dir.log();
}

// Anew each time: more of a lost attempt's log may have arrived since.
absl::Status Fetch(const Surroundings& around, const AttemptKey& key, LogKind kind,
                   const AttemptControl& control) {
  const AttemptDir dir = DirOf(around, key);
  RETURN_IF_ERROR(MakeDirectories(dir.path()));
  const std::string log = PathOf(dir, kind);
  const std::string part = log + ".part";
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(part, O_WRONLY | O_CREAT | O_TRUNC));
  uint64_t bytes = 0;
  const auto sink = [&](absl::string_view data) -> absl::Status {
    bytes += data.size();
    if (bytes > kMaxBytes) return absl::ResourceExhaustedError("it is larger than 1 GiB");
    return WriteAll(fd.get(), data);
  };
  const absl::Status read = around.client.ReadLog(key, kind, sink, control.interrupt().token());
  // Most attempts have no checks, and their log is no file.
  if (read.ok() && bytes == 0 && kind == LogKind::kChecks) return RemoveTree(part);
  if (read.ok() && std::rename(part.c_str(), log.c_str()) == 0) return absl::OkStatus();
  const absl::Status failed =
      read.ok() ? ErrnoToStatus(errno, absl::StrCat("renaming to ", log)) : read;
  RemoveTree(part).IgnoreError();
  return failed;
}

// A directory that cannot be used is noted with the document.
void Copy(const Surroundings& around, Attempt& attempt, const AttemptKey& key, bool keep) {
  const AttemptDir dir = DirOf(around, key);
  for (const LogKind kind : {LogKind::kAgent, LogKind::kChecks}) {
    const std::string log = PathOf(dir, kind);
    if (!PathExists(log)) continue;
    const char* const end = kind == LogKind::kChecks ? ".checks.log" : ".log";
    attempt.files.CopyFile(log, absl::StrCat("attempt-", key.number, end), keep).IgnoreError();
  }
}

}  // namespace

void BringEarlierLogs(const Surroundings& around, Attempt& attempt, const AttemptControl& control) {
  for (int number = 1; number < attempt.key.number; ++number) {
    const AttemptKey key{attempt.key.handoff_id, number};
    if (!RanHere(DirOf(around, key))) {
      absl::Status fetched = Fetch(around, key, LogKind::kAgent, control);
      if (fetched.ok()) fetched = Fetch(around, key, LogKind::kChecks, control);
      if (control.interrupt().raised()) return;
      if (!fetched.ok()) {
        SPDLOG_WARN("{}: the log of attempt {} is not beside handoff.md: {}",
                    attempt.key.ToString(), number, std::string(fetched.message()));
      }
    }
    Copy(around, attempt, key, /*keep=*/true);
  }
}

void RestoreEarlierLogs(const Surroundings& around, Attempt& attempt) {
  for (int number = 1; number < attempt.key.number; ++number) {
    Copy(around, attempt, {attempt.key.handoff_id, number}, /*keep=*/false);
  }
}

}  // namespace handoff::worker
