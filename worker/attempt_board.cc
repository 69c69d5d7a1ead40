#include "worker/attempt_board.h"

namespace handoff::worker {

AttemptBoard::AttemptBoard(const AttemptKey& key, uint64_t epoch,
                           std::function<void(bool urgent)> changed)
    : changed_(std::move(changed)) {
  status_.key = key;
  status_.epoch = epoch;
}

void AttemptBoard::SetStage(Stage stage, const std::string& phase, Urgency urgency) {
  Update(urgency, [&](AttemptStatus& status) {
    status.stage = stage;
    status.phase = phase;
  });
}

void AttemptBoard::SetClosing(bool closing) {
  MutexLock lock(mutex_);
  closing_ = closing;
}

AttemptStatus AttemptBoard::Status() const {
  MutexLock lock(mutex_);
  return status_;
}

Held AttemptBoard::held() const {
  MutexLock lock(mutex_);
  return {status_.epoch, status_.stage, closing_};
}

}  // namespace handoff::worker
