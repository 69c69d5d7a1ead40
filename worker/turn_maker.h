// Makes the turns that the coordinator wishes for, one after the other, on a thread of its own:
// they take no slot, and neither an attempt nor a summary waits for one. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "worker/attempt.h"
#include "worker/core/model.h"

namespace handoff::worker {

class TurnMaker {
 public:
  // `changed`: there is a new result for the coordinator.
  TurnMaker(const Surroundings& around, std::function<void()> changed)
      : around_(around), changed_(std::move(changed)) {}
  ~TurnMaker();

  void Start();
  // The agent at work is ended.
  void Stop();
  // All that are wished for now, as every answer lists them: once a result has come there, its wish
  // is not listed any more. One that is being made and is not among them is given up.
  void Want(const std::vector<TurnWish>& wishes);
  // Of those that are wished for.
  std::vector<TurnResult> Results() const;

 private:
  void Run();
  // The next to make; nothing when all is over.
  std::optional<TurnWish> Await();
  const TurnWish* Next() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Surroundings& around_;
  const std::function<void()> changed_;
  mutable Mutex mutex_;
  CondVar woken_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<TurnWish> wishes_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, std::string> made_ ABSL_GUARDED_BY(mutex_);  // of those that are listed still
  uint64_t at_ ABSL_GUARDED_BY(mutex_) = 0;                       // the wish in hand
  std::shared_ptr<Signal> interrupt_ ABSL_GUARDED_BY(mutex_) = std::make_shared<Signal>();
  std::jthread thread_;
};

}  // namespace handoff::worker
