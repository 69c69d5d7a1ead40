#include "coordinator/core/turns.h"

#include <algorithm>
#include <iterator>

namespace handoff::core {

bool Turns::Turn::operator<(const Turn& other) const {
  const int urgent = std::max(head.priority, 0);
  const int other_urgent = std::max(other.head.priority, 0);
  if (urgent != other_urgent) return urgent > other_urgent;
  if (share < other.share) return true;
  if (other.share < share) return false;
  if (served != other.served) return served < other.served;
  return head < other.head;
}

Turns::Turns(const Draft& draft) {
  const State& state = draft.state();
  for (const auto& [time, id] : state.waiting()) {
    if (time > draft.now()) break;
    if (draft.touched().count(id) == 0) Wake(*state.FindHandoff(id));
  }
  for (const auto& [id, handoff] : draft.touched()) {
    if (handoff.status != HandoffStatus::kQueued) {
      gone_.insert(id);  // its deadline passed just now
    } else if (handoff.not_before <= draft.now()) {
      Wake(handoff);
    }
  }
  Add(state.queues());
  Add(woken_);
  Count(draft);
  for (auto owner = owners_.begin(); owner != owners_.end(); ++owner) Enter(owner);
}

void Turns::Placed() {
  const auto owner = Leave();
  ++owner->second.share.running;
  owner->second.served = ++last_served_;
  const Cursor cursor = owner->second.heads.top();
  owner->second.heads.pop();
  Push(owner->second, {std::next(cursor.at), cursor.end});
  Enter(owner);
}

void Turns::Pass() {
  const auto owner = Leave();
  const Cursor cursor = owner->second.heads.top();
  owner->second.heads.pop();
  Push(owner->second, {std::next(cursor.at), cursor.end});
  Enter(owner);
}

void Turns::Block() {
  const auto owner = Leave();
  owner->second.heads.pop();
  Enter(owner);
}

void Turns::Wake(const Handoff& handoff) {
  woken_[handoff.owner][SignatureOf(handoff)].insert(KeyOf(handoff));
}

// What runs of each, with what this Tick has ended so far.
void Turns::Count(const Draft& draft) {
  for (auto& [name, owner] : owners_) {
    const Quota& quota = draft.state().quotas.Of(name);
    owner.share = {static_cast<int64_t>(draft.state().owners().Of(name).running), quota.weight};
    owner.most = static_cast<int64_t>(quota.running);
    owner.served = draft.state().owners().Served(name);
    last_served_ = std::max(last_served_, owner.served);
  }
  for (const auto& [id, handoff] : draft.touched()) {
    const auto owner = owners_.find(handoff.owner);
    if (owner == owners_.end()) continue;
    const Handoff* before = draft.state().FindHandoff(id);
    const bool ran = before != nullptr && before->status == HandoffStatus::kRunning;
    owner->second.share.running -= ran ? 1 : 0;
    owner->second.share.running += handoff.status == HandoffStatus::kRunning ? 1 : 0;
  }
}

void Turns::Add(const Queues& queues) {
  for (const auto& [name, by_signature] : queues) {
    Owner& owner = owners_[name];
    for (const auto& [signature, queue] : by_signature) Push(owner, {queue.begin(), queue.end()});
  }
}

void Turns::Push(Owner& owner, Cursor cursor) const {
  while (cursor.at != cursor.end && gone_.count(cursor.at->id) > 0) ++cursor.at;
  if (cursor.at != cursor.end) owner.heads.push(cursor);
}

void Turns::Enter(std::map<std::string, Owner>::iterator owner) {
  const Owner& entering = owner->second;
  if (entering.heads.empty() || entering.share.running >= entering.most) return;
  order_.insert({entering.share, entering.served, *entering.heads.top().at, owner});
}

std::map<std::string, Turns::Owner>::iterator Turns::Leave() {
  const auto owner = order_.begin()->owner;
  order_.erase(order_.begin());
  return owner;
}

}  // namespace handoff::core
