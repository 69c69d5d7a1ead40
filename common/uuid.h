// Random identifiers in the usual form (RFC 9562, version 4).
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace handoff {

std::string NewUuid();
// 8-4-4-4-12 hexadecimal digits, of any version.
bool IsUuid(absl::string_view text);

}  // namespace handoff
