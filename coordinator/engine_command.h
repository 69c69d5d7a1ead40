// A command on its way through the engine, with the callback that gets its reply. Decided with its
// batch, released after the commit that covers it, or refused.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/engine.h"
#include "coordinator/engine_turn.h"

namespace handoff {

template <typename C>
class Ticket final : public EngineCommand {
 public:
  using Reply = typename C::Reply;
  Ticket(C command, Engine::Done<Reply> done)
      : command_(std::move(command)), done_(std::move(done)) {}

  void Decide(EngineTurn& turn) override { reply_ = turn.Decide(command_); }
  void Release(EngineTurn&) override { done_(*std::move(reply_)); }
  void Refuse(const absl::Status& status) override { done_(status); }

 private:
  C command_;
  Engine::Done<Reply> done_;
  std::optional<absl::StatusOr<Reply>> reply_;
};

// What was decided is released as a held Sync; its answer comes when there is something to say.
class SyncTicket final : public EngineCommand {
 public:
  SyncTicket(core::Sync command, Engine::Done<SyncAnswer> done)
      : command_(std::move(command)), done_(std::move(done)) {}

  void Decide(EngineTurn& turn) override { decided_ = turn.Decide(command_).status(); }
  void Release(EngineTurn& turn) override {
    if (decided_.ok()) {
      turn.Hold(std::move(command_), std::move(done_));
    } else {
      done_(decided_);
    }
  }
  void Refuse(const absl::Status& status) override { done_(status); }

 private:
  core::Sync command_;
  Engine::Done<SyncAnswer> done_;
  absl::Status decided_;
};

class CancelSyncTicket final : public EngineCommand {
 public:
  CancelSyncTicket(std::string worker_uuid, uint64_t seq)
      : worker_uuid_(std::move(worker_uuid)), seq_(seq) {}

  void Decide(EngineTurn&) override {}
  void Release(EngineTurn& turn) override { turn.CancelHeld(worker_uuid_, seq_); }
  void Refuse(const absl::Status&) override {}

 private:
  const std::string worker_uuid_;
  const uint64_t seq_;
};

}  // namespace handoff
