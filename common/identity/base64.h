// base64url without padding (RFC 4648, section 5), without copies that stay.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "common/identity/secret.h"

namespace handoff {

Secret ToBase64Url(absl::string_view bytes);
// Absent for anything that ToBase64Url would not have made of the same bytes.
std::optional<Secret> FromBase64Url(absl::string_view text);

}  // namespace handoff
