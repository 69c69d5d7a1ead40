// One thread that owns the State. Commands wait in a bounded queue; a batch of them is decided and
// applied in order, committed once, and only then answered. Sync answers are held here until
// something changes for the worker.
//
// A certain rollback (full, busy) drops the state, loads it again and answers UNAVAILABLE; a failed
// or unknown sync ends the process, because nobody knows what is on the disk. Below the disk's
// reserve nothing new is taken or placed, and what runs can still end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "coordinator/core/identity_commands.h"
#include "coordinator/core/local_login.h"
#include "coordinator/core/revoke_commands.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/engine_identity.h"
#include "coordinator/store/store.h"

namespace handoff {

// What a worker is told, with the handoffs whose spec goes along.
struct SyncAnswer {
  std::string pool_id;
  uint64_t term = 0;
  uint64_t revision = 0;  // of answers: each has a higher one than all before it in this term
  uint64_t in_reply_to = 0;
  core::Sync::Reply reply;
  std::vector<core::Handoff> specs;  // one for each Desired with with_spec, in order
};

// Names one Sync among all: numbers begin again with each start, and a copied data directory has
// the same.
struct SyncKey {
  std::string worker_uuid;
  uint64_t start = 0, nonce = 0, seq = 0;
  friend auto operator<=>(const SyncKey&, const SyncKey&) = default;
};
SyncKey KeyOf(const core::Sync& request);

struct EngineOptions {
  size_t max_queue = 65536;                    // further commands: RESOURCE_EXHAUSTED
  size_t max_queue_bytes = size_t{256} << 20;  // of what they carry; one is always taken
  size_t max_batch = 1024;
  core::Quotas quotas;                           // of owners
  absl::Duration sync_hold = absl::Seconds(10);  // ± 20 %, by the worker's uuid and seq
  // What a stored spec says of summaries; the core does not read specs.
  std::function<core::SummaryPolicy(const std::string& spec)> summaries_of =
      [](const std::string&) { return core::SummaryPolicy{}; };
  // What a stored spec says of pushes.
  std::function<bool(const std::string& spec)> asks_for_push = [](const std::string&) {
    return false;
  };
  // Called on the engine's thread after each commit with the revision that is durable now.
  std::function<void(uint64_t)> on_commit = [](uint64_t) {};
  // Called on the engine's thread after a commit that took rights away, once the next snapshot of
  // `identities` is published: calls under way with these are to be ended.
  std::function<void(const CutOff&)> on_cut_off = [](const CutOff&) {};
  // Ends the process. Replaced in tests: when it returns, the engine answers nothing but
  // UNAVAILABLE.
  std::function<void(const absl::Status&)> fatal;
  // False: nothing happens until somebody calls Step. For tests and simulations.
  bool own_thread = true;
};

// Thread-safe but for Start, Stop and Step. Callbacks run on the engine's thread, outside of every
// lock, and must be brief; those of a refused command run in Post.
class Engine {
 public:
  template <typename Reply>
  using Done = absl::AnyInvocable<void(absl::StatusOr<Reply>)>;

  Engine(EngineOptions options, Store& store, const Clock& clock);
  ~Engine();  // stops; unanswered commands get CANCELLED

  absl::Status Start();  // loads
  void Stop();
  // Without a thread of its own: decides, commits and answers one batch of what is queued. Returns
  // how long at most to wait with the next call.
  absl::Duration Step();

  void Post(core::Submit command, Done<core::Submit::Reply> done);
  void Post(core::Cancel command, Done<core::Cancel::Reply> done);
  void Post(core::Resume command, Done<core::Resume::Reply> done);
  void Post(core::Send command, Done<core::Send::Reply> done);
  void Post(core::Delete command, Done<core::Delete::Reply> done);
  void Post(core::EditSections command, Done<core::EditSections::Reply> done);
  void Post(core::TakeOver command, Done<core::TakeOver::Reply> done);
  void Post(core::Return command, Done<core::Return::Reply> done);
  void Post(core::Summarize command, Done<core::Summarize::Reply> done);
  void Post(core::SaveSummary command, Done<core::SaveSummary::Reply> done);
  void Post(core::Drain command, Done<core::Drain::Reply> done);
  void Post(core::AskTurns command, Done<core::AskTurns::Reply> done);
  void Post(core::RemoveWorker command, Done<core::RemoveWorker::Reply> done);
  void Post(core::SaveCheckpoint command, Done<core::SaveCheckpoint::Reply> done);
  void Post(core::SavePush command, Done<core::SavePush::Reply> done);
  void Post(core::Report command, Done<core::Report::Reply> done);
  void Post(core::Why command, Done<core::Why::Reply> done);
  void Post(core::ListWorkers command, Done<core::ListWorkers::Reply> done);
  void Post(core::Counts command, Done<core::Counts::Reply> done);
  void Post(core::AddUser command, Done<core::AddUser::Reply> done);
  void Post(core::ChangeUser command, Done<core::ChangeUser::Reply> done);
  void Post(core::ListUsers command, Done<core::ListUsers::Reply> done);
  void Post(core::CreateTokens command, Done<core::CreateTokens::Reply> done);
  void Post(core::ListTokens command, Done<core::ListTokens::Reply> done);
  void Post(core::RedeemToken command, Done<core::RedeemToken::Reply> done);
  void Post(core::LoginHere command, Done<core::LoginHere::Reply> done);
  void Post(core::RenewCredential command, Done<core::RenewCredential::Reply> done);
  void Post(core::RevokeWorker command, Done<core::RevokeWorker::Reply> done);
  void Post(core::RevokeUser command, Done<core::RevokeUser::Reply> done);
  void Post(core::RevokeToken command, Done<core::RevokeToken::Reply> done);
  void Post(core::RevokeDevice command, Done<core::RevokeDevice::Reply> done);
  void Post(core::RevokeCredential command, Done<core::RevokeCredential::Reply> done);
  void Post(core::NoteRefusal command, Done<core::NoteRefusal::Reply> done);
  // Held until the answer differs from what the request lists, or sync_hold passed. A newer Sync of
  // the same worker ends a held one with ABORTED, as does CancelSync when the caller has gone.
  void Post(core::Sync command, Done<SyncAnswer> done);
  void CancelSync(const SyncKey& key);

  // What lists and shows lay over the stored rows; a copy, taken under a lock of its own.
  std::optional<core::AttemptView> ViewOf(const std::string& handoff_id) const;
  // lease_until of the live attempt and whether its worker is silent; nothing when it has none.
  struct Lease {
    absl::Time until;
    bool unreachable = false;
    core::AttemptState state;
    std::optional<core::Enclosure> enclosure = {};  // as its worker said
  };
  std::optional<Lease> LeaseOf(const std::string& handoff_id) const;
  // Of the daemon whose Sync was taken last; nothing of a worker that is not known.
  std::optional<core::DaemonStart> DaemonOf(const std::string& worker_uuid) const;
  // Whether this worker is asked for a summary of an attempt of this handoff.
  bool Summarises(const std::string& worker_uuid, const std::string& handoff_id) const;
  std::shared_ptr<const IdentitySnapshot> identities() const;  // as of the last commit
  const core::Quotas& quotas() const;  // of the options

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace handoff
