// What an agent's stream says, in one model for all agents, and the parser that finds it there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/handoff/outcome.h"

namespace handoff {

// One thing that the agent's stream said. Raw bytes are logged first; this is what was understood
// of them.
struct AgentEvent {
  struct SessionStarted {
    std::string session;
    std::string model;
  };
  // One whole piece of what the agent said; pieces that arrive in parts are put together first.
  struct Text {
    std::string text;
  };
  struct Progress {};  // the model is at work (thinking, a part of a text): nothing to record
  struct ToolStarted {
    std::string call_id, name, command, path;
    // Known to be no call of an agent that this one called.
    bool of_main_thread = false;
  };
  struct ToolFinished {
    std::string call_id, name, command, path, outcome;
    std::optional<int> exit_code;
    absl::Duration duration;
  };
  // A part of the work whose calls are told only when they are over: until then one may be in
  // flight. One that begins after a Result takes that back, as a call of the main thread and a
  // session that begins do: it was not the end.
  struct Step {
    std::string id;
    bool over = false;
  };
  struct Todo {
    std::string text;
  };
  struct Usage {
    enum class Span {
      kDelta,    // to be added
      kRun,      // of this run so far
      kSession,  // of the whole session so far, earlier runs included
    };
    uint64_t input = 0, output = 0, cache_read = 0, cache_write = 0;
    double cost_usd = 0;
    Span span = Span::kRun;
  };
  // Trouble from which the CLI goes on by itself. The last one explains a stream without a result.
  struct Retry {
    std::string message;
  };
  struct Result {
    bool ok = false;
    std::string message;
    FailureClass failure = FailureClass::kNone;
    absl::Time retry_at = absl::InfinitePast();
    // The event itself says the class; false: it was read out of words, which may be those of
    // others.
    bool certain = false;
  };
  struct Unknown {
    std::string type;
  };
  struct Heartbeat {};  // shows life of the CLI, no progress of the work
  std::variant<SessionStarted, Text, Progress, ToolStarted, ToolFinished, Step, Todo, Usage, Retry,
               Result, Unknown, Heartbeat>
      what;
};

// State of one run's stream. Not thread-safe. Never fails: what it does not understand is an
// Unknown event.
class StreamParser {
 public:
  virtual ~StreamParser() = default;
  // One line of stdout without its newline, at most 64 MiB (longer ones arrive cut and are Unknown
  // "long line").
  virtual std::vector<AgentEvent> ParseLine(absl::string_view line) = 0;
};

}  // namespace handoff
