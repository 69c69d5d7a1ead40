// What is shown of one attempt. The runner writes, the sync loop reads; every change is announced.
// Thread-safe.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "common/mutex.h"
#include "worker/core/model.h"
#include "worker/core/reconcile.h"

namespace handoff::worker {

class AttemptBoard {
 public:
  enum class Urgency {
    kNow,      // decisions wait for it: started, adopted, frozen
    kSoon,     // for people; sent with the next changes
    kSilently  // goes along with whatever is sent next
  };
  // `changed` runs on the writer's thread, without a lock.
  AttemptBoard(const AttemptKey& key, uint64_t epoch, std::function<void(bool urgent)> changed);

  template <typename Change>
  void Update(Urgency urgency, Change&& change) {
    {
      MutexLock lock(mutex_);
      change(status_);
    }
    if (urgency != Urgency::kSilently) changed_(urgency == Urgency::kNow);
  }
  void SetStage(Stage stage, const std::string& phase, Urgency urgency);
  // The report may be accepted: then the last files are written, and until they are the next
  // attempt of the handoff has to wait.
  void SetClosing(bool closing);

  AttemptStatus Status() const;
  Held held() const;

 private:
  const std::function<void(bool)> changed_;
  mutable Mutex mutex_;
  AttemptStatus status_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace handoff::worker
