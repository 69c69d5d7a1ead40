// What the owner of a build host sets: flags for the few things that differ from host to host, a
// TOML file for the rest. Read once, then constant.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "worker/repo/repo_client.h"

namespace handoff::worker {

// [agents.NAME]
struct AgentConfig {
  // The agent whose command line and stream it speaks; empty: NAME is one of ours.
  std::string like;
  std::string binary;  // instead of the names that the adapter looks for
  std::vector<std::string> extra_args;
  std::map<std::string, std::string> env;
  // Attempts with this account at a time, in the whole pool; where the account is not known, on
  // this worker. 0: no limit.
  int max_parallel = 0;
  // [agents.NAME.timers]: what a handoff does not set itself.
  std::optional<absl::Duration> first_event, idle, tool_warning, finish_grace, hard_cap;
};

struct WorkerConfig {
  // Flags.
  std::string data_dir;
  std::string coordinator;  // empty: as it joined
  std::string name;         // the same
  int slots = 1;
  std::map<std::string, std::string> labels;
  std::string log_level = "info";

  // The file.
  std::string path;  // PATH of agents; empty: this daemon's
  // How a person reaches this host: argument of ssh. Unless set, this user at this host's name.
  std::string ssh;
  std::map<std::string, AgentConfig> agents;
  RepoCredentials repo;                               // [repo]
  absl::Duration keep_workspaces = absl::Hours(168);  // [keep] workspaces, after the last attempt
  // [disk] reserve; absent: 2 GiB or 5 % of the file system, whichever is less.
  std::optional<uint64_t> disk_reserve;
  absl::Duration orphan_timeout = absl::Hours(24);  // [lease] orphan_timeout
  absl::Duration summary_limit =
      absl::Minutes(5);                           // [summaries] limit: of the agent that makes one
  absl::Duration turn_limit = absl::Seconds(90);  // of one that somebody asked for; not in the file
  // [checkpoint] interval, max_file_bytes, max_pack_bytes: how often one is taken while the agent
  // runs; a larger file is left out of it; a larger pack stays on this worker.
  absl::Duration checkpoint_interval = absl::Minutes(5);
  uint64_t checkpoint_max_file_bytes = uint64_t{100} << 20;
  uint64_t checkpoint_max_pack_bytes = uint64_t{2} << 30;

  // Of that agent; an empty one when the file does not name it.
  const AgentConfig& agent(const std::string& name) const;
};

// Adds what the TOML file says to `config`. INVALID_ARGUMENT names the file, the line and the key:
// an unknown key is an error, since it would be a wish that nobody fulfils.
absl::Status ReadConfigFile(const std::string& path, WorkerConfig& config);

// "90s", "10m", "7d"; more than zero.
absl::StatusOr<absl::Duration> ParseConfigDuration(absl::string_view text);
// "500MB", "2GiB", "1048576".
absl::StatusOr<uint64_t> ParseConfigBytes(absl::string_view text);

}  // namespace handoff::worker
