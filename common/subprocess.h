// A child process started with posix_spawn (never fork: the callers have threads). Passive: it does
// nothing by itself; the caller polls its descriptors. The destructor kills with SIGKILL and reaps.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/unique_fd.h"

namespace handoff {

struct SpawnOptions {
  std::vector<std::string> argv;  // argv[0] is a path, or a name looked up in this process's PATH
  std::vector<std::string> env;   // NAME=value, all of it: nothing is inherited
  std::string cwd;                // empty: this process's
  // Child descriptor ← our descriptor. 0, 1 and 2 that are not named are /dev/null; all others are
  // closed.
  std::vector<std::pair<int, int>> fds;
  bool new_session = true;
};

// `strings` as exec wants them, with a null pointer last; of use while they live.
std::vector<char*> ForExec(const std::vector<std::string>& strings);

struct ExitStatus {
  int code = 0;  // when signal is 0
  int signal = 0;
  bool ok() const { return signal == 0 && code == 0; }
};

class Subprocess {
 public:
  static absl::StatusOr<Subprocess> Spawn(const SpawnOptions& options);
  Subprocess(Subprocess&& other) noexcept;
  Subprocess& operator=(Subprocess&& other) noexcept;
  ~Subprocess();

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }  // readable when it ended
  void Signal(int signal) const;              // to the process
  void SignalGroup(int signal) const;         // to its process group (needs new_session)
  absl::StatusOr<ExitStatus> Wait();          // blocks, reaps
  pid_t Release();                            // no longer ours: neither killed nor reaped here

 private:
  Subprocess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  void KillAndReap();
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

// A pipe, both ends close-on-exec: {read, write}.
absl::StatusOr<std::pair<UniqueFd, UniqueFd>> MakePipe();

struct RunResult {
  ExitStatus status;
  std::string out;         // stdout, cut at 1 MiB
  std::string err;         // stderr, cut at 64 KiB
  bool timed_out = false;  // ended by us with its process group
};
// Runs to the end with stdin from `input`. Kills the process group after `timeout`. Output pipes
// that a grandchild holds open do not delay the answer by more than 1 s after the process ended.
// A byte on `cancel` (or its other end closed) kills it at once: CANCELLED.
absl::StatusOr<RunResult> RunProcess(SpawnOptions options, absl::string_view input,
                                     absl::Duration timeout, int cancel = -1);

// This process's environment as NAME=value.
std::vector<std::string> CurrentEnvironment();
// Absolute path of an executable `name` in PATH; NOT_FOUND otherwise.
absl::StatusOr<std::string> FindInPath(const std::string& name, const std::string& path);

}  // namespace handoff
