// What somebody changed in a handoff.md. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/handoff/document.h"

namespace handoff {

inline constexpr size_t kMaxDocumentBytes = 1 << 20;
inline constexpr size_t kMaxSectionBytes = 64 << 10;  // that a person writes

struct SectionText {
  std::string section;  // heading
  std::string text;     // empty: it is to be written by us again
  friend bool operator==(const SectionText&, const SectionText&) = default;
};

// Headings of the sections that differ, in the document's order. White space at line ends does not
// count: many editors remove it from the whole file.
std::vector<std::string> DifferingSections(const Document& a, const Document& b);

// What `edited` changes in `base`. INVALID_ARGUMENT with a sentence when that is a section that a
// person may not write, one above its bound, or the document of another handoff.
absl::StatusOr<std::vector<SectionText>> ChangedSections(const Document& base,
                                                         const Document& edited);

// The note about an agent that wrote into its copy of the document; "" when it changed nothing.
std::string AgentsChange(const std::set<std::string>& sections);
bool IsAgentsChange(absl::string_view note);

}  // namespace handoff
