#include "coordinator/core/placement.h"

#include <algorithm>

#include "common/handoff/repo_pattern.h"
#include "coordinator/core/affinity.h"
#include "coordinator/core/holds.h"
#include "coordinator/core/limits.h"

namespace handoff::core {
namespace {

// How well a seat suits; lower is better.
struct Rank {
  bool elsewhere;  // not the host of the session or workspace
  bool not_preferred;
  bool cold;
  const Seat* seat;

  friend bool operator<(const Rank& a, const Rank& b) {
    if (a.elsewhere != b.elsewhere) return b.elsewhere;
    if (a.not_preferred != b.not_preferred) return b.not_preferred;
    if (a.cold != b.cold) return b.cold;
    const uint64_t load_a = a.seat->used * static_cast<uint64_t>(b.seat->worker->slots);
    const uint64_t load_b = b.seat->used * static_cast<uint64_t>(a.seat->worker->slots);
    if (load_a != load_b) return load_a < load_b;
    return a.seat->worker->name < b.seat->worker->name;
  }
};

// The worker that still has the session or workspace of an earlier attempt.
const Worker* HostOf(const State& state, const Handoff& handoff) {
  const std::string uuid = AffinityOf(handoff);
  const Worker* host = uuid.empty() ? nullptr : state.FindWorker(uuid);
  return host != nullptr && host->workspaces.count(handoff.id) > 0 ? host : nullptr;
}

// No agent runs for it, and so no account.
bool IsOnlyChecks(const Handoff& handoff) {
  const Attempt* latest = handoff.Latest();
  return latest != nullptr && latest->only_checks;
}

}  // namespace

Seat SeatOf(const State& state, const Worker& worker) {
  Seat seat{.worker = &worker};
  for (const auto& [id, number] : state.AttemptsOf(worker.uuid)) {
    ++seat.used;
    seat.exclusive |= state.FindHandoff(id)->exclusive;
  }
  return seat;
}

AccountUse UseOf(const State& state, const AgentOffer& offer, const Seat& seat,
                 const std::string& owner, absl::Time now) {
  const AccountIndex& accounts = state.accounts();
  if (!accounts.limited()) return {};
  AccountKey key = KeyOf(*seat.worker, offer);
  AccountUse use;
  const auto hear = [&](const std::string& heard_by) {
    key.heard_by = heard_by;
    const AccountIndex::Limits& limits = accounts.LimitsOf(key);
    const auto smallest = std::find_if(limits.begin(), limits.end(), [&](const auto& limit) {
      return IsReachable(*state.FindWorker(limit.second), now);
    });
    if (smallest != limits.end() && (use.most == 0 || smallest->first < use.most))
      use.most = smallest->first;
    use.used += static_cast<int64_t>(accounts.UsedOf(key));
    if (seat.changes == nullptr) return;
    if (const auto change = seat.changes->find(key); change != seat.changes->end())
      use.used += change->second;
  };
  hear("");
  if (!owner.empty()) hear(owner);
  return use;
}

bool IsOpenTo(const Worker& worker, const std::string& owner) {
  return worker.owner.empty() || worker.shared || worker.owner == owner;
}

// By its URL: the key of one without is what its owner says.
bool TakesRepository(const Worker& worker, const Handoff& handoff) {
  return worker.repos.empty() || MatchesAnyRepo(worker.repos, handoff.repo_url);
}

bool HasLabels(const Worker& worker, const Handoff& handoff) {
  return std::all_of(handoff.require.begin(), handoff.require.end(), [&](const auto& wanted) {
    const auto label = worker.labels.find(wanted.first);
    return label != worker.labels.end() && label->second == wanted.second;
  });
}

const std::string& WorkerWanted(const Handoff& handoff) {
  return handoff.by_hand_on.empty() ? handoff.on_worker : handoff.by_hand_on;
}

bool IsReachable(const Worker& worker, absl::Time now) {
  return now - worker.last_seen < kUnreachableAfter;
}

Obstacle ObstacleFor(const State& state, const Handoff& handoff, const Seat& seat, absl::Time now) {
  const Worker& worker = *seat.worker;
  const std::string& wanted = WorkerWanted(handoff);
  if (!wanted.empty() && wanted != worker.name) return Obstacle::kOtherWorker;
  if (!IsOpenTo(worker, handoff.owner)) return Obstacle::kPrivate;
  if (!TakesRepository(worker, handoff)) return Obstacle::kRepository;
  if (!HasLabels(worker, handoff)) return Obstacle::kLabel;
  if (!IsReachable(worker, now)) return Obstacle::kUnreachable;
  if (worker.draining) return Obstacle::kDraining;
  const AgentOffer* offer = FindOffer(worker, handoff.agent);
  const bool ready = offer != nullptr && offer->state == AgentState::kReady;
  if (!ready && !WantsOnlyChecks(handoff)) return Obstacle::kAgent;
  if (HoldAgainst(state, handoff, worker, NeedOf(handoff), now) != nullptr) return Obstacle::kHold;
  if (!worker.not_accepting.empty()) return Obstacle::kNotAccepting;
  if (!IsOnlyChecks(handoff)) {
    const AccountUse use = UseOf(state, *offer, seat, handoff.owner, now);
    if (use.most > 0 && use.used >= use.most) return Obstacle::kAccount;
  }
  if (seat.used >= static_cast<size_t>(worker.slots)) return Obstacle::kNoSlot;
  if (seat.exclusive || (handoff.exclusive && seat.used > 0)) return Obstacle::kAlone;
  return Obstacle::kNone;
}

const Worker* AwaitedHost(const State& state, const Handoff& handoff, const Seat* seat,
                          absl::Time now) {
  if (now >= ReadySince(handoff) + kAffinityWait) return nullptr;
  const Worker* host = HostOf(state, handoff);
  if (host == nullptr) return nullptr;
  const bool known = seat != nullptr && seat->worker == host;
  const Obstacle obstacle = ObstacleFor(state, handoff, known ? *seat : SeatOf(state, *host), now);
  return IsBusy(obstacle) ? host : nullptr;
}

bool MayReturn(const State& state, const Handoff& handoff, absl::Time now) {
  for (const auto& [uuid, worker] : state.workers()) {
    if (handoff.avoid.count(uuid) > 0) continue;
    const Obstacle obstacle = ObstacleFor(state, handoff, SeatOf(state, worker), now);
    if (obstacle == Obstacle::kNone || IsBusy(obstacle)) return false;
  }
  return true;
}

Seat* Choose(const State& state, const Handoff& handoff, std::vector<Seat>& seats, absl::Time now) {
  const Worker* host = HostOf(state, handoff);
  const auto host_seat = std::find_if(seats.begin(), seats.end(),
                                      [&](const Seat& seat) { return seat.worker == host; });
  if (AwaitedHost(state, handoff, host_seat == seats.end() ? nullptr : &*host_seat, now) != nullptr)
    return nullptr;
  const bool may_return = handoff.avoid.empty() || MayReturn(state, handoff, now);
  Seat* best = nullptr;
  Rank best_rank{};
  for (Seat& seat : seats) {
    const Worker& worker = *seat.worker;
    if (seat.reserved || (!may_return && handoff.avoid.count(worker.uuid) > 0)) continue;
    if (ObstacleFor(state, handoff, seat, now) != Obstacle::kNone) continue;
    const Rank rank{.elsewhere = &worker != host,
                    .not_preferred = worker.name != handoff.prefer_worker,
                    .cold = worker.repo_keys.count(handoff.repo_key) == 0,
                    .seat = &seat};
    if (best == nullptr || rank < best_rank) {
      best = &seat;
      best_rank = rank;
    }
  }
  return best;
}

}  // namespace handoff::core
