// The workspace of a handoff on its worker, for a person who goes on there.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/verb.h"

namespace handoff {

namespace v1 {
class Handoff;
}

struct HostWork {
  std::string workspace;
  std::vector<std::string> command;  // argv of ssh
};
// Of one that was taken over on its host. FAILED_PRECONDITION: nobody knows how that is reached.
absl::StatusOr<HostWork> FindHostWork(const v1::Handoff& handoff, Context& context);

}  // namespace handoff
