// How many attempts run with an account of an agent in the whole pool, and how many may: an index
// of State, from its handoffs and from what workers offer.
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

struct AccountKey {
  std::string agent;
  std::string account;      // empty: not known
  std::string worker_uuid;  // set only where the account is not known: the worker stands for it
  friend bool operator==(const AccountKey&, const AccountKey&) = default;
  friend bool operator<(const AccountKey& a, const AccountKey& b) {
    return std::tie(a.agent, a.account, a.worker_uuid) <
           std::tie(b.agent, b.account, b.worker_uuid);
  }
};
AccountKey KeyOf(const Worker& worker, const AgentOffer& offer);
// Of the attempt that runs, or may; nullopt when none does or no agent is needed for it.
std::optional<AccountKey> AccountInUse(const Handoff& handoff);

class AccountIndex {
 public:
  // (limit, uuid of the worker that set it), the smallest first.
  using Limits = std::set<std::pair<int, std::string>>;

  void Add(const Handoff& handoff);
  void Remove(const Handoff& handoff);
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
