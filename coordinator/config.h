// What a coordinator is started with. Flags win over the environment over the file.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace handoff {

struct Config {
  std::string data_dir;
  std::string listen = "127.0.0.1:7433";
  std::string log_level = "info";
};

// `toml` over `base`. Keys: data_dir, listen, log_level. INVALID_ARGUMENT, with `name` and the
// line, for a key that is not known or has no text as its value.
absl::StatusOr<Config> ParseConfig(absl::string_view toml, absl::string_view name, Config base);

// The same from a file.
absl::StatusOr<Config> LoadConfig(const std::string& path, Config base);

// INVALID_ARGUMENT with what to do when something is missing or makes no sense.
absl::Status Validate(const Config& config);

}  // namespace handoff
