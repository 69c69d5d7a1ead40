// A handoff and its attempts as the coordinator decides about them. Plain values: no I/O, clock,
// lock, thread, proto or gRPC, and ordered containers only, so that a run replays from a seed.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "coordinator/core/attempt.h"
#include "coordinator/core/edits.h"
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
  std::set<std::string> inputs;  // objects of its attached files; kept likewise
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
  std::string question;   // while waiting
  int go_on_from = 0;     // asked by a person, until used; 0: the newest checkpoint that counts
  int sessions_from = 1;  // the first attempt whose conversation may go on
  std::string
      taken_by;  // who has it, or wants it while its attempt is being stopped; empty: nobody
  absl::Time taken_at = absl::InfinitePast();
  std::string taken_on;  // worker in whose workspace they work; empty: in a work tree of their own
  std::string by_hand_on;  // worker in whose workspace alone a person's work lies: it goes on there
  Checkpoint returned;     // a person's work, newer than all of attempt `returned_after` and before
  int returned_after = 0;
  bool deleted = false;     // lists leave it out
  bool is_private = false;  // only its owner sees task and log, and who acts on all
  // Of its logs as reported, and of its objects, each once: what is held for its owner.
  uint64_t stored_bytes = 0;
  std::set<std::string> avoid;  // uuids of workers on which it failed, while others are left
  std::vector<Attempt> attempts;
  std::vector<Message> messages;   // in the order sent; lists do not read them
  std::vector<SectionEdit> edits;  // in the order made; lists do not read them
  friend bool operator==(const Handoff&, const Handoff&) = default;

  Attempt* Latest() { return attempts.empty() ? nullptr : &attempts.back(); }
  const Attempt* Latest() const { return attempts.empty() ? nullptr : &attempts.back(); }
};

// What is kept of it as it was sent: its spec and the ends of its attempts.
size_t BytesAsSent(const Handoff& handoff);

// As the store gives it back: without what is volatile.
Handoff DurablePart(Handoff handoff);

}  // namespace handoff::core
