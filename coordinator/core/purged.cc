#include "coordinator/core/purged.h"

namespace handoff::core {

void Purged::Add(const std::string& id, const std::set<std::string>& workers) {
  std::set<std::string>& known = ids_[id];
  for (const std::string& uuid : workers) {
    known.insert(uuid);
    by_worker_[uuid].try_emplace(id);
  }
  if (known.empty()) done_.insert(id);
}

void Purged::Drop(const std::string& id, const std::string& worker_uuid) {
  const auto known = ids_.find(id);
  if (known == ids_.end()) return;
  known->second.erase(worker_uuid);
  if (known->second.empty()) done_.insert(id);
  const auto of_worker = by_worker_.find(worker_uuid);
  if (of_worker == by_worker_.end()) return;
  of_worker->second.erase(id);
  if (of_worker->second.empty()) by_worker_.erase(of_worker);
}

void Purged::Evict() {
  for (const std::string& id : done_) ids_.erase(id);
  done_.clear();
}

const Purged::Told& Purged::Of(absl::string_view worker_uuid) const {
  static const Told none;
  const auto found = by_worker_.find(worker_uuid);
  return found == by_worker_.end() ? none : found->second;
}

void Purged::SetTold(const std::string& worker_uuid, const std::string& id, uint64_t answers) {
  const auto of_worker = by_worker_.find(worker_uuid);
  if (of_worker == by_worker_.end()) return;
  const auto told = of_worker->second.find(id);
  if (told != of_worker->second.end() && !told->second) told->second = answers;
}

}  // namespace handoff::core
