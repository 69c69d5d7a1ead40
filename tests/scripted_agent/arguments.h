// Cursor's command line, as far as workers use it, and where the script comes from.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/scripted_agent/script.h"

namespace handoff::scripted {

struct Arguments {
  std::string verb;  // create-chat, status, version, help, hold-on, run, or play (`play STEP...`)
  std::string session;
  std::string model;
  bool ask = false;    // --mode ask: it is to answer, and does so from a script of its own
  std::string prompt;  // of the last argument, else of stdin, read to its end; steps of `play`
};

// Reads stdin when the run has no prompt among its arguments, as the real one does.
absl::StatusOr<Arguments> ParseArguments(const std::vector<std::string>& argv);

// Of HANDOFF_SCRIPT, the prompt, or the steps; in mode ask of HANDOFF_TURN_SCRIPT where the prompt
// asks for two numbers, else the answer; of HANDOFF_SUMMARY_SCRIPT, else a summary that says
// nothing.
absl::StatusOr<std::vector<Step>> ReadScript(const Arguments& arguments);

}  // namespace handoff::scripted
