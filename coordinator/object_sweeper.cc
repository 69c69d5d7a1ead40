#include "coordinator/object_sweeper.h"

#include <spdlog/spdlog.h>

#include <string>

namespace handoff {

ObjectSweeper::ObjectSweeper(ObjectStore& objects, Reader& reader, const Clock& clock)
    : objects_(objects), reader_(reader), clock_(clock), thread_([this] { Run(); }) {}

ObjectSweeper::~ObjectSweeper() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    stop_.NotifyOne();
  }
  thread_.join();
}

void ObjectSweeper::SweepOnce() {
  const absl::Status swept = objects_.Sweep(clock_.Now() - kAge, [this](const std::string& sha256) {
    // What cannot be asked is kept.
    return reader_.NeedsObject(sha256).value_or(true);
  });
  if (!swept.ok()) SPDLOG_WARN("sweeping objects: {}", std::string(swept.message()));
}

void ObjectSweeper::Run() {
  while (true) {
    SweepOnce();
    const BootTime next = clock_.Boot() + kEvery;
    MutexLock lock(mutex_);
    while (!stopping_ && clock_.Boot() < next) stop_.WaitFor(mutex_, next - clock_.Boot());
    if (stopping_) return;
  }
}

}  // namespace handoff
