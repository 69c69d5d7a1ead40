// What /proc says about processes. Stateless; answers may be old when they arrive, so a signal is
// sent only to the very process that was seen (pid and start time).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace handoff {

struct ProcessInfo {
  pid_t pid = 0;
  pid_t parent = 0;
  char state = '?';       // as in /proc/PID/stat
  int64_t start = 0;      // clock ticks since boot; with the pid it names a process for good
  int64_t cpu_ticks = 0;  // user + system, its own and that of the children it waited for
  bool kernel = false;    // a thread of the kernel
  bool Is(const ProcessInfo& other) const { return pid == other.pid && start == other.start; }
  bool dead() const { return state == 'Z' || state == 'X'; }
  bool stopped() const { return state == 'T' || state == 't'; }
};

std::optional<ProcessInfo> ReadProcess(pid_t pid);
std::vector<ProcessInfo> AllProcesses();

// Those below (not including) the chosen roots, parents before children, without the dead.
std::vector<ProcessInfo> DescendantsOf(pid_t root);
// Those for which `is_root` is true and all below them, parents before children, without the dead.
std::vector<ProcessInfo> TreesOf(const std::function<bool(const ProcessInfo&)>& is_root);

// False when that process is gone, or is not ours to signal.
bool SignalProcess(const ProcessInfo& process, int signal);

// Of a NAME=value in an environment.
using EnvironmentTest = std::function<bool(absl::string_view)>;
// Whether one is in the environment with which the process was started. False when that may not be
// read; nullopt while it is in the middle of exec and has none yet.
std::optional<bool> HasEnvironment(const ProcessInfo& process, const EnvironmentTest& is_it);

// Bytes read and written by it and by the children it waited for; 0 when it may not be read.
uint64_t IoBytes(pid_t pid);

}  // namespace handoff
