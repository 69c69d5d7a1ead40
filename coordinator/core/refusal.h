// Refusals that several commands share, each with the sentence that a person reads.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "coordinator/core/edit.h"
#include "coordinator/core/handoff.h"
#include "coordinator/core/pool_commands.h"
#include "coordinator/core/state.h"

namespace handoff::core {

absl::Status NoSuchHandoff(absl::string_view id);
// A worker that belongs to another pool than this one.
absl::Status OtherPool(absl::string_view theirs, absl::string_view ours);

// ABORTED when `sender` is not the daemon whose Sync was taken last: it works in a copy of the data
// directory, has had a successor, or has yet to say that it is there. `not_done`: "Its report was
// not stored".
absl::Status CheckDaemon(DaemonStart sender, DaemonStart known, absl::string_view not_done);

// PERMISSION_DENIED when all credentials of the worker were revoked: its connection may have been
// looked at before that.
absl::Status CheckNotRevoked(const State& state, const std::string& worker_uuid,
                             absl::string_view not_done);

// Both for what is said of an attempt; one that was removed meanwhile, and has no credentials,
// still may.
absl::Status CheckSender(const State& state, const Sender& sender, absl::string_view not_done);
// PERMISSION_DENIED when the attempt was never leased to this worker.
absl::Status CheckHolder(const Handoff& handoff, int number, const std::string& worker_uuid,
                         absl::string_view not_done);

// RESOURCE_EXHAUSTED when the pool holds as much as it may before one more of `spec_bytes` is
// queued. `not_done`: "Nothing was submitted".
absl::Status CheckRoom(const State& state, size_t spec_bytes, absl::string_view not_done);
// The same for `more` bytes of one that is in the pool already.
absl::Status CheckBytes(const State& state, size_t more, absl::string_view not_done);

// RESOURCE_EXHAUSTED when the owner's quota has no room for a further handoff, or for one that had
// ended. What is in the pool goes on whatever its owner has: see ADR 0032.
enum class Entry { kQueued, kInHands };
absl::Status CheckQuota(const State& state, const std::string& owner, Entry entry, absl::Time now,
                        absl::string_view not_done);
// What goes along with everything that CheckQuota let in.
SetPaidOff PayForSubmit(const State& state, const std::string& owner, absl::Time now);

// The same when it has as many messages as it may before one more of `bytes`.
absl::Status CheckMessage(const Handoff& handoff, size_t bytes, absl::string_view not_done);

// INVALID_ARGUMENT when neither this version nor any worker knows an agent of that name.
// `not_done`: "nothing was handed over".
absl::Status CheckAgent(const State& state, const std::string& agent, absl::string_view not_done);

absl::string_view StatusName(HandoffStatus status);  // "queued"

}  // namespace handoff::core
