// What the shim and the worker daemon say to each other: files in the attempt's directory and lines
// on a socket. Everything is JSON. Written by atomic rename, not synced: the files must survive the
// death of processes; a reboot of the host invalidates them (boot_id).
//
//   boot         the host's boot id, written by the daemon when it made the directory
//   lock         flock held by the shim for its whole life (the daemon takes it, the shim inherits
//                the descriptor)
//   shim.json    ShimSpec, written by the daemon before the spawn
//   shim.pid     ShimStarted, written by the shim right before it starts the agent (agent_pid 0)
//                and again right after: from the first time on an agent may have run
//   log, idx     log of record; idx has one IndexRecord a chunk. A killed shim may leave a last
//                chunk in log that idx does not have
//   stderr.tail  last 16 KiB of stderr, written at the end
//   exit.json    ShimExit, written by the shim as its last act, when no process of the attempt is
//                left and the log is complete, before it lets go of the lock
//   sock         SOCK_SEQPACKET; one JSON object a packet, both ways. The newest connection wins
//
// Requests: {"op":"renew","deadline":NS}: sets the lease deadline (absolute CLOCK_BOOTTIME), thaws
//           {"op":"stop","as":N,"reason":"…","grace_ms":N}
//           {"op":"finish","grace_ms":N}
//           {"op":"state"}
// Events:   {"log":BYTES} after the log grew (coalesced), {"state":S} when it changed, when asked,
//           and at the begin of a connection. S: running; disk_low (the pipes are not read until
//           there is space, the agent waits); frozen; stopping; stopping_disk_low; exited
//           {"state":"exited","exit":{…}} last: what exit.json says, for a daemon that watches
//           while the directory is gone
//
// The agent knows the directory and may write or remove what it wants in it: a record counts only
// once its shim is gone (the lock is free), and whoever reads one ends what may be left.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/handoff/outcome.h"

namespace handoff {

struct ShimSpec {
  std::string handoff_id;
  int attempt = 0;
  uint64_t epoch = 0;
  std::vector<std::string> argv;
  std::vector<std::string>
      env;  // NAME=value, complete; HANDOFF_ID, HANDOFF_ATTEMPT ("id/epoch"), HANDOFF_ATTEMPT_DIR
  std::string cwd;
  std::string stdin_path;  // opened as stdin; empty: /dev/null
  std::string boot_id;
  int64_t lease_deadline_ns = 0;  // CLOCK_BOOTTIME; frozen from then on until renewed
  int64_t hard_cap_ns = 0;        // CLOCK_BOOTTIME, plus time spent frozen; then kHardCap; 0: none
  int64_t orphan_timeout_ns = 0;  // frozen for longer than this: ended as kOrphaned; 0: never
  uint64_t disk_reserve_bytes = 0;  // below this the pipes are not read: the agent waits
};

struct ShimStarted {
  int64_t pid = 0;        // of the shim
  int64_t pid_start = 0;  // its start time in /proc's ticks: a pid alone may be another's by now
  int64_t agent_pid = 0;
  std::string isolation;  // "cgroup v2" or "subreaper"
  std::string cgroup;     // its directory; empty without one
  int64_t boottime_ns = 0;
  int64_t wall_ms = 0;  // Unix time
};

struct ShimExit {
  std::optional<int> exit_code;
  int signal = 0;
  EndedBy ended_by = EndedBy::kItself;
  std::string reason;
  uint64_t log_bytes = 0;
  int64_t boottime_ns = 0;
  int64_t wall_ms = 0;
  int64_t cpu_ms = 0;       // user + system of the whole tree
  std::string spawn_error;  // the agent could not be started; then there was no process
};

// 24 bytes, little-endian as the host: {u64 offset, u32 length, u32 stream (1 or 2), i64
// boottime_ns}.
struct IndexRecord {
  uint64_t offset = 0;
  uint32_t length = 0;
  uint32_t stream = 0;
  int64_t boottime_ns = 0;
};
static_assert(sizeof(IndexRecord) == 24);

std::string Encode(const ShimSpec& spec);
std::string Encode(const ShimStarted& started);
std::string Encode(const ShimExit& exit);
absl::StatusOr<ShimSpec> DecodeShimSpec(const std::string& json);
absl::StatusOr<ShimStarted> DecodeShimStarted(const std::string& json);
absl::StatusOr<ShimExit> DecodeShimExit(const std::string& json);

}  // namespace handoff
