// What people ask of the coordinator. Each command is a value with the reply that belongs to it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/core/edit_commands.h"
#include "coordinator/core/model.h"

namespace handoff::core {

struct Submit {
  Handoff handoff;               // validated; id, seq, times and attempts are set by Decide
  std::string wished_id;         // empty: made from date and task
  bool wished_id_taken = false;  // looked up in the store, as are the next two
  // First free id for this date and task ("-2", … appended) when none is wished; free in the store
  // and among the handoffs of the State, since a batch holds ones that are not stored yet.
  std::string free_id;
  std::optional<Handoff> same_key;  // stored handoff with this idempotency key and owner
  enum class Duplicates { kRefuse, kReuse, kAllow };
  Duplicates duplicates = Duplicates::kAllow;  // of handoffs with the same dedupe key
  std::optional<Handoff> same_work;            // one with it that is at rest and has not ended
  // What the caller may see beside their own: what they may not see is not the same work to them.
  bool sees_others = true;
  bool sees_private = true;
  std::optional<Imported> imported;  // a record that was kept by hand: nothing is queued
  struct Reply {
    Handoff handoff;
    bool existing = false;
  };
};

// An ended handoff is paged in by the engine for Cancel, Resume and Why.
struct Cancel {
  std::string id;
  std::string reason;
  std::string actor;
  struct Reply {
    Handoff handoff;
  };
};

struct Resume {
  std::string id;
  std::string on_worker;  // for the attempts from now on, whatever held before; empty: any
  bool fresh_session = false;
  std::string agent;  // empty: as before
  std::string model;
  std::string spec;      // rewritten spec bytes when something changes; empty: as before
  bool now = false;      // give up a live attempt whose worker is unreachable
  int from_attempt = 0;  // whose checkpoint to go on from; 0: the newest that counts
  std::string actor;
  struct Reply {
    Handoff handoff;
  };
};

// A message, or with `drop` one that is taken back. What is at rest is paged in by the engine.
struct Send {
  std::string id;
  std::string text;
  bool now = false;  // interrupt the running attempt for it
  int drop = 0;      // number of a pending message; 0: none
  std::string actor;
  struct Reply {
    Handoff handoff;
  };
};

// Hides what has ended from lists, or purges it: nothing but its id is kept. Paged in by the
// engine.
struct Delete {
  std::string id;
  bool purge = false;
  std::string actor;
  absl::Time ended_before = absl::InfiniteFuture();  // retention: only what ended before this
  struct Reply {
    std::string id;
  };
};

// Another agent is to summarise an attempt. What is at rest is paged in by the engine.
struct Summarize {
  std::string id;
  int number = 0;          // 0: the latest whose agent started
  std::string model = "";  // the spec's; the engine knows
  struct Reply {
    Handoff handoff;
    int number = 0;
  };
};

// Questions: their Edit is empty.
struct Why {
  std::string id;
  std::string not_placing = "";  // why nothing is placed at all now; empty: it is
  struct Reply {
    std::string summary;
    std::vector<std::string> details, commands;
    std::string view = "";  // AttemptView::bytes of a live attempt
  };
};

struct Counts {
  struct Reply {
    size_t queued = 0, live = 0, workers = 0, reachable = 0;
  };
};

}  // namespace handoff::core
