// handoff.md and the logs of a handoff, beside the work of the person who took it over.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/verb.h"

namespace handoff {

namespace v1 {
class Handoff;
}

struct HandoffFiles {
  std::string document;  // handoff.md
  int version = 0;       // of the last edit in it
  std::string prompt;    // its Headed Takeover Prompt
  struct Log {
    std::string name;  // attempt-1.log
    std::string path;  // where it is now
  };
  std::vector<Log> logs;
};
// From the coordinator, into files below `temp`. INTERNAL when handoff.md is none.
absl::StatusOr<HandoffFiles> BringFiles(const v1::Handoff& handoff, const std::string& temp,
                                        Context& context);

// Their names in the directory.
inline constexpr char kPromptFile[] = "takeover-prompt.md";
// Into .cursor/agent-handoffs/<id> of the work tree at `root`. A note, or "".
absl::StatusOr<std::string> PutFiles(const HandoffFiles& files, const std::string& root,
                                     const std::string& id);

}  // namespace handoff
