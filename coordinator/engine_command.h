// A command on its way through the engine, with the callback that gets its reply. Decided with its
// batch, released after the commit that covers it, or refused.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/engine.h"
#include "coordinator/engine_turn.h"

namespace handoff {

// What a command carries that may be large.
template <typename C>
size_t BytesOf(const C&) {
  return 0;
}
inline size_t BytesOf(const std::vector<core::EditSections::Section>& sections) {
  size_t bytes = 0;
  for (const core::EditSections::Section& section : sections) bytes += section.text.size();
  return bytes;
}
inline size_t BytesOf(const core::Submit& command) {
  const size_t imported = command.imported ? BytesOf(command.imported->sections) : 0;
  return command.handoff.spec.size() + imported;
}
inline size_t BytesOf(const core::Resume& command) { return command.spec.size(); }
inline size_t BytesOf(const core::Send& command) { return command.text.size(); }
inline size_t BytesOf(const core::EditSections& command) { return BytesOf(command.sections); }
inline size_t BytesOf(const core::Return& command) {
  return command.message.size() + command.checkpoint.bytes.size();
}
inline size_t BytesOf(const core::SaveCheckpoint& command) {
  return command.checkpoint.bytes.size();
}
inline size_t BytesOf(const core::SavePush& command) { return command.bytes.size(); }
inline size_t BytesOf(const core::SaveSummary& command) { return command.bytes.size(); }
inline size_t BytesOf(const core::Report& command) { return command.end.bytes.size(); }
inline size_t BytesOf(const core::Sync& command) {
  size_t bytes = 0;
  for (const core::ReportedAttempt& attempt : command.attempts) bytes += attempt.bytes.size();
  for (const core::TurnResult& turn : command.turns) bytes += turn.bytes.size();
  return bytes;
}

template <typename C>
class Ticket final : public EngineCommand {
 public:
  using Reply = typename C::Reply;
  Ticket(C command, Engine::Done<Reply> done)
      : bytes_(BytesOf(command)), command_(std::move(command)), done_(std::move(done)) {}

  size_t bytes() const override { return bytes_; }
  void Decide(EngineTurn& turn) override { reply_ = turn.Decide(command_); }
  void Release(EngineTurn&) override { done_(*std::move(reply_)); }
  void Refuse(const absl::Status& status) override { done_(status); }

 private:
  const size_t bytes_;
  C command_;
  Engine::Done<Reply> done_;
  std::optional<absl::StatusOr<Reply>> reply_;
};

// What was decided is released as a held Sync; its answer comes when there is something to say.
class SyncTicket final : public EngineCommand {
 public:
  SyncTicket(core::Sync command, Engine::Done<SyncAnswer> done)
      : bytes_(BytesOf(command)), command_(std::move(command)), done_(std::move(done)) {}

  size_t bytes() const override { return bytes_; }
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
  const size_t bytes_;
  core::Sync command_;
  Engine::Done<SyncAnswer> done_;
  absl::Status decided_;
};

class CancelSyncTicket final : public EngineCommand {
 public:
  explicit CancelSyncTicket(SyncKey key) : key_(std::move(key)) {}

  void Decide(EngineTurn&) override {}
  void Release(EngineTurn& turn) override { turn.CancelHeld(key_); }
  void Refuse(const absl::Status&) override {}

 private:
  const SyncKey key_;
};

}  // namespace handoff
