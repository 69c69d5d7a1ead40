// One question to an agent's CLI, in an empty directory and a mode in which it can only read: for a
// summary, or to see whether it can work at all.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/subprocess.h"
#include "worker/attempt.h"

namespace handoff {
namespace v1 {
class Facts_Usage;
}

namespace worker {

struct ReadingRun {
  std::string agent;
  std::string executable;  // of its probe
  std::string model;       // empty: the agent's default
  std::string dir;         // of this run alone; its work is below it
  Environment env;         // on top of the worker's; agent's configuration and adapter win
  std::string prompt;
  absl::Duration limit;
  bool own_words = false;  // the prompt has no word of anybody else
};

// What its stream told, and how it ended; without the secrets of its configuration.
struct Reading {
  std::vector<std::string> texts;
  std::optional<AgentEvent::Result> result;
  std::string model;
  std::string last_trouble;  // of which it told and went on
  AgentEvent::Usage usage;   // of all of it: the session is its own
  RunResult process;
};

// Makes the directory anew.
absl::Status MakeReadingDir(const std::string& dir);
// In a directory that was made. Blocks; what the CLI started is ended with it. FAILED_PRECONDITION
// when the agent has no such mode, CANCELLED when `interrupt` was raised.
absl::StatusOr<Reading> Read(const Surroundings& around, const Agent& agent, const ReadingRun& run,
                             const Signal& interrupt);

// What a daemon that was killed left of one.
void EndEarlierReading(const std::string& dir);

// Without a signal it has an exit status.
void FillUsage(const AgentEvent::Usage& usage, v1::Facts_Usage& out);
ProcessEnd EndOf(const RunResult& process);
bool WroteTooMuch(const RunResult& process);  // more than what is kept of it

}  // namespace worker
}  // namespace handoff
