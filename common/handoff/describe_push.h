// What became of the push of an attempt, in words that handoff.md and the command share.
#pragma once

#include <functional>
#include <string>

#include "absl/strings/string_view.h"

namespace handoff {

namespace v1 {
class Attempt;
class Handoff;
}  // namespace v1

// "0123456789 to refs/heads/handoff/x"; "" when there is nothing to say. `quote` makes the words of
// a remote safe where they go.
std::string PushWords(const v1::Handoff& handoff, const v1::Attempt& attempt,
                      const std::function<std::string(absl::string_view)>& quote);

}  // namespace handoff
