// A handoff and its attempts as the coordinator decides about them. Plain values: no I/O, clock,
// lock, thread, proto or gRPC, and ordered containers only, so that a run replays from a seed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/handoff/outcome.h"
#include "coordinator/core/attempt_state.h"
#include "coordinator/core/checkpoints.h"
#include "coordinator/core/messages.h"

namespace handoff::core {

// kStalled is laid over kRunning (any live attempt) from AttemptView when a person asks.
enum class HandoffStatus {
  kQueued = 1,
  kRunning,
  kStalled,
  kWaiting,
  kInteractive,
  kSucceeded,
  kFailed,
  kCancelled
};
constexpr bool IsEnded(HandoffStatus s) {
  return s == HandoffStatus::kSucceeded || s == HandoffStatus::kFailed ||
         s == HandoffStatus::kCancelled;
}
// Nothing of it is placed or watched: only the store has it, until somebody acts.
constexpr bool IsAtRest(HandoffStatus s) {
  return IsEnded(s) || s == HandoffStatus::kWaiting || s == HandoffStatus::kInteractive;
}

enum class SessionKind { kNone = 0, kNew, kSame, kRestored, kFresh };

// The end of an attempt as far as decisions need it. `bytes` is the worker's AttemptEnd, kept as
// sent.
struct AttemptEnd {
  FailureClass failure = FailureClass::kNone;
  std::string message;
  EndedBy ended_by = EndedBy::kItself;
  bool host_fault = false;
  std::string hold_key;
  bool changed = false, verified = false;
  std::string session;
  SessionKind session_kind = SessionKind::kNone;
  std::string head_commit;
  std::optional<int> exit_code;
  uint64_t files_changed = 0, lines_added = 0, lines_deleted = 0;
  int checks_run = 0, checks_passed = 0;
  uint64_t log_bytes = 0;
  std::string log_sha256;
  absl::Time started_at = absl::InfinitePast();
  absl::Time ended_at = absl::InfinitePast();
  absl::Time retry_at = absl::InfinitePast();  // quota: the reset time
  std::string bytes;
  // Not stored beside `bytes`: what only a person can decide, and, for the agent, what checks said.
  std::string question, check_output;
  friend bool operator==(const AttemptEnd&, const AttemptEnd&) = default;
};

struct Attempt {
  int number = 0;
  AttemptState state = AttemptState::kQueued;
  uint64_t epoch = 0;       // 0 until leased
  std::string worker_uuid;  // set with the lease
  std::string worker_name;
  absl::Time created_at = absl::InfinitePast();
  absl::Time leased_at = absl::InfinitePast();
  std::string session;  // wanted: the session to resume; empty: a new one
  SessionKind session_kind = SessionKind::kNew;
  EndedBy stop_as = EndedBy::kItself;  // with kStopping
  std::string stop_reason;             // with kStopping; with kLost: why it was given up
  std::optional<AttemptEnd> end;       // with a terminal state that a worker reported
  bool arrived_after_loss = false;     // the report came when the attempt was lost already
  Checkpoint checkpoint;               // its last one that counts
  Checkpoint late_checkpoint;          // one that came when the attempt was lost already
  int from_attempt = 0;  // set with the lease: whose checkpoint it goes on from; 0: the submission
  std::string from_commit;  // and which one that is

  // Volatile, never stored. After a start of the coordinator: one full lease, and offered.
  absl::Time lease_until = absl::InfinitePast();  // given away then
  bool offered = false;  // an answer that names it may have reached the worker
  friend bool operator==(const Attempt&, const Attempt&) = default;
};

struct Handoff {
  std::string id;
  uint64_t seq = 0;  // order of submission
  HandoffStatus status = HandoffStatus::kQueued;
  FailureClass failure = FailureClass::kNone;
  std::string reason;  // why it has this status: a sentence
  bool verified = false;
  bool changed = false;
  // What placement reads of the spec.
  std::string owner;
  std::string task_line;  // the task's first 200 bytes on one line, for lists
  std::string agent;
  std::string model;
  std::string repo_key;  // empty: no repository
  std::string repo_url;
  std::string repo_ref;
  std::string pack_sha256;  // object that the spec needs; kept as long as the handoff is
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> require;
  std::string on_worker;
  std::string prefer_worker;
  bool exclusive = false;
  int priority = 0;
  int retries = 2;
  int check_retries = 0;
  std::set<std::string> notify;  // keys of the coordinator's configuration
  std::string dedupe_key;        // the same for equivalent handoffs; empty: there is none
  absl::Duration lease = absl::Minutes(30);
  absl::Time deadline = absl::InfiniteFuture();  // all attempts together
  std::string idempotency_key;
  std::string content_hash;  // of the spec, to tell a repeated submit from a different one
  std::string spec;          // serialised handoff.v1.HandoffSpec, opaque here

  absl::Time created_at = absl::InfinitePast();
  absl::Time updated_at = absl::InfinitePast();
  absl::Time ended_at = absl::InfinitePast();
  absl::Time not_before = absl::InfinitePast();  // backing off until then
  int retries_used = 0;
  int check_retries_used = 0;
  std::string question;  // while waiting
  int go_on_from = 0;    // asked by a person, until used; 0: the newest checkpoint that counts
  std::set<std::string> avoid;  // uuids of workers on which it failed, while others are left
  std::vector<Attempt> attempts;
  std::vector<Message> messages;  // in the order sent; lists do not read them
  friend bool operator==(const Handoff&, const Handoff&) = default;

  Attempt* Latest() { return attempts.empty() ? nullptr : &attempts.back(); }
  const Attempt* Latest() const { return attempts.empty() ? nullptr : &attempts.back(); }
};

// What is kept of it as it was sent: its spec and the ends of its attempts.
size_t BytesAsSent(const Handoff& handoff);

// As the store gives it back: without what is volatile.
Handoff DurablePart(Handoff handoff);

}  // namespace handoff::core
