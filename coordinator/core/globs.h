// Patterns over names, as people write them in a configuration.
#pragma once

#include "absl/strings/string_view.h"

namespace handoff::core {

// Whether all of `text` is as `pattern` says: '*' stands for any run of characters, '/' included,
// '?' for exactly one, everything else for itself; there are no classes and nothing is escaped.
// At most pattern times text steps, without recursion.
bool MatchesGlob(absl::string_view pattern, absl::string_view text);

}  // namespace handoff::core
