// One attempt of a handoff as the coordinator decides about it, and its end. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "common/handoff/outcome.h"
#include "coordinator/core/attempt_state.h"
#include "coordinator/core/checkpoints.h"

namespace handoff::core {

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
  std::string from_commit;   // and which one that is
  std::string account;       // set with the lease: of the agent, as the worker offered it
  bool only_checks = false;  // no agent: a person declared the work done
  // As sent by workers; opaque here. Empty: there is none.
  std::string summary;  // v1.Summary
  std::string push;     // v1.PushResult

  // Volatile, never stored. After a start of the coordinator: one full lease, and offered.
  absl::Time lease_until = absl::InfinitePast();  // given away then
  bool offered = false;  // an answer that names it may have reached the worker
  friend bool operator==(const Attempt&, const Attempt&) = default;
};

}  // namespace handoff::core
