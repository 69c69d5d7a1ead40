// From what runs here and what should run to what is to be done. Pure: the daemon's sync loop and
// the simulation call the same function.
//
// The rules: an answer below the highest (term, revision) decides nothing. Only the answer to the
// outstanding request renews leases and starts attempts; a late one may still stop, since stopping
// names its attempt and epoch. Absence never stops. Another pool decides nothing here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/clock.h"
#include "worker/core/model.h"

namespace handoff::worker {

struct Held {
  uint64_t epoch = 0;
  Stage stage = Stage::kAdopting;
  bool closing = false;  // the report may be accepted: the last files are, or will be, written
};
using Holding = std::map<AttemptKey, Held>;

// Slots in use: a reporting attempt has no process and its workspace is left alone.
int SlotsInUse(const Holding& holding);

// What is remembered of the coordinator from one answer to the next.
struct Memory {
  std::string pool_id;  // persisted; empty: never heard of one
  uint64_t term = 0;
  uint64_t revision = 0;
  friend bool operator==(const Memory&, const Memory&) = default;
};

// The request that is not answered yet. seq 0: none.
struct Outstanding {
  uint64_t seq = 0;
  BootTime sent;
};

struct StopOrder {
  AttemptKey key;
  EndedBy as = EndedBy::kCancel;
  std::string reason;
  absl::Duration grace;
};
struct Renewal {
  AttemptKey key;
  BootTime deadline;  // send time of the answered request + lease
};

struct Actions {
  std::vector<DesiredAttempt> start;
  std::vector<StopOrder> stop;
  std::vector<Renewal> renew;
  std::vector<AttemptKey> forget;
  // Wanted here, but not possible yet: no free slot, or the handoff's last attempt is not over.
  // Nothing is lost: what a request does not list is sent again.
  std::vector<AttemptKey> deferred;
};

struct Reconciled {
  enum class Verdict {
    kTaken,      // the answer to the outstanding request
    kLate,       // of an earlier request: only its stops count
    kOld,        // below the highest (term, revision): dropped
    kOtherPool,  // dropped, and `refusal` says so
  };
  Verdict verdict = Verdict::kTaken;
  std::string refusal;
  Memory memory;  // to be kept for the next answer
  Actions actions;
};

Reconciled Reconcile(const Holding& holding, int slots, const Memory& memory,
                     const Outstanding& outstanding, const SyncAnswer& answer, BootTime now);

}  // namespace handoff::worker
