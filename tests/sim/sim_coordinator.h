// The production core with what is around it in a coordinator: a store, held Syncs, a timer, and a
// crash before or after any commit. After every commit the state is checked against the store.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/core/scheduler.h"
#include "tests/fakes/memory_store.h"
#include "tests/sim/world.h"
#include "worker/core/model.h"

namespace handoff::sim {

// What a simulated attempt is told of its start, and how much work a simulated commit holds.
struct SimSpec {
  int attempt = 0;  // what this or a later attempt left holds the checkpoint; 0: there is none
  int64_t work = 0;
  bool rebuild = false;
  bool only_checks = false;
  static SimSpec Of(const core::Handoff& handoff);
  static SimSpec Parse(const std::string& text);
  std::string Text() const;
  static std::string CommitOf(int64_t work, int attempt);
  static int64_t WorkOf(const std::string& commit);  // 0: of no commit
};

// While a person has a handoff.
struct InHands {
  absl::Time from, to = absl::InfiniteFuture();
};

class SimCoordinator {
 public:
  // `max_parallel` of the one account that all hosts have; 0: no limit.
  SimCoordinator(World& world, int max_parallel, core::Quotas quotas)
      : max_parallel_(max_parallel), quotas_(std::move(quotas)), world_(world) {}

  void Start();
  void Crash();
  bool up() const { return state_.has_value(); }
  uint64_t life() const { return life_; }  // messages to an earlier life are lost with it
  const core::State& state() const { return *state_; }
  MemoryStore& store() { return store_; }
  int asked_for() const { return asked_for_; }  // leases from a state that a person asked for
  int max_parallel() const { return max_parallel_; }
  // Commits after which slots had to wait for it.
  int account_full() const { return account_full_; }
  // Leases for which somebody else waited who asked the same, and commits after which an owner had
  // as many attempts as they may while another of theirs waited.
  int contested() const { return contested_; }
  int capped() const { return capped_; }

  const std::map<std::string, std::vector<InHands>>& in_hands() const { return in_hands_; }

  template <typename Command>
  void Take(Command command,
            std::function<void(const absl::StatusOr<typename Command::Reply>&)> reply) {
    LookUp(command);
    std::vector<core::Edit> edits;
    auto decision = core::Decide(*state_, command, world_.now);
    if (decision.ok()) Apply(std::move(decision->edit), edits);
    if (!Finish(std::move(edits))) return;
    if (decision.ok()) {
      reply(std::move(decision->reply));
    } else {
      reply(decision.status());
    }
    AfterReplies();
  }
  using SyncDone = std::function<void(const absl::StatusOr<worker::SyncAnswer>&)>;
  void TakeSync(core::Sync request, SyncDone done);

 private:
  struct Held {
    core::Sync request;
    SyncDone done;
    absl::Time until;
  };

  void LookUp(core::Submit& command);
  void LookUp(core::Sync& command);
  void LookUp(core::Drain&) {}
  void LookUp(core::RemoveWorker&) {}
  void LookUp(core::Cancel& command) { PageIn(command.id); }
  void LookUp(core::Resume& command) { PageIn(command.id); }
  void LookUp(core::Send& command) { PageIn(command.id); }
  void LookUp(core::TakeOver& command) { PageIn(command.id); }
  void LookUp(core::Return& command) { PageIn(command.id); }
  void LookUp(core::SaveCheckpoint& command) { PageIn(command.handoff_id); }
  void LookUp(core::Report& command) { PageIn(command.handoff_id); }
  void PageIn(const std::string& id);

  void Apply(core::Edit edit, std::vector<core::Edit>& edits);
  bool Finish(std::vector<core::Edit> edits);  // Tick and commit; false: it died on the way
  void AfterReplies();
  void AnswerHeld();
  void SetTimer();
  void CheckAgainstStore();
  void CheckCheckpoints(const std::vector<core::Edit>& edits);
  void CheckCheckpoints(const core::Handoff& before, const core::Handoff& after);
  void CheckHands(const core::Handoff& before, const core::Handoff& after);
  void CheckShares(const core::Edit& tick);

  const int max_parallel_;
  const core::Quotas quotas_;
  World& world_;
  MemoryStore store_;
  std::optional<core::State> state_;
  std::map<std::string, Held> held_;
  // By handoff: the newest checkpoint that was accepted and counts, and the work that is safe.
  std::map<std::string, std::string> accepted_;
  std::map<std::string, int64_t> safe_;
  std::map<std::string, std::vector<InHands>> in_hands_;
  std::map<std::string, std::string> by_hand_;  // the worker in whose workspace a person worked
  int asked_for_ = 0, account_full_ = 0, contested_ = 0, capped_ = 0;
  uint64_t life_ = 0, answers_ = 0, timer_ = 0;
};

}  // namespace handoff::sim
