#include "coordinator/service/open_calls.h"

#include <vector>

namespace handoff {

absl::Status WasRevoked() {
  return absl::UnauthenticatedError(
      "the certificate of this connection was revoked, so the call was ended");
}

OpenCalls::Entry OpenCalls::Enter(const std::string& serial, std::weak_ptr<Cuttable> call) {
  Entry entry;
  entry.calls_ = this;
  MutexLock lock(mutex_);
  entry.key_ = {serial, ++last_};
  calls_[entry.key_] = std::move(call);
  return entry;
}

OpenCalls::Entry::~Entry() {
  if (calls_ == nullptr) return;
  MutexLock lock(calls_->mutex_);
  calls_->calls_.erase(key_);
}

void OpenCalls::Cut(const std::string& serial) {
  std::vector<std::shared_ptr<Cuttable>> cut;
  {
    MutexLock lock(mutex_);
    for (auto it = calls_.lower_bound({serial, 0}); it != calls_.end() && it->first.first == serial;
         ++it) {
      if (auto call = it->second.lock()) cut.push_back(std::move(call));
    }
  }
  // Outside of the lock: a call that ends takes itself out of the map.
  for (const auto& call : cut) call->Cut();
}

}  // namespace handoff
