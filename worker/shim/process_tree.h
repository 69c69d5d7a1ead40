// The agent and everything that descends from it, seen from the shim, which is their subreaper: an
// orphan becomes the shim's child, so nothing leaves the tree. Owned by the shim; not thread-safe.
//
// With a cgroup the freeze and the kill are the kernel's, at once; what left the cgroup, and
// everything where there is none, is found by descent and signalled one by one. No call waits:
// Freeze and Kill are repeated by the caller until they say that it is done.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/subprocess.h"
#include "worker/shim/cgroup.h"
#include "worker/shim/proc_table.h"

namespace handoff {

class ProcessTree {
 public:
  // Becomes the subreaper of this process's descendants and says where the cgroup will be.
  explicit ProcessTree(const std::string& cgroup_name);

  absl::string_view isolation() const { return cgroup_ ? "cgroup v2" : "subreaper"; }
  std::string cgroup_path() const { return cgroup_ ? cgroup_->path() : ""; }

  // Makes the cgroup and starts the first process of the tree in it; without one where that is not
  // possible.
  absl::StatusOr<pid_t> Spawn(const SpawnOptions& options);

  // True when nothing of the tree can run.
  bool Freeze();
  // Only what Freeze stopped: what the agent had stopped itself stays so.
  void Thaw();
  // SIGTERM to every process, parents first: launchers do not pass it on, and a shell whose child
  // ended would begin its next command.
  void Terminate();
  // SIGKILL to every process, frozen ones too.
  void Kill();

  // Reaps what ended.
  struct Reaped {
    std::optional<int> first_status;  // as from waitpid
    bool none_left = false;           // no process of the tree exists any more
  };
  Reaped Reap();

  void RemoveCgroup();

 private:
  bool StopOutsideCgroup();

  std::optional<Cgroup> cgroup_;
  std::vector<ProcessInfo> stopped_;  // by us, parents first
  pid_t first_ = -1;
};

}  // namespace handoff
