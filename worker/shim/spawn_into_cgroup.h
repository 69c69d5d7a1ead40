// Starts a process inside a cgroup.
#pragma once

#include <sys/types.h>

#include "absl/status/statusor.h"
#include "common/subprocess.h"

namespace handoff {

// As Subprocess::Spawn with a new session, but born in the cgroup whose directory is `cgroup`. For
// single-threaded programs only. options.fds names 0, 1 and 2, with sources above 2. UNIMPLEMENTED
// when the kernel or a filter has no clone3 for that; then nothing was started.
//
// posix_spawn knows no cgroup in glibc 2.36, and moving a process afterwards takes 6 to 19 ms on an
// idle host (the kernel waits for an RCU grace period), more than the whole start may take.
absl::StatusOr<pid_t> SpawnIntoCgroup(const SpawnOptions& options, int cgroup);

}  // namespace handoff
