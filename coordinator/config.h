// What a coordinator is started with. Flags win over the environment over the file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "coordinator/core/quota.h"

namespace handoff {

struct Config {
  std::string data_dir;
  std::string listen = "127.0.0.1:7433";
  // Where others reach it, HOST:PORT each, for the lines that they paste; empty: by this host's
  // name where it listens on every interface, otherwise where it listens.
  std::vector<std::string> advertise;
  std::string log_level = "info";
  std::map<std::string, std::vector<std::string>> notify;  // key → argv
  // What ended so long ago is purged; infinite: nothing is by itself.
  absl::Duration retention_ended = absl::InfiniteDuration();
  core::Quotas quotas;
  // A unix socket on which accounts of this host come in; empty: none do but by certificate.
  std::string unix_socket;
  std::map<unsigned, std::string> unix_users;  // uid → user of the pool
};

// `toml` over `base`. Keys: data_dir, listen, advertise, log_level, [notify.KEY] with command =
// [TEXT…], [retention] with ended = DURATION, [quota] and [quota.owner.NAME] with live, queued,
// running, stored_bytes, submits_per_minute, submit_burst and weight, [unix] with socket = PATH and
// [unix.users] with UID = NAME.
// INVALID_ARGUMENT, with `name` and the line, for a key that is not known or has another value.
absl::StatusOr<Config> ParseConfig(absl::string_view toml, absl::string_view name, Config base);

// The same from a file.
absl::StatusOr<Config> LoadConfig(const std::string& path, Config base);

// INVALID_ARGUMENT with what to do when something is missing or makes no sense.
absl::Status Validate(const Config& config);

}  // namespace handoff
