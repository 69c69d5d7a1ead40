// Whose queued handoff is tried next. A priority above 0 goes before everything else; then comes
// the owner with the smallest share of the slots for their weight, of equal ones whose last turn is
// the longest ago; among the owner's own, priority and age decide.
#pragma once

#include <cstdint>
#include <map>
#include <queue>
#include <set>
#include <string>

#include "coordinator/core/draft.h"
#include "coordinator/core/queue.h"

namespace handoff::core {

// How much of the slots an owner has, for their weight.
struct Share {
  int64_t running = 0;
  int64_t weight = 1;
  friend bool operator<(const Share& a, const Share& b) {
    return a.running * b.weight < b.running * a.weight;
  }
};

// The queues of every owner below their running cap, with a cursor each. One lives inside one Tick,
// after all of it that may end attempts.
class Turns {
 public:
  explicit Turns(const Draft& draft);

  bool empty() const { return order_.empty(); }
  // The head of the queue whose turn it is.
  const std::string& id() const { return order_.begin()->head.id; }
  // It was placed: the next of its queue may be, when its owner's turn comes again.
  void Placed();
  // It waits for a host of its own, which says nothing of the others of its queue.
  void Pass();
  // It found no place, so its queue finds none.
  void Block();

 private:
  struct Cursor {
    std::set<QueueKey>::const_iterator at, end;
    friend bool operator<(const Cursor& a, const Cursor& b) { return *b.at < *a.at; }
  };
  struct Owner {
    Share share;
    int64_t most = 0;     // attempts at a time
    uint64_t served = 0;  // the higher, the later was their last turn
    std::priority_queue<Cursor> heads;
  };
  struct Turn {
    Share share;
    uint64_t served = 0;
    QueueKey head;
    std::map<std::string, Owner>::iterator owner;
    bool operator<(const Turn& other) const;
  };

  void Wake(const Handoff& handoff);
  void Count(const Draft& draft);
  void Add(const Queues& queues);
  void Push(Owner& owner, Cursor cursor) const;
  void Enter(std::map<std::string, Owner>::iterator owner);
  std::map<std::string, Owner>::iterator Leave();

  std::set<std::string> gone_;
  Queues woken_;
  std::map<std::string, Owner> owners_;
  std::set<Turn> order_;
  uint64_t last_served_ = 0;
};

}  // namespace handoff::core
