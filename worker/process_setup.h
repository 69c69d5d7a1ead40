// What the whole daemon process is set to before its first thread.
#pragma once

#include <signal.h>

namespace handoff::worker {

// Blocks SIGTERM, SIGINT and SIGUSR1 for all threads to come, so that only sigwait gets them; few
// malloc arenas; descriptors enough for that many slots. Returns the blocked signals.
sigset_t SetUpProcess(int slots);

}  // namespace handoff::worker
