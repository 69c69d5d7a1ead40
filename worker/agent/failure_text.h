// What the error text of an agent CLI means. The CLIs have no error codes, so this knows the words
// that they and the services behind them use. Pure.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/handoff/outcome.h"

namespace handoff {

// kNone when nothing is known; else the class, the line in which it was found as the message, and
// for a quota the reset time when the line names one.
Verdict ClassifyErrorText(absl::string_view text);

// What an HTTP status of the model's service means for the agent; kNone when that depends on the
// words beside it. A service that fails (5xx) may be better elsewhere or later, as a network is.
FailureClass ClassOfStatus(int64_t status);

// Google's sentences about a key that it refuses: it does so with status 400, as with any bad
// request.
bool IsRefusedKey(absl::string_view message);

// The first absolute time in `text`: RFC 3339, a date (then its end, UTC), or Unix seconds.
// InfinitePast when there is none; relative times ("in 3 hours") need a clock and are not read.
absl::Time ResetTime(absl::string_view text);

// `time`, or InfinitePast when no quota is reset then: infinite, or of another century.
absl::Time SaneReset(absl::Time time);

}  // namespace handoff
