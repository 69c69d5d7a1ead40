#include "worker/attempt_dir.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/regular_file.h"
#include "common/status.h"

namespace handoff::worker {

absl::Status AttemptDir::Create(absl::string_view desired_attempt,
                                absl::string_view boot_id) const {
  RETURN_IF_ERROR(MakeDirectories(path_));
  for (const char* name : {"exit.json", "shim.pid", "shim.json", "launch.pb", "ended.pb",
                           "checkpoint.pb", "stored.pb", "session", "checks", "checks.log"}) {
    RETURN_IF_ERROR(RemoveTree(absl::StrCat(path_, "/", name)));
  }
  RETURN_IF_ERROR(WriteFileAtomically(path_ + "/boot", boot_id));
  RETURN_IF_ERROR(WriteFileAtomically(path_ + "/attempt.pb", desired_attempt));
  return MakeDirectories(tmp());
}

absl::StatusOr<std::string> AttemptDir::ReadDesired() const {
  return ReadRegularFile(path_ + "/attempt.pb");
}

absl::Status AttemptDir::MarkEnded() const {
  const std::string from = path_ + "/attempt.pb", to = path_ + "/ended.pb";
  // The agent may have removed it, or put something else in its place.
  const bool renamed = ::rename(from.c_str(), to.c_str()) == 0;
  if (!renamed && errno != ENOENT && errno != ENOTDIR && errno != ELOOP) {
    return ErrnoToStatus(errno, absl::StrCat("renaming ", from));
  }
  // What an agent made undeletable must not have its end reported for ever; the sweep tries again.
  RemoveTree(tmp()).IgnoreError();
  return absl::OkStatus();
}

bool AttemptDir::ended() const { return PathExists(path_ + "/ended.pb"); }

absl::StatusOr<std::vector<AttemptKey>> LiveAttempts(const std::string& attempts) {
  std::vector<AttemptKey> keys;
  ASSIGN_OR_RETURN(const auto ids, ListDirectory(attempts));
  for (const std::string& id : ids) {
    const std::string of_id = absl::StrCat(attempts, "/", id);
    struct stat info;
    if (::lstat(of_id.c_str(), &info) != 0) return ErrnoToStatus(errno, "stat " + of_id);
    if (!S_ISDIR(info.st_mode)) continue;
    ASSIGN_OR_RETURN(const auto numbers, ListDirectory(of_id));
    for (const std::string& number : numbers) {
      AttemptKey key{id, 0};
      if (!absl::SimpleAtoi(number, &key.number)) continue;
      const std::string desired = absl::StrCat(of_id, "/", number, "/attempt.pb");
      // Whatever an agent put there or closed is of an attempt that may run.
      if (::lstat(desired.c_str(), &info) == 0 || errno == EACCES) {
        keys.push_back(std::move(key));
      } else if (errno != ENOENT && errno != ENOTDIR) {
        return ErrnoToStatus(errno, "stat " + desired);
      }
    }
  }
  return keys;
}

}  // namespace handoff::worker
