// A runner of GitHub takes lines that a step prints for commands to it: "::add-mask::TEXT". What
// agents and repositories have put into ours must be none.
#pragma once

#include <atomic>
#include <string>

#include "cli/verb.h"

namespace handoff {

// While it lives the runner takes nothing that this process prints for a command. On stderr, also
// for what goes to stdout: the runner reads both, and stdout is what was asked for.
class CiFence {
 public:
  CiFence();
  ~CiFence();
  CiFence(const CiFence&) = delete;
  CiFence& operator=(const CiFence&) = delete;

  // Ends it while other threads may still print: nothing of theirs comes behind it.
  void EndForGood();

 private:
  void End(int fd, absl::string_view before);

  const std::string word_;  // that nobody guesses
  std::atomic<bool> ended_ = false;
};

// In a job of GitHub: until the command has ended, whichever way.
void FenceOffRunner(Context& context);

}  // namespace handoff
