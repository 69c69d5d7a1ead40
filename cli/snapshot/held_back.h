// Which files stay here unless a person says otherwise because they look like secrets. Pure.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace handoff {

// "looks like a secret (.env)", or empty. By the name alone; only names of data, never of sources
// or templates.
std::string SecretByName(absl::string_view path);
// The same by the first 64 KiB of the content: a private key, a token in the form of a known
// issuer, a login to a package registry.
std::string SecretByContent(absl::string_view path, absl::string_view content);

}  // namespace handoff
