// Where things are for this person: the coordinator's address, their configuration, and what a
// repository wants. Reads files and a given environment; changes nothing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace handoff {

struct Places {
  std::string config_file;   // $XDG_CONFIG_HOME/handoff/config.toml
  std::string context_file;  // written by `handoff dev`: where its pool is
  std::string dev_data;      // default of `handoff dev --data-dir`
  std::string pools;         // beside config_file: a credential of each pool, by its id
  std::string current_pool;  // written by `handoff login`: the id of the pool that is meant
};

// Of NAME=value entries, "" when unset.
std::string FromEnvironment(const std::vector<std::string>& environment, const std::string& name);
Places PlacesFrom(const std::vector<std::string>& environment);

// What config.toml says about pools, or the file of a running `handoff dev`; all empty when it is
// not there. The address is one, or empty.
struct PoolSettings {
  std::string coordinator;
  std::string pool;         // id; in config.toml
  std::string credentials;  // their directory; of `handoff dev`
};
absl::StatusOr<PoolSettings> ReadConfig(const std::string& path);
absl::StatusOr<PoolSettings> ReadDevContext(const std::string& path);

// The flag, or else HANDOFF_COORDINATOR; "" when neither is given.
absl::StatusOr<std::string> AskedCoordinator(const std::string& flag,
                                             const std::vector<std::string>& environment);

// What `.handoff.toml` in a repository's root sets; empty fields are not set. Durations as written.
// Anybody who can write to the repository may have written it: its values are checked as a person's
// are, and it says nothing about where work goes, what of the person's goes with it, or to whom.
struct ProjectDefaults {
  std::string agent, model, timeout, deadline, stall_timeout, check_timeout;
  std::string summaries, summary_model;
  std::optional<int64_t> retries, check_retries;
  std::optional<bool> push;
  std::vector<std::string> checks;
  std::map<std::string, std::string> require, labels;
  std::string file;  // its path, for errors

  // "agent=claude, timeout=2h", fit to be shown; "" when it sets nothing.
  std::string ToString() const;
};
absl::StatusOr<ProjectDefaults> ReadProjectDefaults(const std::string& root);

// The work tree's root above `where`, by its .git; "" outside of a repository.
std::string RepositoryRoot(const std::string& where);

}  // namespace handoff
