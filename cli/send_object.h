// A file on its way to the coordinator, over its restarts and with what a person sees meanwhile.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/client.h"
#include "cli/snapshot/snapshot_pack.h"
#include "cli/terminal.h"

namespace handoff {

// Again while the coordinator is away, or while another command sends the same object. For what may
// be done twice. Ctrl-C ends the command meanwhile. `pause` waits in place of a sleep; false: that
// was the last try.
absl::Status RetryWhileAway(Terminal& terminal, const std::function<absl::Status()>& once,
                            const std::function<bool(absl::Duration)>& pause = nullptr);

// As an object, unless it is there already.
absl::Status SendObject(const PackFile& file, Client& client, Terminal& terminal);

}  // namespace handoff
