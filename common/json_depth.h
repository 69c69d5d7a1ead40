// How deep the text of a JSON document nests, before it is one.
#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace handoff {

// Copies and comparisons of a document recurse: unbounded, a short line would take the whole stack.
inline constexpr size_t kMostJsonDepth = 256;

// Exact for valid JSON; of anything else the parser takes only what is before its first error.
bool IsTooDeepJson(absl::string_view text);

}  // namespace handoff
