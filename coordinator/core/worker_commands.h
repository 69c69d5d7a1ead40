// What people ask of workers. Each command is a value with the reply that belongs to it.
#pragma once

#include <string>
#include <vector>

#include "coordinator/core/agent_turns.h"
#include "coordinator/core/identity.h"
#include "coordinator/core/model.h"

namespace handoff::core {

struct ListWorkers {  // a question
  std::string name;   // empty: all
  struct Slot {       // that an attempt has
    std::string handoff_id;
    int number = 0;
    std::string owner;
    bool exclusive = false;
    std::string agent = {}, account = {};  // account of the agent
    bool is_private = false;
    friend bool operator==(const Slot&, const Slot&) = default;
  };
  struct Item {
    Worker worker;
    bool reachable = false;
    std::vector<Hold> holds;
    std::vector<Slot> attempts;
    // Of its certificate: it has none that is known.
    absl::Time certificate_since = absl::InfinitePast(), certificate_until = absl::InfinitePast();
    std::vector<AgentTurn> turns = {};  // by agent
  };
  struct Reply {
    std::vector<Item> workers;
  };
};

struct Drain {  // and the end of it
  std::string name;
  std::string reason;
  bool undrain = false;
  std::string actor;
  Caller caller = {};
  struct Reply {
    ListWorkers::Item worker;
  };
};

struct AskTurns {      // of a worker's agents
  std::string worker;  // its name
  std::string agent;   // empty: of all that it has
  std::string actor;
  Caller caller = {};
  struct Reply {
    ListWorkers::Item worker;  // with the turns as they are now
  };
};

struct RemoveWorker {  // and revokes what it joined with
  std::string name;
  std::string actor;
  Caller caller = {};
  struct Reply {};
};

}  // namespace handoff::core
