#include "coordinator/core/turn_sentence.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "coordinator/core/queue.h"
#include "coordinator/core/sentence.h"

namespace handoff::core {
namespace {

std::string OrdinalText(size_t n) {
  const size_t last = n % 10, two = n % 100;
  const bool teen = two >= 11 && two <= 13;
  return absl::StrCat(n, teen        ? "th"
                         : last == 1 ? "st"
                         : last == 2 ? "nd"
                         : last == 3 ? "rd"
                                     : "th");
}

// How many of a queue stand before `key`.
size_t Before(const std::set<QueueKey>& queue, const QueueKey& key) {
  return static_cast<size_t>(std::distance(queue.begin(), queue.lower_bound(key)));
}

std::string PlaceInQueue(const State& state, const Handoff& handoff) {
  const auto own = state.queues().find(handoff.owner);
  size_t before = 0, all = 0;
  if (own != state.queues().end()) {
    for (const auto& [signature, queue] : own->second) {
      before += Before(queue, KeyOf(handoff));
      all += queue.size();
    }
  }
  // It may be on its way into the queue.
  return absl::StrCat("It is ", OrdinalText(before + 1), " of ", std::max(all, before + 1),
                      " in the queue of ", handoff.owner, ".");
}

// Of those who have something in the queue or running. Nothing when there is nobody else.
std::string ShareOf(const State& state, const std::string& owner) {
  int64_t weights = 0;
  size_t owners = 0, running = 0;
  for (const auto& [name, use] : state.owners().all()) {
    running += use.running;
    if (use.running + use.queued == 0) continue;
    ++owners;
    weights += state.quotas.Of(name).weight;
  }
  if (owners < 2) return "";
  const int64_t weight = state.quotas.Of(owner).weight;
  const int64_t divisor = std::gcd(weight, weights);
  const size_t own = state.owners().Of(owner).running;
  return absl::StrCat(" Their share of the slots is ", weight / divisor, "/", weights / divisor,
                      " (", own, " of the ", running,
                      running == 1 ? " that runs)." : " that run).");
}

// What goes before everybody's share.
std::string UrgentText(const State& state, const Handoff& handoff) {
  const QueueKey first{std::max(handoff.priority, 0), 0, ""};
  size_t urgent = 0;
  for (const auto& [owner, queues] : state.queues()) {
    if (owner == handoff.owner) continue;
    for (const auto& [signature, queue] : queues) urgent += Before(queue, first);
  }
  if (urgent == 0) return "";
  return absl::StrCat(" ", CountText(urgent, "handoff"), " of others with a higher priority ",
                      urgent == 1 ? "goes" : "go", " first.");
}

}  // namespace

size_t CapReached(const State& state, const std::string& owner) {
  const size_t most = state.quotas.Of(owner).running;
  return state.owners().Of(owner).running >= most ? most : 0;
}

std::string TurnSentence(const State& state, const Handoff& handoff) {
  return absl::StrCat(PlaceInQueue(state, handoff), ShareOf(state, handoff.owner),
                      UrgentText(state, handoff));
}

}  // namespace handoff::core
