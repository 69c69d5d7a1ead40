#include "worker/attempt_dir.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff::worker {

absl::Status AttemptDir::Create(absl::string_view desired_attempt) const {
  RETURN_IF_ERROR(MakeDirectories(path_));
  RETURN_IF_ERROR(WriteFileAtomically(path_ + "/attempt.pb", desired_attempt));
  return MakeDirectories(tmp());
}

absl::StatusOr<std::string> AttemptDir::ReadDesired() const {
  return ReadFile(path_ + "/attempt.pb");
}

absl::Status AttemptDir::MarkEnded() const {
  const std::string from = path_ + "/attempt.pb", to = path_ + "/ended.pb";
  if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) {
    return ErrnoToStatus(errno, absl::StrCat("renaming ", from));
  }
  // What an agent made undeletable must not have its end reported for ever; the sweep tries again.
  RemoveTree(tmp()).IgnoreError();
  return absl::OkStatus();
}

bool AttemptDir::ended() const { return PathExists(path_ + "/ended.pb"); }

std::vector<AttemptKey> LiveAttempts(const std::string& attempts) {
  std::vector<AttemptKey> keys;
  const auto ids = ListDirectory(attempts);
  if (!ids.ok()) return keys;
  for (const std::string& id : *ids) {
    const auto numbers = ListDirectory(absl::StrCat(attempts, "/", id));
    if (!numbers.ok()) continue;
    for (const std::string& number : *numbers) {
      AttemptKey key{id, 0};
      if (absl::SimpleAtoi(number, &key.number) &&
          PathExists(absl::StrCat(attempts, "/", id, "/", number, "/attempt.pb"))) {
        keys.push_back(std::move(key));
      }
    }
  }
  return keys;
}

}  // namespace handoff::worker
