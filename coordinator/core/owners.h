// What each owner has in the pool: an index of State. Handoffs at rest are counted, too, although
// they are not in memory: the store says at a start how many there are.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "coordinator/core/handoff.h"
#include "coordinator/core/quota.h"

namespace handoff::core {

struct OwnerUse {
  size_t queued = 0;          // wait for a worker, those that back off included
  size_t running = 0;         // have a live attempt
  size_t at_rest = 0;         // wait for a person, or are in a person's hands
  uint64_t stored_bytes = 0;  // Handoff::stored_bytes of all that were not purged
  size_t live() const { return queued + running + at_rest; }
  friend bool operator==(const OwnerUse&, const OwnerUse&) = default;
};

class OwnerIndex {
 public:
  void Add(const Handoff& handoff);
  void Remove(const Handoff& handoff);
  // Those at rest that are in the store alone.
  void AddStored(const std::string& owner, size_t at_rest, uint64_t bytes);
  const OwnerUse& Of(const std::string& owner) const;
  const std::map<std::string, OwnerUse>& all() const { return all_; }

  // Volatile. The epoch of the owner's latest lease: the higher, the later was their last turn.
  uint64_t Served(const std::string& owner) const;

  // Volatile. A submit takes a while of its owner's rate: until then all of them are paid off.
  absl::Time PaidOff(const std::string& owner) const;
  void SetPaidOff(const std::string& owner, absl::Time at) { paid_off_[owner] = at; }
  void ForgetPaidOff(absl::Time now);

  friend bool operator==(const OwnerIndex& a, const OwnerIndex& b) { return a.all_ == b.all_; }
  // What is live is the same; `other` may lack what is at rest.
  bool SameLive(const OwnerIndex& other) const;

 private:
  std::map<std::string, OwnerUse> all_;     // owners that have something
  std::map<std::string, uint64_t> served_;  // of owners in all_
  std::map<std::string, absl::Time> paid_off_;
};

// How long the owner has to wait until another submit is within the rate; zero: it is.
absl::Duration SubmitWait(const Quota& quota, absl::Time paid_off, absl::Time now);
// Of the owner after one more submit.
absl::Time PaidOffAfter(const Quota& quota, absl::Time paid_off, absl::Time now);

}  // namespace handoff::core
