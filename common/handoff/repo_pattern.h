// Patterns of repositories: to what a ci credential, a user or a worker is limited.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace handoff {

// By what patterns know a repository: "github.com/acme/tools" for https://github.com/acme/tools.git
// and for git@github.com:acme/tools. The host is in lower case, a port stays; a path on a disk
// begins with "/", and what is no address at all ("root:<commit>") stays as it is. Empty, which no
// pattern covers, for one that may lead elsewhere than it reads: with "..", an empty segment, an
// escape, a query.
std::string RepoName(absl::string_view url);

// `*` stands for any run of characters within one segment of a path, `**` for any run with its
// slashes; all else for itself, in the same case. A pattern covers the whole name:
// "github.com/acme/*" has none of the subgroups of acme, "github.com/acme/**" has all. Takes time
// of the order of both lengths multiplied, whatever the pattern.
bool MatchesGlob(absl::string_view pattern, absl::string_view name);
// Whether any of them covers the repository.
bool MatchesAnyRepo(const std::vector<std::string>& patterns, absl::string_view url);

}  // namespace handoff
