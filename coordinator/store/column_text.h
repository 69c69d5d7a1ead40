// Maps, sets and lists as the text of one column: one line an entry, each between newlines, so that
// a search for one entry is a search for one line.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace handoff::rows {

std::string Encode(const std::map<std::string, std::string>& map);
std::string Encode(const std::set<std::string>& set);
std::string Encode(const std::vector<std::string>& list);  // in its order
// What Encode made, added to what is there.
void Decode(absl::string_view text, std::map<std::string, std::string>& map);
void Decode(absl::string_view text, std::set<std::string>& set);
void Decode(absl::string_view text, std::vector<std::string>& list);

// "\nkey=value\n": the line of one entry.
std::string EntryLine(absl::string_view key, absl::string_view value);

}  // namespace handoff::rows
