// How CLIs name the folder of a project after its directory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace handoff {

// As JavaScript holds it, since the names are made from that. Of what is no UTF-8 some units.
std::vector<uint16_t> Utf16(absl::string_view text);

// Every unit but ASCII letters and digits as '-'.
std::string Dashed(const std::vector<uint16_t>& units);

}  // namespace handoff
