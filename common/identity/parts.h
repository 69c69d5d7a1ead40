// Several byte strings as one, so that no other list of strings makes the same: each behind its
// length in two bytes, the higher one first.
#pragma once

#include <initializer_list>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/identity/secret.h"

namespace handoff {

// Each below 64 KiB.
Secret PackParts(std::initializer_list<absl::string_view> parts);
// Views into `packed`. Absent unless it is exactly `count` of them.
std::optional<std::vector<absl::string_view>> UnpackParts(absl::string_view packed, size_t count);

}  // namespace handoff
