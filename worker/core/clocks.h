// The clocks of one attempt: first event, idle, and the warning while a tool call is in flight.
// Pure: it is told what happened when, and says what that means now. The hard cap is the shim's.
//
// Progress is an event of the agent's stream that shows work. While a tool call is in flight the
// process tree counts too: as long as it uses CPU or I/O the attempt is only warned about, never
// ended. Time during which the tree was frozen does not count.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "common/clock.h"
#include "common/handoff/outcome.h"

namespace handoff::worker {

struct ClockLimits {
  absl::Duration first_event = absl::Minutes(2);
  absl::Duration idle = absl::Minutes(10);  // warned about at half of it
  absl::Duration tool_warning = absl::Minutes(30);

  // An agent without a stream: nothing is known of its progress, so nothing is ended for silence.
  static ClockLimits None() {
    return {absl::InfiniteDuration(), absl::InfiniteDuration(), absl::InfiniteDuration()};
  }
};

class AttemptClocks {
 public:
  AttemptClocks(const ClockLimits& limits, BootTime started);

  void Progress(BootTime at);
  void ToolStarted(const std::string& call, const std::string& what, BootTime at);
  void ToolFinished(const std::string& call, BootTime at);
  void TreeWorked(BootTime at);
  // The tree was frozen until now.
  void Thawed(BootTime at);
  // The terminal event was seen: the shim's grace decides from here.
  void Finished(BootTime at);
  // It was none: the agent goes on.
  void GoesOn(BootTime at);

  struct Reading {
    bool stalled = false;
    std::optional<EndedBy> end;  // to be ended now, for this
    // What will be ended when, if nothing happens; absent when nothing will.
    std::optional<BootTime> ends_at;
    EndedBy ends_as = EndedBy::kIdleClock;
    bool sample = false;  // the tree's usage is worth a look
    BootTime next;        // read again then at the latest
  };
  Reading Read(BootTime now) const;

  BootTime last_progress() const { return last_; }
  // The tool call in flight that started last, with its start; empty: none.
  std::optional<std::pair<std::string, BootTime>> Tool() const;
  // How often the tree is looked at.
  absl::Duration sample_every() const;

 private:
  struct Call {
    std::string what;
    BootTime started;
  };
  ClockLimits limits_;
  BootTime last_;    // progress, or the start
  BootTime worked_;  // progress, or the tree seen working
  bool first_seen_ = false;
  bool finished_ = false;
  std::map<std::string, Call> tools_;
};

// "idle limit at 12:31 UTC", "time limit at 18:00 UTC": whichever comes first. Empty: neither.
std::string WillEnd(const AttemptClocks::Reading& reading, std::optional<BootTime> hard_cap,
                    BootTime now, absl::Time wall);

}  // namespace handoff::worker
