#include "coordinator/engine_views.h"

#include "coordinator/core/limits.h"

namespace handoff {

void EngineViews::Update(const core::State& state, const std::set<std::string>& handoff_ids,
                         const std::set<std::string>& worker_uuids) {
  MutexLock lock(mutex_);
  for (const std::string& id : handoff_ids) UpdateHandoff(state, id);
  for (const std::string& uuid : worker_uuids) UpdateWorker(state, uuid);
}

void EngineViews::UpdateWishes(const core::State& state) {
  MutexLock lock(mutex_);
  wishes_.clear();
  for (const auto& [of, wish] : state.wishes()) wishes_.insert({wish.worker_uuid, of.first});
}

bool EngineViews::Summarises(const std::string& worker_uuid, const std::string& handoff_id) const {
  MutexLock lock(mutex_);
  return wishes_.count({worker_uuid, handoff_id}) > 0;
}

void EngineViews::Rebuild(const core::State& state) {
  UpdateWishes(state);
  MutexLock lock(mutex_);
  live_.clear();
  workers_.clear();
  for (const auto& [time, id] : state.lease_ends()) UpdateHandoff(state, id);
  for (const auto& [uuid, worker] : state.workers()) UpdateWorker(state, uuid);
}

void EngineViews::UpdateHandoff(const core::State& state, const std::string& id) {
  const core::Handoff* const handoff = state.FindHandoff(id);
  const core::Attempt* const latest = handoff == nullptr ? nullptr : handoff->Latest();
  if (latest == nullptr || !core::IsLive(latest->state)) {
    live_.erase(id);
    return;
  }
  const core::AttemptView* const view = state.ViewOf(id);
  live_[id] = Entry{view == nullptr ? std::nullopt : std::optional(*view), latest->lease_until,
                    latest->state, latest->worker_uuid};
}

void EngineViews::UpdateWorker(const core::State& state, const std::string& uuid) {
  const core::Worker* const worker = state.FindWorker(uuid);
  if (worker == nullptr) {
    workers_.erase(uuid);
  } else {
    workers_[uuid] = {worker->last_seen, {worker->start, worker->nonce}, worker->enclosure};
  }
}

std::optional<core::AttemptView> EngineViews::ViewOf(const std::string& handoff_id) const {
  MutexLock lock(mutex_);
  const auto entry = live_.find(handoff_id);
  return entry == live_.end() ? std::nullopt : entry->second.view;
}

std::optional<Engine::Lease> EngineViews::LeaseOf(const std::string& handoff_id,
                                                  absl::Time now) const {
  MutexLock lock(mutex_);
  const auto entry = live_.find(handoff_id);
  if (entry == live_.end()) return std::nullopt;
  const auto seen = workers_.find(entry->second.worker_uuid);
  const bool unreachable =
      seen == workers_.end() || seen->second.last + core::kUnreachableAfter <= now;
  return Engine::Lease{entry->second.until, unreachable, entry->second.state,
                       seen == workers_.end() ? std::nullopt : seen->second.enclosure};
}

std::optional<core::DaemonStart> EngineViews::DaemonOf(const std::string& worker_uuid) const {
  MutexLock lock(mutex_);
  const auto worker = workers_.find(worker_uuid);
  return worker == workers_.end() ? std::nullopt : std::optional(worker->second.daemon);
}

}  // namespace handoff
