// Connections that calls take and give back. A few are kept from calls that may walk over many
// rows, so that brief ones, for which logs and followers wait, always find one soon. Thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/mutex.h"
#include "coordinator/store/sqlite.h"

namespace handoff {

class Connections {
 public:
  enum class Use {
    kBrief,  // a few look-ups in indexes
    kWalk    // perhaps millions of rows
  };
  // `kept` of `all` are for brief calls only. A call waits at most `patience` for one.
  Connections(std::vector<std::unique_ptr<Database>> all, size_t kept, absl::Duration patience)
      : kept_(kept), patience_(patience), idle_(std::move(all)) {}

  // RESOURCE_EXHAUSTED, as a sentence, when others have them for too long.
  absl::StatusOr<std::unique_ptr<Database>> Take(Use use);
  void Return(std::unique_ptr<Database> connection);

 private:
  const size_t kept_;
  const absl::Duration patience_;
  Mutex mutex_;
  CondVar returned_;
  std::vector<std::unique_ptr<Database>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace handoff
