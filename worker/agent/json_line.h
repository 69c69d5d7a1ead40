// One line of an agent's stream as JSON, and its fields without exceptions. Agents put whole files
// and tool output into a line, so bytes that are not UTF-8 and lone surrogates do occur; they are
// replaced, since losing a terminal event for a bad character would fail good work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace handoff {

// As long as a line can be in the log.
inline constexpr size_t kLongestJsonLine = 64 << 20;

// Nothing when it is no JSON, longer than that, or nested too deeply. A document of small values
// takes many times the memory of its text, so in a line beyond 1 MiB lists are cut when there were
// 100,000 values: a tool's whole output may be in it, and what follows it must be found.
std::optional<nlohmann::json> ParseJsonLine(absl::string_view line);

// The member, or nullptr when `object` is none or has none.
const nlohmann::json* Member(const nlohmann::json& object, const char* key);
// A string member, or "".
std::string StringMember(const nlohmann::json& object, const char* key);
// A number, also one written as a string ("1790000000310").
std::optional<int64_t> IntMember(const nlohmann::json& object, const char* key);
bool BoolMember(const nlohmann::json& object, const char* key);

}  // namespace handoff
