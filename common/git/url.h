// Addresses of repositories: what is accepted, what is shown. Pure.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace handoff {

// Accepted: https, http, ssh, git and file URLs, user@host:path, and absolute paths.
// INVALID_ARGUMENT otherwise, and for control characters, a leading '-', a remote helper ("ext::"),
// a password.
absl::Status ValidateRepositoryUrl(absl::string_view url);

// Without user and password for http(s), without the password otherwise.
std::string WithoutCredentials(absl::string_view url);

// The address that a submodule's relative url ("./x", "../x") means in a repository that came from
// `base`; any other url unchanged.
std::string ResolveSubmoduleUrl(absl::string_view base, absl::string_view url);

// Path on this host for an absolute path or a file URL; empty for all others.
std::string LocalPathOf(absl::string_view url);

// "host" or "host:port" of a URL, lower case; empty for local ones.
std::string HostOf(absl::string_view url);

}  // namespace handoff
