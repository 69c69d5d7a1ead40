// An attempt's logs on the person's side, which only grow.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "cli/client.h"
#include "cli/local_document.h"
#include "cli/terminal.h"

namespace handoff {

struct LogName {
  std::string id;
  int attempt = 0;
  bool checks = false;
  std::string File() const;  // "attempt-1.checks.log"
};

// Appends what is missing of the first `held` bytes, and what has come since; returns how much. One
// that is longer here stays as it is. FAILED_PRECONDITION: it is another log than the
// coordinator's, and was left alone.
absl::StatusOr<uint64_t> BringLog(const LogName& name, uint64_t held, const LocalDocument& local,
                                  Client& client, StreamCall& call, Terminal& terminal);

}  // namespace handoff
