#include "coordinator/engine_syncs.h"

#include <utility>

#include "common/check.h"

namespace handoff {

void HeldSyncs::Hold(Held held) {
  const std::string uuid = held.request.worker.uuid;
  if (Find(uuid) != nullptr) {
    Take(uuid).done(absl::AbortedError("a newer Sync of this worker took the place of this one"));
  }
  by_time_.insert({held.until, uuid});
  held_.emplace(uuid, std::move(held));
}

const HeldSyncs::Held* HeldSyncs::Find(const std::string& worker_uuid) const {
  const auto found = held_.find(worker_uuid);
  return found == held_.end() ? nullptr : &found->second;
}

void HeldSyncs::AnswerBy(const std::string& worker_uuid, absl::Time until) {
  const auto found = held_.find(worker_uuid);
  CHECK(found != held_.end());
  if (found->second.until <= until) return;
  by_time_.erase({found->second.until, worker_uuid});
  found->second.until = until;
  by_time_.insert({until, worker_uuid});
}

HeldSyncs::Held HeldSyncs::Take(const std::string& worker_uuid) {
  const auto found = held_.find(worker_uuid);
  CHECK(found != held_.end());
  Held held = std::move(found->second);
  by_time_.erase({held.until, worker_uuid});
  held_.erase(found);
  return held;
}

void HeldSyncs::Cancel(const SyncKey& key) {
  const Held* const held = Find(key.worker_uuid);
  if (held == nullptr || KeyOf(held->request) != key) return;
  Take(key.worker_uuid).done(absl::AbortedError("the caller has gone"));
}

void HeldSyncs::EndAll(const absl::Status& status) {
  by_time_.clear();
  for (auto& [uuid, held] : std::exchange(held_, {})) held.done(status);
}

std::vector<std::string> HeldSyncs::Due(absl::Time now) const {
  std::vector<std::string> due;
  for (const auto& [until, uuid] : by_time_) {
    if (until > now) break;
    due.push_back(uuid);
  }
  return due;
}

absl::Time HeldSyncs::Next() const {
  return by_time_.empty() ? absl::InfiniteFuture() : by_time_.begin()->first;
}

absl::Duration SpreadHold(absl::Duration hold, const std::string& worker_uuid, uint64_t seq) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a: the same on every host
  const auto mix = [&hash](uint8_t byte) { hash = (hash ^ byte) * 1099511628211u; };
  for (const char c : worker_uuid) mix(static_cast<uint8_t>(c));
  for (int shift = 0; shift < 64; shift += 8) mix(static_cast<uint8_t>(seq >> shift));
  const double spread = static_cast<double>(hash >> 11) / static_cast<double>(uint64_t{1} << 53);
  return hold * (0.8 + 0.4 * spread);
}

}  // namespace handoff
