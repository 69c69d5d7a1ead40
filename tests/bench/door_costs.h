// What the door, and issuing certificates, cost in one process and on one thread.
#pragma once

#include "absl/time/time.h"

namespace handoff {

// With 10 and with 10,000 workers who joined.
void PrintDoorCosts(absl::Duration span);
void PrintIssuing(absl::Duration span);

}  // namespace handoff
