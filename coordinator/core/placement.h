// Which worker takes a queued handoff, and why another does not. Free functions on values: the
// scheduler asks them to place, and `why` asks them to explain.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "coordinator/core/state.h"

namespace handoff::core {

// Why a worker does not take a handoff now; the first that holds counts.
enum class Obstacle {
  kNone,
  kOtherWorker,  // the handoff names another worker
  kPrivate,      // it takes its owner's work alone
  kRepository,   // it takes only others
  kLabel,
  kUnreachable,
  kDraining,
  kAgent,  // not offered, not installed, or not set up
  kHold,
  kNotAccepting,
  kAccount,  // as many attempts run with its account as may
  kNoSlot,
  kAlone,  // one of the two asks to be alone on the worker
};
// It would take the handoff if it had room.
constexpr bool IsBusy(Obstacle o) {
  return o == Obstacle::kAccount || o == Obstacle::kNoSlot || o == Obstacle::kAlone;
}

// What a decision has changed of the attempts that an account runs, before it is applied.
using AccountChanges = std::map<AccountKey, int>;

// A worker, with what it runs already.
struct Seat {
  const Worker* worker = nullptr;
  size_t used = 0;
  bool exclusive = false;                   // what runs there asked to be alone
  bool reserved = false;                    // an exclusive handoff waits until the rest has ended
  const AccountChanges* changes = nullptr;  // nullptr: none
};
Seat SeatOf(const State& state, const Worker& worker);

// Of the agent on a worker, in the whole pool, as the owner of a handoff hears of it.
struct AccountUse {
  int64_t used = 0;
  int most = 0;  // the smallest limit that a reachable worker with this account sets; 0: none does
};
AccountUse UseOf(const State& state, const AgentOffer& offer, const Seat& seat,
                 const std::string& owner, absl::Time now);

// A worker of nobody, or a shared one, takes everybody's.
bool IsOpenTo(const Worker& worker, const std::string& owner);
// By its patterns of URLs, or of what stands for a repository that has none.
bool TakesRepository(const Worker& worker, const Handoff& handoff);
bool HasLabels(const Worker& worker, const Handoff& handoff);
// Its name; empty: any may take it.
const std::string& WorkerWanted(const Handoff& handoff);
bool IsReachable(const Worker& worker, absl::Time now);
Obstacle ObstacleFor(const State& state, const Handoff& handoff, const Seat& seat, absl::Time now);

// The host of the session or workspace, for which the handoff waits a while although others are
// free; nullptr when it does not wait.
const Worker* AwaitedHost(const State& state, const Handoff& handoff, const Seat* seat,
                          absl::Time now);
// Workers on which it failed are dropped from the choice only while another one could take it.
bool MayReturn(const State& state, const Handoff& handoff, absl::Time now);

// The best of `seats`, nullptr when none can take it: first the host of its session or workspace,
// then the preferred worker, then one with a warm mirror, then the least loaded, then by name.
Seat* Choose(const State& state, const Handoff& handoff, std::vector<Seat>& seats, absl::Time now);

}  // namespace handoff::core
