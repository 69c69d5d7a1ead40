#include "coordinator/core/owners.h"

#include <algorithm>

#include "common/check.h"

namespace handoff::core {
namespace {

// Which count a handoff is in; nullptr: it has ended.
size_t* CountFor(const Handoff& handoff, OwnerUse& use) {
  if (IsEnded(handoff.status)) return nullptr;
  if (IsAtRest(handoff.status)) return &use.at_rest;
  return handoff.status == HandoffStatus::kQueued ? &use.queued : &use.running;
}

// One submit's part of the rate.
absl::Duration CostOf(const Quota& quota) { return absl::Minutes(1) / quota.submits_per_minute; }

}  // namespace

void OwnerIndex::Add(const Handoff& handoff) {
  if (IsEnded(handoff.status) && handoff.stored_bytes == 0) return;
  OwnerUse& use = all_[handoff.owner];
  use.stored_bytes += handoff.stored_bytes;
  if (size_t* const count = CountFor(handoff, use); count != nullptr) ++*count;
  if (handoff.status != HandoffStatus::kRunning) return;
  uint64_t& served = served_[handoff.owner];
  served = std::max(served, handoff.Latest()->epoch);
}

void OwnerIndex::Remove(const Handoff& handoff) {
  if (IsEnded(handoff.status) && handoff.stored_bytes == 0) return;
  const auto found = all_.find(handoff.owner);
  CHECK(found != all_.end());
  OwnerUse& use = found->second;
  CHECK(use.stored_bytes >= handoff.stored_bytes);
  use.stored_bytes -= handoff.stored_bytes;
  if (size_t* const count = CountFor(handoff, use); count != nullptr) {
    CHECK(*count > 0);
    --*count;
  }
  if (use != OwnerUse()) return;
  all_.erase(found);
  served_.erase(handoff.owner);
}

void OwnerIndex::AddStored(const std::string& owner, size_t at_rest, uint64_t bytes) {
  if (at_rest == 0 && bytes == 0) return;
  OwnerUse& use = all_[owner];
  use.at_rest += at_rest;
  use.stored_bytes += bytes;
}

const OwnerUse& OwnerIndex::Of(const std::string& owner) const {
  static const OwnerUse none;
  const auto found = all_.find(owner);
  return found == all_.end() ? none : found->second;
}

uint64_t OwnerIndex::Served(const std::string& owner) const {
  const auto found = served_.find(owner);
  return found == served_.end() ? 0 : found->second;
}

absl::Time OwnerIndex::PaidOff(const std::string& owner) const {
  const auto found = paid_off_.find(owner);
  return found == paid_off_.end() ? absl::InfinitePast() : found->second;
}

void OwnerIndex::ForgetPaidOff(absl::Time now) {
  for (auto it = paid_off_.begin(); it != paid_off_.end();)
    it = it->second <= now ? paid_off_.erase(it) : std::next(it);
}

bool OwnerIndex::SameLive(const OwnerIndex& other) const {
  const auto covers = [](const OwnerIndex& one, const OwnerIndex& two) {
    return std::all_of(one.all_.begin(), one.all_.end(), [&](const auto& entry) {
      const OwnerUse& use = two.Of(entry.first);
      return entry.second.queued == use.queued && entry.second.running == use.running;
    });
  };
  return covers(*this, other) && covers(other, *this);
}

absl::Duration SubmitWait(const Quota& quota, absl::Time paid_off, absl::Time now) {
  // As much may be owed as all of a burst but this one costs.
  const absl::Time at = paid_off - CostOf(quota) * (quota.submit_burst - 1);
  return std::max(at - now, absl::ZeroDuration());
}

absl::Time PaidOffAfter(const Quota& quota, absl::Time paid_off, absl::Time now) {
  return std::max(paid_off, now) + CostOf(quota);
}

}  // namespace handoff::core
