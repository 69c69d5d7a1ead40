// Tells people what happens to handoffs that asked for it (submit --notify KEY): runs the command
// of one entry of the configuration with JSON on its standard input when a handoff ends, waits for
// a person, is silent, loses its worker or has used up its quota.
//
// Follows the stored events, so the store is its queue: a slow command delays only later calls of
// its own, a restart goes on where the last one ended, and an event is told at least once. One that
// fails is tried again a few times, and what is older than an hour is not told any more.
#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "common/backoff.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "common/unique_fd.h"
#include "coordinator/store/reader.h"

namespace handoff {

struct NotifierOptions {
  std::string key;
  std::vector<std::string> command;  // argv; looked up in PATH
  std::string cursor;                // file that holds the revision of the last event that was told
  absl::Duration limit = absl::Seconds(30);  // of one run
  int tries = 3;
  Backoff backoff{absl::Seconds(2), absl::Seconds(30)};
  absl::Duration oldest = absl::Hours(1);
};

class Notifier {
 public:
  Notifier(NotifierOptions options, Reader& reader, const Clock& clock);
  ~Notifier();  // ends a command under way; its event is told at the next start

  // More events are durable.
  void Committed();

 private:
  void Run();
  // All that is stored; false when this is to end.
  bool TellStored();
  void Tell(const core::Event& event);
  bool RunCommand(const std::string& input);
  uint64_t ReadCursor();
  void WriteCursor(uint64_t revision);
  // Until more is stored, or `most` has passed; false when this is to end.
  bool Wait(absl::Duration most, bool for_events);

  const NotifierOptions options_;
  Reader& reader_;
  const Clock& clock_;
  UniqueFd stop_read_, stop_write_;
  Mutex mutex_;
  CondVar changed_;
  bool committed_ ABSL_GUARDED_BY(mutex_) = true;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t told_ = 0;  // of the thread, once there is one
  std::thread thread_;
};

}  // namespace handoff
