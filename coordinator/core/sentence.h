// The pieces from which sentences for people are put together, so that all of them read alike.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff::core {

// "2026-11-20 23:35:06 UTC"
std::string TimeText(absl::Time time);
// "2026-11-20 23:35:06 UTC (in 12 s)"
std::string UntilText(absl::Time time, absl::Time now);
// `text` as a sentence: trimmed, with a full stop; "" stays "".
std::string Sentence(absl::string_view text);
// The first line that is not empty, at most 300 bytes of it.
std::string FirstLine(absl::string_view text);
// "1 worker", "3 workers"
std::string CountText(size_t count, absl::string_view noun);

// In [0, 1), the same for the same name and number: spreads retries without a random source.
double Jitter(absl::string_view name, int number);

}  // namespace handoff::core
