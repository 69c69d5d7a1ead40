// The ends of attempts that the coordinator has not stored yet: a map on stable storage, in one
// file that all slots share. Its one sync is the only one that an attempt costs on the worker.
//
// Format: frames of {u32 length, first 8 bytes of the payload's SHA-256, payload}. Payload: 'P' or
// 'R' (put, remove), u32 length of the key, key, value. A torn or damaged tail ends the file and is
// kept beside it as journal.damaged, for a person. When most of it is dead it is written anew and
// renamed.
//
// Thread-safe. Concurrent puts share one sync: whoever finds nobody writing writes for all that
// wait. A failed sync is final, since what is on the disk is unknown then: every later put fails
// with DATA_LOSS and the daemon has to be started again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/mutex.h"
#include "common/unique_fd.h"

namespace handoff::worker {

class Journal {
 public:
  static absl::StatusOr<std::unique_ptr<Journal>> Open(const std::string& path);

  // On stable storage when it returns OK. RESOURCE_EXHAUSTED when the disk is full: may be tried
  // again.
  absl::Status Put(const std::string& key, const std::string& value);
  // Written with the next put: a record that comes back after a crash is reported again, and
  // reporting twice changes nothing.
  void Remove(const std::string& key);
  std::map<std::string, std::string> Entries() const;

 private:
  // Puts that share one sync.
  struct Batch {
    std::string bytes;
    bool done = false;
    absl::Status result;
  };
  Journal(std::string path, UniqueFd fd, std::map<std::string, std::string> entries, uint64_t size);
  void WriteBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // These run in one thread at a time, without the lock.
  absl::Status Append(const std::string& bytes);
  absl::Status Rewrite(const std::string& bytes);

  const std::string path_;
  UniqueFd fd_;    // of whoever writes
  uint64_t size_;  // of whoever writes
  mutable Mutex mutex_;
  CondVar written_;
  std::map<std::string, std::string> entries_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Batch> next_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status broken_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff::worker
