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
};

// Of NAME=value entries, "" when unset.
std::string FromEnvironment(const std::vector<std::string>& environment, const std::string& name);
Places PlacesFrom(const std::vector<std::string>& environment);
// The person as the pool knows them: USER, otherwise the account's name.
std::string OwnerFrom(const std::vector<std::string>& environment);

// The address that such a file sets; "" when it is not there or sets none.
absl::StatusOr<std::string> CoordinatorIn(const std::string& path);

// Flag, then HANDOFF_COORDINATOR, then config.toml, then the running `handoff dev`. UNAVAILABLE
// that says the ways to give it when there is none.
absl::StatusOr<std::string> ResolveCoordinator(const std::string& flag,
                                               const std::vector<std::string>& environment);

// What `.handoff.toml` in a repository's root sets; empty fields are not set. Durations as written.
struct ProjectDefaults {
  std::string agent, model, timeout, deadline, stall_timeout, check_timeout;
  std::string summaries, summary_model;
  std::optional<int64_t> retries, check_retries;
  std::optional<bool> push;
  std::vector<std::string> checks;
  std::map<std::string, std::string> require, labels;
  std::string file;  // its path, for errors

  // "agent=claude, timeout=2h"; "" when it sets nothing.
  std::string ToString() const;
};
absl::StatusOr<ProjectDefaults> ReadProjectDefaults(const std::string& root);

// The work tree's root above `where`, by its .git; "" outside of a repository.
std::string RepositoryRoot(const std::string& where);

}  // namespace handoff
