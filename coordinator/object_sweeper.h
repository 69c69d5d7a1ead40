// Removes objects that no handoff needs and uploads that nobody went on with, once they are a day
// old. A thread of its own, because a sweep looks at every object.
#pragma once

#include <thread>

#include "absl/base/thread_annotations.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "coordinator/object_store.h"
#include "coordinator/store/reader.h"

namespace handoff {

class ObjectSweeper {
 public:
  // An object is uploaded before the handoff that needs it is submitted.
  static constexpr absl::Duration kAge = absl::Hours(24);
  static constexpr absl::Duration kEvery = absl::Hours(1);

  ObjectSweeper(ObjectStore& objects, Reader& reader, const Clock& clock);
  ~ObjectSweeper();  // waits for a sweep under way

  void SweepOnce();

 private:
  void Run();

  ObjectStore& objects_;
  Reader& reader_;
  const Clock& clock_;
  Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace handoff
