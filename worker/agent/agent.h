// One adapter per agent CLI. Adapters are stateless translators: they start nothing and read no
// clock, so a test is text in, struct out. What one run needs to remember while its stream is
// parsed is a StreamParser.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/handoff/outcome.h"

namespace handoff {

// What one attempt asks of an adapter.
struct AgentRun {
  std::string executable;               // from the probe: absolute path
  std::vector<std::string> extra_args;  // [agents.NAME] extra_args of the worker's config
  std::string model;                    // empty: the agent's default
  std::string session;                  // id; empty for agents without sessions
  bool resume = false;                  // the session has earlier turns
  std::vector<std::string> argv;        // agent `command`: run exactly this
  std::string script;  // agent `command` without argv: path of the file that holds the task
  std::string
      script_first_line;  // of that file: "#!/usr/bin/env python3" is honoured; else /bin/sh
  std::string workspace;  // absolute path
};

// How to run it. The prompt goes in on stdin when `prompt_on_stdin`; else stdin is /dev/null.
struct AgentCommand {
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;  // on top of the attempt's environment
  bool prompt_on_stdin = true;
};

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
  };
  struct ToolFinished {
    std::string call_id, name, command, path, outcome;
    std::optional<int> exit_code;
    absl::Duration duration;
  };
  struct Todo {
    std::string text;
  };
  // Totals of this run so far (not deltas) when `total`, else to be added.
  struct Usage {
    uint64_t input = 0, output = 0, cache_read = 0, cache_write = 0;
    double cost_usd = 0;
    bool total = true;
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
  };
  struct Unknown {
    std::string type;
  };
  struct Heartbeat {};  // shows life of the CLI, no progress of the work
  std::variant<SessionStarted, Text, Progress, ToolStarted, ToolFinished, Todo, Usage, Retry,
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

struct ProbeSpec {
  // Commands to try in order until one identifies itself; each runs with a 15 s limit.
  struct Candidate {
    std::string executable;                 // name in PATH or absolute
    std::vector<std::string> version_args;  // prints the version
    std::vector<std::string> banner_args;   // output must contain `banner`; empty: not checked
    std::string banner;
    std::vector<std::string> login_args;  // tells the login state; empty: none needed
  };
  std::vector<Candidate> candidates;
};
struct ProbeOutput {  // of the first candidate that exists and shows its banner
  std::string executable;
  std::string version_out;
  int login_exit = 0;
  bool login_timed_out = false;
  std::string login_out;  // stdout and stderr
};
struct ProbeVerdict {
  enum class State { kReady, kMissing, kNeedsSetup };
  State state = State::kMissing;
  std::string version;
  std::string account;
  std::string message;  // what is wrong and the command that mends it
};

class Agent {
 public:
  virtual ~Agent() = default;
  virtual absl::string_view name() const = 0;
  virtual bool has_sessions() const = 0;
  virtual bool needs_repository() const = 0;
  // False: `command`. Then there is no stream, no first-event and no idle clock unless asked for.
  virtual bool has_stream() const = 0;
  virtual ProbeSpec Probe() const = 0;
  // `output` is absent when no candidate was found.
  virtual ProbeVerdict JudgeProbe(const std::optional<ProbeOutput>& output) const = 0;
  // argv that prints a new session id; empty: the agent has no such command.
  virtual std::vector<std::string> CreateSessionCommand(const AgentRun& run) const = 0;
  // The id in what that command printed; an error says what was printed instead.
  virtual absl::StatusOr<std::string> ParseSessionId(absl::string_view output) const = 0;
  virtual AgentCommand Command(const AgentRun& run) const = 0;
  virtual std::unique_ptr<StreamParser> NewParser() const = 0;
  // When the process ended without a usable result: what its stderr and exit say (login, trust,
  // missing model, …). kNone: nothing known, the general rule decides.
  virtual Verdict Diagnose(const ProcessEnd& process, absl::string_view stderr_tail) const = 0;
};

}  // namespace handoff
