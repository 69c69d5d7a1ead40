// What workers tell the coordinator. Each command is a value with the reply that belongs to it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/core/agent_turns.h"
#include "coordinator/core/identity.h"
#include "coordinator/core/model.h"
#include "coordinator/core/summaries.h"

namespace handoff::core {

struct ReportedAttempt {  // an AttemptStatus
  std::string handoff_id;
  int number = 0;
  uint64_t epoch = 0;
  bool adopting = false;
  bool running = false;
  bool stopping = false;
  bool stalled = false;
  bool reporting = false;
  std::string bytes;
  SummaryPolicy summaries = {};  // when it fell silent; the engine knows
};

struct ProbeResult {
  std::string key;
  bool ok = false;
  std::string message;
};

// What came of a turn that an answer wished for.
struct TurnResult {
  uint64_t number = 0;
  std::string bytes;  // serialised handoff.v1.AgentTurn, opaque here
};

struct Sync {
  Caller caller;
  std::string pool_id;  // empty on first contact
  // As the worker describes itself: uuid, name, start, nonce, seq, boot_id, slots, …
  Worker worker;
  std::vector<ReportedAttempt> attempts;
  std::vector<ProbeResult> probes;
  std::vector<TurnResult> turns = {};
  // The highest answer that the worker ever took, and how many this coordinator gave in its term
  // (the engine knows).
  uint64_t seen_term = 0, seen_revision = 0;
  uint64_t answers_given = 0;

  struct Desired {
    std::string handoff_id;
    int number = 0;
    uint64_t epoch = 0;
    bool stop = false;
    EndedBy stop_as = EndedBy::kItself;
    std::string stop_reason;
    absl::Duration lease;
    bool with_spec = false;  // the request did not list it: send everything
  };
  struct Reply {
    std::string worker_uuid;
    std::vector<Desired> attempts;
    std::vector<std::pair<std::string, std::string>> probes;  // key, url
    std::vector<std::pair<std::string, int>> forget;  // ended attempts that the request still lists
    std::vector<std::string> purge;      // of which this worker may still have something
    uint64_t answers_before = 0;         // as the request's answers_given
    std::vector<SummaryWish> summaries;  // to make
    std::vector<AgentTurn> turns;        // to make
    bool draining = false;
    bool urgent = false;  // differs from what the request lists: answer now, do not hold
    // At most so long, whatever else: a part of the shortest lease in it, or the time after which
    // something is offered again.
    absl::Duration hold = absl::InfiniteDuration();
  };
};

// Which daemon says something of an attempt.
struct Sender {
  std::string pool_id;
  std::string worker_uuid;
  uint64_t worker_start = 0;  // with the nonce, of the sender's Sync; both 0: not told
  uint64_t worker_nonce = 0;
};

// A checkpoint whose packs are stored. Taken late, too, from whoever held the attempt.
struct SaveCheckpoint {
  Sender sender;
  std::string handoff_id;  // paged in by the engine when it is at rest
  int number = 0;
  uint64_t epoch = 0;
  Checkpoint checkpoint;
  PackSizes sizes = {};  // of its packs
  struct Reply {
    bool current = false;  // false: the attempt was lost, and this decides nothing
  };
};

// What became of the push that the answer to the report of this attempt asked for.
struct SavePush {
  Sender sender;
  std::string handoff_id;  // paged in by the engine when it has ended
  int number = 0;
  uint64_t epoch = 0;
  std::string bytes;    // serialised handoff.v1.PushResult, opaque here
  bool pushed = false;  // for the event, with a sentence
  std::string message;
  bool asked = false;  // the spec asks for pushes; the engine knows
  struct Reply {};
};

// What was made of a wish. What nobody wishes for any more is not kept.
struct SaveSummary {
  Sender sender;
  std::string handoff_id;  // paged in by the engine when it is at rest
  int number = 0;
  uint64_t wish = 0;
  std::string bytes;    // v1.Summary
  std::string refusal;  // why it is no summary, a sentence; empty: it is one
  struct Reply {
    bool current = false;
  };
};

struct Report {
  Sender sender;
  std::string handoff_id;  // paged in by the engine when it has ended
  int number = 0;
  uint64_t epoch = 0;
  AttemptEnd end;
  SummaryPolicy summaries = {};  // of the handoff; the engine knows
  uint64_t log_bytes = 0;        // of both its logs, as they are stored
  struct Reply {
    Handoff handoff;
    bool current = false;  // false: the attempt was lost or superseded; nothing was decided
  };
};

}  // namespace handoff::core
