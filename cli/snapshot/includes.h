// What a person named with --include, as paths of the work tree.
#pragma once

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace handoff {

// The paths of `named` from `root`, which is free of symlinks. Each is absolute, or relative to
// `directory` (where the person stands, from the root) or to the root. INVALID_ARGUMENT for one
// that leads out of the work tree or names nothing in it: a typing error would hold a file back
// that the person counts on.
absl::StatusOr<std::set<std::string>> ResolveIncludes(const std::set<std::string>& named,
                                                      const std::string& root,
                                                      const std::string& directory);

// Whether `path` or a folder above it is one of `include`, which are paths from the root.
bool IsIncluded(absl::string_view path, const std::set<std::string>& include);
// Whether anything in `folder`, which ends with '/', can be: `include` has it, what is above it, or
// something below it.
bool IncludesBelow(absl::string_view folder, const std::set<std::string>& include);

}  // namespace handoff
