// How many attempts run with an account of an agent in the whole pool, and how many may: an index
// of State, from its handoffs and from what workers offer. What a private worker says of an account
// counts for its owner's handoffs alone: anybody may set one up, and give it any name.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "coordinator/core/handoff.h"
#include "coordinator/core/worker.h"

namespace handoff::core {

// For whose handoffs alone the word of this worker about an account counts; empty: for everybody's.
std::string HeardBy(const Worker& worker);

struct AccountKey {
  std::string agent;
  std::string account;      // empty: not known
  std::string worker_uuid;  // set only where the account is not known: the worker stands for it
  std::string heard_by;     // of the worker that says it
  friend bool operator==(const AccountKey&, const AccountKey&) = default;
  friend bool operator<(const AccountKey& a, const AccountKey& b) {
    return std::tie(a.agent, a.account, a.worker_uuid, a.heard_by) <
           std::tie(b.agent, b.account, b.worker_uuid, b.heard_by);
  }
};
AccountKey KeyOf(const Worker& worker, const AgentOffer& offer);
// Of the attempt that runs, or may, on its worker; nullopt when none does or no agent is needed for
// it. What runs on a worker that is not one of the pool any more (nullptr) counts for everybody
// until its lease ends.
std::optional<AccountKey> AccountInUse(const Handoff& handoff, const Worker* worker);

class AccountIndex {
 public:
  // (limit, uuid of the worker that set it), the smallest first.
  using Limits = std::set<std::pair<int, std::string>>;

  // With the worker of its live attempt, as it was when it was added.
  void Add(const Handoff& handoff, const Worker* worker);
  void Remove(const Handoff& handoff, const Worker* worker);
  void Add(const Worker& worker);
  void Remove(const Worker& worker);

  bool limited() const { return !limits_.empty(); }  // false: nobody set a limit
  size_t UsedOf(const AccountKey& key) const;
  const Limits& LimitsOf(const AccountKey& key) const;
  friend bool operator==(const AccountIndex&, const AccountIndex&) = default;

 private:
  std::map<AccountKey, size_t> used_;
  std::map<AccountKey, Limits> limits_;
};

}  // namespace handoff::core
