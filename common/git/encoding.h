// git's attribute working-tree-encoding: text that lies in a work tree in another encoding than the
// UTF-8 which git stores. libgit2 knows nothing of it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/git/git.h"

namespace handoff {

// What the attributes say about `path`; empty: nothing, or UTF-8. `flags` are GIT_ATTR_CHECK_….
absl::StatusOr<std::string> WorkingTreeEncoding(git_repository* repo, const std::string& path,
                                                uint32_t flags);
// The same for a value that was read already.
std::string WorkingTreeEncoding(const char* attribute);

// INVALID_ARGUMENT for any encoding that is not converted here. Others may hide code that nobody
// looks at (iconv has had holes in exotic ones), and a repository chooses the name.
absl::Status CheckEncoding(const std::string& encoding);

// Both are byte for byte what git makes. FAILED_PRECONDITION: the bytes are not text in that
// encoding, or have a byte order mark where git allows none, or none where it wants one.
absl::StatusOr<std::string> EncodingToUtf8(absl::string_view content, const std::string& encoding);
absl::StatusOr<std::string> Utf8ToEncoding(absl::string_view content, const std::string& encoding);

}  // namespace handoff
