// The decisions. Each Decide is a pure function of (State, command, now): it changes nothing and
// returns an Edit to apply plus a reply for the caller. Errors are for the caller's eyes; nothing
// was decided then.
//
// `now` must not jump, or leases would end early: the engine takes the wall clock once, at its
// start, and goes on from there by CLOCK_BOOTTIME.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/core/control_commands.h"
#include "coordinator/core/edit.h"
#include "coordinator/core/edit_commands.h"
#include "coordinator/core/model.h"
#include "coordinator/core/pool_commands.h"
#include "coordinator/core/state.h"
#include "coordinator/core/takeover_commands.h"
#include "coordinator/core/worker_commands.h"

namespace handoff::core {

template <typename Reply>
struct Decision {
  Edit edit;
  Reply reply;
  // Not OK: the caller gets this instead of the reply, once the edit is stored, which says that it
  // was refused.
  absl::Status refusal = absl::OkStatus();
};

// Leases that ran out, deadlines, back-offs that end, and placement. The engine decides it whenever
// `NextTick` is due and once at the end of every batch, in the same commit: a change may have freed
// or filled a slot.
struct Tick {
  struct Reply {
    size_t tried = 0;  // heads of queues, against every worker with a free slot: what it cost
  };
};

absl::StatusOr<Decision<Submit::Reply>> Decide(const State& state, const Submit& command,
                                               absl::Time now);
absl::StatusOr<Decision<Cancel::Reply>> Decide(const State& state, const Cancel& command,
                                               absl::Time now);
absl::StatusOr<Decision<Resume::Reply>> Decide(const State& state, const Resume& command,
                                               absl::Time now);
absl::StatusOr<Decision<Send::Reply>> Decide(const State& state, const Send& command,
                                             absl::Time now);
absl::StatusOr<Decision<Delete::Reply>> Decide(const State& state, const Delete& command,
                                               absl::Time now);
absl::StatusOr<Decision<EditSections::Reply>> Decide(const State& state,
                                                     const EditSections& command, absl::Time now);
absl::StatusOr<Decision<TakeOver::Reply>> Decide(const State& state, const TakeOver& command,
                                                 absl::Time now);
absl::StatusOr<Decision<Return::Reply>> Decide(const State& state, const Return& command,
                                               absl::Time now);
absl::StatusOr<Decision<Summarize::Reply>> Decide(const State& state, const Summarize& command,
                                                  absl::Time now);
absl::StatusOr<Decision<Drain::Reply>> Decide(const State& state, const Drain& command,
                                              absl::Time now);
absl::StatusOr<Decision<AskTurns::Reply>> Decide(const State& state, const AskTurns& command,
                                                 absl::Time now);
absl::StatusOr<Decision<RemoveWorker::Reply>> Decide(const State& state,
                                                     const RemoveWorker& command, absl::Time now);
absl::StatusOr<Decision<Why::Reply>> Decide(const State& state, const Why& command, absl::Time now);
absl::StatusOr<Decision<ListWorkers::Reply>> Decide(const State& state, const ListWorkers& command,
                                                    absl::Time now);
absl::StatusOr<Decision<Counts::Reply>> Decide(const State& state, const Counts& command,
                                               absl::Time now);
// The Edit records the Sync; the reply is empty: Answer computes it on the state after the batch.
absl::StatusOr<Decision<Sync::Reply>> Decide(const State& state, const Sync& command,
                                             absl::Time now);
absl::StatusOr<Decision<Report::Reply>> Decide(const State& state, const Report& command,
                                               absl::Time now);
absl::StatusOr<Decision<SaveCheckpoint::Reply>> Decide(const State& state,
                                                       const SaveCheckpoint& command,
                                                       absl::Time now);
absl::StatusOr<Decision<SavePush::Reply>> Decide(const State& state, const SavePush& command,
                                                 absl::Time now);
absl::StatusOr<Decision<SaveSummary::Reply>> Decide(const State& state, const SaveSummary& command,
                                                    absl::Time now);
absl::StatusOr<Decision<Tick::Reply>> Decide(const State& state, const Tick& command,
                                             absl::Time now);

// Whether the work of this attempt may be pushed, if the owner asked for it: it ended by itself or
// failed, changed something, and nobody said yet what became of its push.
bool MayPush(const Handoff& handoff, int number);

// Ids of listed attempts that are not in memory: the engine pages in those that the store has,
// before it decides the Sync, so that an attempt of an ended handoff is told to stop.
std::vector<std::string> NotInMemory(const State& state, const Sync& command);

// What a held Sync is answered with now. Renews nothing by itself: RenewLeases does, when the
// answer is sent.
Sync::Reply Answer(const State& state, const Sync& request, absl::Time now);
// The volatile Edit that every sent answer carries: each attempt in it has its lease from `now`,
// and its probes are not asked again at once.
Edit RenewLeases(const State& state, const Sync::Reply& reply, absl::Time now);

// The next time at which Tick would change something, or an Answer would ask for a probe;
// InfiniteFuture when nothing waits for time.
absl::Time NextTick(const State& state);

// After Load, and after any time in which nobody could be heard: every live attempt gets one full
// lease from `now`, and every worker a while in which nobody takes its place.
Edit AfterStart(const State& state, absl::Time now);

}  // namespace handoff::core
