// What a person who goes on by hand asks of the coordinator.
#pragma once

#include <string>

#include "coordinator/core/handoff.h"

namespace handoff::core {

// A person goes on with it by hand. What is at rest is paged in by the engine, for Return too.
struct TakeOver {
  std::string id;
  std::string actor;
  bool on_host = false;  // in the workspace itself, on the worker that has it
  bool stop = false;     // of a running one: its attempt is ended for it
  struct Reply {
    Handoff handoff;
  };
};

struct Return {
  std::string id;
  std::string actor;
  std::string message;  // for the next attempt
  bool done = false;    // no further agent: its checks decide
  // The person's work, whose packs are stored; without a commit nothing was changed, or it lies in
  // the workspace.
  Checkpoint checkpoint;
  PackSizes sizes = {};   // of its packs
  std::string based_on;   // commit from which that began
  std::string submitted;  // the state that was submitted; empty: a ref, and nobody knows which
  struct Reply {
    Handoff handoff;
  };
};

}  // namespace handoff::core
