// Makes the summaries that the coordinator wishes for, one after the other, on a thread of its own:
// they take no slot, and an attempt never waits for one. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "worker/attempt.h"
#include "worker/core/model.h"
#include "worker/housekeeping.h"

namespace handoff::worker {

class Summariser {
 public:
  Summariser(const Surroundings& around, IfIdle if_idle)
      : around_(around), if_idle_(std::move(if_idle)) {}
  ~Summariser();

  void Start();
  // The agent at work is ended.
  void Stop();
  // All that are wished for now, as every answer lists them. One that is being made and is not
  // among them is given up.
  void Want(const std::vector<SummaryWish>& wishes);

 private:
  struct Made {
    uint64_t wish = 0;
    SummarySave save;
  };
  // Waits until there is something to do; false when all is over.
  bool Await();
  std::optional<SummaryWish> Take();
  const SummaryWish* Next() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Run();
  void Make(const SummaryWish& wish);
  // handoff.md of those whose attempt has left its workspace meanwhile.
  void ShowWaiting();
  // handoff.md in the workspace that lies here. False: an attempt is at work there, be it only to
  // write that file itself, or the record could not be had.
  bool Show(const std::string& handoff_id, std::stop_token stop);
  // Whatever could not be had or brought is tried again when the coordinator answers the next time.
  void TryLater();

  const Surroundings& around_;
  const IfIdle if_idle_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool later_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<SummaryWish> wishes_ ABSL_GUARDED_BY(mutex_);
  std::set<uint64_t> done_ ABSL_GUARDED_BY(mutex_);  // of those that are listed still
  uint64_t at_ ABSL_GUARDED_BY(mutex_) = 0;          // the wish in hand
  std::shared_ptr<Signal> interrupt_ ABSL_GUARDED_BY(mutex_) = std::make_shared<Signal>();
  bool answered_ ABSL_GUARDED_BY(mutex_) = false;  // since those that wait were looked at
  // Of the thread: not brought yet, and brought but not shown yet.
  std::optional<Made> made_;
  std::set<std::string> unshown_;
  std::jthread thread_;
};

}  // namespace handoff::worker
