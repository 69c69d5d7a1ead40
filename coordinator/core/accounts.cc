#include "coordinator/core/accounts.h"

namespace handoff::core {
namespace {

AccountKey KeyOf(const std::string& agent, const std::string& account, const std::string& worker,
                 const std::string& heard_by) {
  return {agent, account, account.empty() ? worker : "", heard_by};
}

}  // namespace

std::string HeardBy(const Worker& worker) { return worker.shared ? "" : worker.owner; }

AccountKey KeyOf(const Worker& worker, const AgentOffer& offer) {
  return KeyOf(offer.name, offer.account, worker.uuid, HeardBy(worker));
}

std::optional<AccountKey> AccountInUse(const Handoff& handoff, const Worker* worker) {
  const Attempt* latest = handoff.Latest();
  if (latest == nullptr || !IsLive(latest->state) || latest->only_checks) return std::nullopt;
  return KeyOf(handoff.agent, latest->account, latest->worker_uuid,
               worker == nullptr ? "" : HeardBy(*worker));
}

void AccountIndex::Add(const Handoff& handoff, const Worker* worker) {
  if (const auto key = AccountInUse(handoff, worker)) ++used_[*key];
}

void AccountIndex::Remove(const Handoff& handoff, const Worker* worker) {
  const auto key = AccountInUse(handoff, worker);
  if (!key) return;
  const auto used = used_.find(*key);
  if (--used->second == 0) used_.erase(used);
}

void AccountIndex::Add(const Worker& worker) {
  for (const AgentOffer& offer : worker.agents) {
    if (offer.max_parallel > 0)
      limits_[KeyOf(worker, offer)].insert({offer.max_parallel, worker.uuid});
  }
}

void AccountIndex::Remove(const Worker& worker) {
  for (const AgentOffer& offer : worker.agents) {
    const auto limits = limits_.find(KeyOf(worker, offer));
    if (limits == limits_.end()) continue;
    limits->second.erase({offer.max_parallel, worker.uuid});
    if (limits->second.empty()) limits_.erase(limits);
  }
}

size_t AccountIndex::UsedOf(const AccountKey& key) const {
  const auto used = used_.find(key);
  return used == used_.end() ? 0 : used->second;
}

const AccountIndex::Limits& AccountIndex::LimitsOf(const AccountKey& key) const {
  static const Limits none;
  const auto limits = limits_.find(key);
  return limits == limits_.end() ? none : limits->second;
}

}  // namespace handoff::core
