// Which files stay here unless a person says otherwise: those that look like secrets, and huge
// ones. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "absl/strings/string_view.h"

namespace handoff {

// "looks like a secret (.env)", or empty. By the name alone.
std::string SecretByName(absl::string_view path);
// The same by the content: a private key, a token of a package registry.
std::string SecretByContent(absl::string_view path, absl::string_view content);

// Whether `path` or a folder above it is one of `include`, which may be relative to the root or to
// `directory` (the folder below the root where the person stands).
bool IsIncluded(absl::string_view path, const std::set<std::string>& include,
                absl::string_view directory);
// Whether anything in `folder`, which ends with '/', can be: `include` has it, what is above it, or
// something below it.
bool IncludesBelow(absl::string_view folder, const std::set<std::string>& include,
                   absl::string_view directory);

}  // namespace handoff
