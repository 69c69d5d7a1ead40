// Time, chance and the network of one simulated pool. Everything that happens is an event at a
// time; equal seeds give equal runs. Single-threaded.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <utility>

#include "absl/time/time.h"

namespace handoff::sim {

class World {
 public:
  explicit World(uint64_t seed) : random_(seed) {}

  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  bool faults = true;  // may messages be lost, and programs die

  uint64_t Below(uint64_t n) { return random_() % n; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  bool Fault(uint64_t one_in) { return faults && OneIn(one_in); }
  absl::Duration UpTo(absl::Duration most) {
    return absl::Nanoseconds(
        static_cast<int64_t>(Below(static_cast<uint64_t>(absl::ToInt64Nanoseconds(most)) + 1)));
  }

  void After(absl::Duration delay, std::function<void()> event) {
    events_.emplace(std::pair(now + delay, ++count_), std::move(event));
  }
  // A message: lost, repeated, late or overtaken while there are faults.
  void Send(const std::function<void()>& deliver) {
    if (Fault(12)) return;
    const int copies = Fault(12) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      const bool late = Fault(12);
      After(absl::Milliseconds(1) + UpTo(late ? absl::Seconds(8) : absl::Milliseconds(30)),
            deliver);
    }
  }
  // The next event happens. False when there is none before `end`.
  bool Step(absl::Time end) {
    if (events_.empty() || events_.begin()->first.first > end) return false;
    auto event = events_.extract(events_.begin());
    now = event.key().first;
    event.mapped()();
    return true;
  }

 private:
  std::mt19937_64 random_;
  std::map<std::pair<absl::Time, uint64_t>, std::function<void()>> events_;
  uint64_t count_ = 0;
};

}  // namespace handoff::sim
