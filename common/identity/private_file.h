// Files that hold keys: only for their owner, whole or not there, never through a link.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/identity/secret.h"

namespace handoff {

// 0600 and synced; replaces what was there.
absl::Status WritePrivateFile(const std::string& path, absl::string_view content);
// The same, but ALREADY_EXISTS, and nothing changed, when anything is there. Killed in between it
// leaves at most what IsHalfMade() knows.
absl::Status CreatePrivateFile(const std::string& path, absl::string_view content);
// Whether a call for a file `name` may have left `other` in its directory when it was killed.
bool IsHalfMade(absl::string_view other, absl::string_view name);

// NOT_FOUND when absent. FAILED_PRECONDITION, with what to do, for what others could read or write,
// what belongs to somebody else, a link, or anything but a file; RESOURCE_EXHAUSTED above
// max_bytes.
absl::StatusOr<Secret> ReadPrivateFile(const std::string& path, size_t max_bytes);

}  // namespace handoff
