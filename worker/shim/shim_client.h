// The daemon's side of a shim. Not thread-safe: the attempt's runner owns it.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/unique_fd.h"
#include "worker/shim/shim_files.h"

namespace handoff {

// What the files of an attempt directory say after the daemon was away (see shim_files.h).
enum class ShimFate {
  kNeverStarted,  // no shim.pid, lock free, same boot: prepare and spawn again
  kAlive,         // lock held: Adopt. Whatever else is there may be the agent's forgery
  kExited,        // exit.json, lock free: the status is in it
  kLost,  // shim.pid but no exit.json, lock free: shim killed, or the host was booted again;
          // or there is no such directory any more
};
absl::StatusOr<ShimFate> ClassifyShim(const std::string& attempt_dir, const std::string& boot_id);
// Whether what the directory says is of this boot: shim.json, or DIR/boot before there was one.
// Files are not synced, so of an earlier boot any may be missing, and what is missing proves
// nothing.
absl::StatusOr<bool> IsOfThisBoot(const std::string& attempt_dir, const std::string& boot_id);
// shim.pid; all zero when it cannot be read.
ShimStarted ReadShimStarted(const std::string& attempt_dir);

class ShimClient {
 public:
  // Locks DIR/lock, writes DIR/shim.json, spawns the program and waits until it answers.
  // FAILED_PRECONDITION when the lock is held.
  static absl::StatusOr<std::unique_ptr<ShimClient>> Launch(const std::string& shim_program,
                                                            const std::string& attempt_dir,
                                                            const ShimSpec& spec);
  // Connects to a living one (another daemon spawned it).
  static absl::StatusOr<std::unique_ptr<ShimClient>> Adopt(const std::string& attempt_dir);
  ~ShimClient();  // disconnects; the shim goes on

  int fd() const;  // poll for POLLIN
  struct LogGrew {
    uint64_t bytes = 0;
  };
  struct StateChanged {
    std::string state;
  };
  // The shim ended. Without an exit exit.json has the status, or it was killed.
  struct Gone {
    std::optional<ShimExit> exit;
  };
  using Event = std::variant<LogGrew, StateChanged, Gone>;
  // Everything that arrived, without blocking.
  std::vector<Event> Receive();

  absl::Status Renew(BootTime deadline);
  // SIGTERM to the tree, SIGKILL after the grace. The first reason wins.
  absl::Status Stop(EndedBy as, const std::string& reason, absl::Duration grace);
  // The terminal event was seen: end the tree after `grace` unless Finish is called again before.
  // It was none after all: never, with an infinite one.
  absl::Status Finish(absl::Duration grace);
  // It tells its state again: a shim that is stopped does not.
  absl::Status AskState();
  // SIGKILL: for one that does not answer. Its tree is left to EndLeftovers, which finds more of it
  // while the shim lives.
  void Kill();

 private:
  struct Impl;
  explicit ShimClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Ends what a killed shim left behind: its cgroup, unless that was made for another directory, and
// every process whose environment has HANDOFF_ATTEMPT_DIR=attempt_dir: id and epoch may be the same
// in another pool on this host, and the record may have been copied with the directory.
// Blocks until none is left or 5 s passed (then DEADLINE_EXCEEDED with the pids).
absl::Status EndLeftovers(const ShimStarted& started, const std::string& attempt_dir);
// The same for every directory below `attempts` that is none of `kept` and in none of them: shims
// too, for such a directory was removed and nothing can be adopted through it any more.
absl::Status EndStrays(const std::string& attempts, const std::set<std::string>& kept);

// CPU time and I/O bytes used so far by the tree (cgroup, or environ marker): two samples tell
// whether it works.
struct TreeUsage {
  int64_t cpu_ms = 0;
  uint64_t io_bytes = 0;
};
absl::StatusOr<TreeUsage> UsageOf(const ShimStarted& started);

std::string HostBootId();

}  // namespace handoff
