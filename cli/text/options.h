// Values of flags: parsed here, refused with a sentence that names the flag. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff {

// "90s", "10m", "2h", "1d", "1h30m"; more than nothing, not below `least` and at most 30 days, as
// the coordinator takes them.
absl::StatusOr<absl::Duration> ParseDuration(absl::string_view flag, absl::string_view text,
                                             absl::Duration least = absl::ZeroDuration());

// K=V pairs, each valid as a label; a key given twice is refused.
absl::StatusOr<std::map<std::string, std::string>> ParseLabels(
    absl::string_view flag, const std::vector<std::string>& pairs);

// NAME=V, or NAME whose value comes from `environment` (entries NAME=V).
absl::StatusOr<std::map<std::string, std::string>> ParseEnvironment(
    const std::vector<std::string>& entries, const std::vector<std::string>& environment);

// `text` as an id or a part of one: what can be in an id and no more.
absl::Status CheckIdPart(absl::string_view text);

}  // namespace handoff
