// One turn of the engine after the other: decide a batch on the State, apply it, commit it once,
// release it. Everything of the engine that is not its queue and its thread. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/status.h"
#include "coordinator/core/identity_decisions.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/engine.h"
#include "coordinator/engine_identity.h"
#include "coordinator/engine_ids.h"
#include "coordinator/engine_syncs.h"
#include "coordinator/engine_views.h"
#include "coordinator/store/store.h"

namespace handoff {

class EngineTurn;

class EngineCommand {
 public:
  virtual ~EngineCommand() = default;
  virtual void Decide(EngineTurn& turn) = 0;
  virtual void Release(EngineTurn& turn) = 0;           // after the commit
  virtual void Refuse(const absl::Status& status) = 0;  // instead: nothing of it was stored
  virtual size_t bytes() const { return 0; }  // of what it carries, about; does not change
};

class EngineTurn {
 public:
  using Batch = std::vector<std::unique_ptr<EngineCommand>>;

  EngineTurn(const EngineOptions& options, Store& store, const Clock& clock, EngineViews& views,
             IdentityView& identities);

  absl::Status Start();
  // The whole turn of one batch. Returns how long at most to wait with the next one.
  absl::Duration Take(Batch batch);
  void Stop(const absl::Status& status) { held_.EndAll(status); }

  // For the commands: decides and applies; what is durable waits for the commit.
  template <typename C>
  absl::StatusOr<typename C::Reply> Decide(C& command) {
    RETURN_IF_ERROR(LookUp(command));
    auto decision = core::Decide(state_, command, now_);
    RETURN_IF_ERROR(decision.status());
    Apply(std::move(decision->edit));
    // What was refused may be noted: then that is stored first.
    RETURN_IF_ERROR(decision->refusal);
    return std::move(decision->reply);
  }
  void Hold(core::Sync request, Engine::Done<SyncAnswer> done);
  void CancelHeld(const SyncKey& key) { held_.Cancel(key); }

 private:
  // What a decision needs from the store is put into the command or paged in.
  template <typename C>
  absl::Status LookUp(C&) {
    return absl::OkStatus();
  }
  absl::Status LookUp(core::Submit& command);
  absl::Status LookUp(core::Resume& command);
  absl::Status LookUp(core::Send& command);
  absl::Status LookUp(core::EditSections& command);
  absl::Status LookUp(core::Cancel& command) { return PageIn(command.id); }
  absl::Status LookUp(core::Delete& command) { return PageIn(command.id); }
  absl::Status LookUp(core::TakeOver& command) { return PageIn(command.id); }
  absl::Status LookUp(core::Return& command);
  absl::Status LookUp(core::Why& command);
  absl::Status LookUp(core::SaveCheckpoint& command) { return PageIn(command.handoff_id); }
  absl::Status LookUp(core::SavePush& command);
  absl::Status LookUp(core::Report& command);
  absl::Status LookUp(core::Summarize& command);
  absl::Status LookUp(core::SaveSummary& command);
  absl::Status LookUp(core::Sync& command);
  absl::Status LookUp(core::AskTurns&) { return HasRoom(); }
  // What lets people and hosts in can wait for room; what keeps them out, and a renewal, cannot.
  absl::Status LookUp(core::AddUser&) { return HasRoom(); }
  absl::Status LookUp(core::CreateTokens&) { return HasRoom(); }
  absl::Status LookUp(core::RedeemToken&) { return HasRoom(); }
  absl::Status LookUp(core::LoginHere&) { return HasRoom(); }
  absl::Status LookUp(core::NoteRefusal&) { return HasRoom(); }
  core::SummaryPolicy SummariesOf(const std::string& handoff_id) const;
  absl::Status PageInListed(const core::Sync& request);
  absl::Status PageIn(const std::string& id);
  absl::Status HasRoom();

  void ReadClock();
  void Apply(core::Edit edit);
  void Note(const core::Change& change);
  void NoteIdentity(const core::Change& change);
  void Tick();
  absl::Status Commit();
  absl::Status Reload();
  void Recover(const absl::Status& cause);
  void AnswerSyncs();
  void AnswerSync(const std::string& worker_uuid, bool due);
  SyncAnswer MakeAnswer(const core::Sync& request, core::Sync::Reply reply);
  void BeginBatch();
  absl::Duration UntilNext() const;

  const EngineOptions& options_;
  Store& store_;
  const Clock& clock_;
  EngineViews& views_;
  IdentityView& identities_;
  FreeIds ids_;
  HeldSyncs held_;
  std::map<std::string, absl::Time> answered_;  // when each worker's Sync was last answered

  core::State state_;
  // The wall clock as it was at the anchor, gone on by CLOCK_BOOTTIME since: `now` never jumps.
  absl::Time anchor_wall_;
  BootTime anchor_boot_;
  absl::Time now_;
  absl::Time next_tick_ = absl::InfinitePast();
  absl::Time no_tick_before_ = absl::InfinitePast();  // after failed commits
  int failed_commits_ = 0;                            // in a row
  uint64_t answers_ = 0;                              // of this term
  bool dead_ = false;                                 // after an unknown commit

  // Of the batch in hand.
  std::vector<core::Edit> durable_;
  bool changed_ = false;
  std::optional<absl::Status> room_;
  std::set<std::string> touched_handoffs_, touched_workers_;
  IdentityView::Touched touched_identities_;
  bool touched_wishes_ = false;
  std::map<std::pair<std::string, std::string>, std::string> keys_;  // owner and key → id
};

}  // namespace handoff
