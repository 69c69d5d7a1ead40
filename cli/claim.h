// Making a handoff a person's.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/verb.h"

namespace handoff {

namespace v1 {
class Handoff;
}

struct ClaimOptions {
  std::string id;  // as the person typed it
  bool stop = false;
  bool on_host = false;
  std::string temp;  // removed when Ctrl-C ends the command meanwhile
};
// The handoff once it is INTERACTIVE and this person's: waits until an attempt that is being
// stopped has ended. What is theirs already is not asked for again. Absent: they left with Ctrl-C,
// and were told how to go on. FAILED_PRECONDITION: it was taken away, or ended, meanwhile.
absl::StatusOr<std::optional<v1::Handoff>> Claim(const v1::Handoff& before,
                                                 const ClaimOptions& options, Context& context);

}  // namespace handoff
