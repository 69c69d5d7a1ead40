// Numbers of bytes as people write them in a configuration.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace handoff {

// "1048576", "500MB", "2 GiB"; nothing when it is not such a number, or more than 2^63.
std::optional<uint64_t> ParseBytes(absl::string_view text);

}  // namespace handoff
