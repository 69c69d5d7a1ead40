// A cgroup v2 directory below this process's own, for knowing, freezing and killing the processes
// of one attempt at once. No limits are set here. A value: a path that may exist.
//
// Also usable where v2 is mounted beside v1 (/sys/fs/cgroup/unified).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/unique_fd.h"

namespace handoff {

// How the name of an attempt's cgroup ends: by its directory, so that a copy of the directory has
// no claim to it. Empty when there is no such directory.
std::string CgroupNameEnd(const std::string& attempt_dir);

class Cgroup {
 public:
  // Where one of that name would be; nothing is made. UNAVAILABLE where there is no cgroup v2.
  static absl::StatusOr<Cgroup> BelowOwn(const std::string& name);
  explicit Cgroup(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  // Makes it, or takes an empty one again. Not OK where this host, container or account does not
  // allow its use; then there is none.
  absl::Status Create() const;
  bool Exists() const;
  absl::StatusOr<UniqueFd> OpenDirectory() const;

  absl::Status SetFrozen(bool frozen) const;
  bool IsFrozen() const;     // completely
  bool IsPopulated() const;  // it or one below it has a living process
  bool Contains(pid_t pid) const;
  absl::Status Kill() const;  // SIGKILL to all in it and below
  std::vector<pid_t> Processes() const;
  // CPU time of everything that was ever in it.
  absl::StatusOr<int64_t> CpuMillis() const;
  // With those below it. Needs to be empty of processes.
  absl::Status Remove() const;

 private:
  std::vector<Cgroup> Below() const;
  std::string path_;
};

}  // namespace handoff
