// The checkpoints of one attempt: taken by handoff-repo from its workspace, kept in the attempt's
// directory, brought to the coordinator.
//
//   checkpoint.pb  serialised handoff.v1.Checkpoint: the last one that was taken
//   stored.pb      the same: the last one that the coordinator keeps. Empty: it lost packs that
//                  were stored before, so nothing is built on those
//   DATA/workspaces/<id>/packs/<N>/  what is not stored yet
//
// The files say how far it came, so every step may be done again, by another daemon too.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/attempt.h"

namespace handoff {
namespace v1 {
class Checkpoint;
}

namespace worker {

// Copies what it needs of the attempt, so that it can be used on another thread than the runner's.
// Everything blocks, and is done by one thread at a time for one attempt.
class CheckpointKeeper {
 public:
  CheckpointKeeper(const Surroundings& around, const Attempt& attempt);
  CheckpointKeeper(CheckpointKeeper&&) noexcept;
  ~CheckpointKeeper();

  // There is a workspace of which one can be taken.
  bool possible() const { return !request_.base_commit.empty(); }

  struct Taken {
    bool changed = false;   // against the last one of this attempt
    bool has_news = false;  // something that no stored one of this handoff has
    std::string too_large;  // why the coordinator cannot have it; empty: it can
  };
  // `session` is the agent's, with whose files it goes on elsewhere; `running`: the agent may write
  // to them. A byte on `cancel` ends it: CANCELLED.
  absl::StatusOr<Taken> Take(const std::string& session, bool running, int cancel);

  // The last one that was taken, packed on what the coordinator has now: after DATA_LOSS.
  absl::Status Repack(int cancel);

  // Brings the last one that was taken to the coordinator. `again`: also when that was done before;
  // its records may have been restored since. DATA_LOSS: the coordinator lost what it builds on;
  // the next one that is taken stands alone.
  absl::Status Store(bool again, std::stop_token stop);

 private:
  CheckpointRequest RequestFor(const v1::Checkpoint& base) const;
  v1::Checkpoint Base() const;
  std::string PackPath(const std::string& sha256) const;
  absl::Status Put(const std::vector<std::string>& packs, std::stop_token stop);
  void NoteStored(const std::string& checkpoint) const;
  void RemovePacksBut(const v1::Checkpoint& checkpoint) const;

  const Surroundings& around_;
  const AttemptKey key_;
  const uint64_t epoch_;
  const AttemptDir dir_;
  const Agent* const agent_;
  SessionPlace place_;  // without the session
  CheckpointRequest request_;
  std::unique_ptr<v1::Checkpoint> given_;  // that the attempt went on from; empty: none
  int given_attempt_ = 0;
};

// Where the agent of `attempt` keeps `session` on this host.
SessionPlace SessionPlaceOf(const Surroundings& around, const Attempt& attempt,
                            const std::string& session);

// After the last process of the attempt ended: its last state. What comes of it stands in
// attempt.end. `started`: the agent was. Blocks; CANCELLED when the daemon leaves.
absl::Status TakeLastCheckpoint(const Surroundings& around, Attempt& attempt,
                                AttemptControl& control, const std::string& session, bool started);

}  // namespace worker
}  // namespace handoff
