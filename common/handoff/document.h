// handoff.md: a value, its one renderer and its one parser. Parse(Render(d)) == d for every
// Document whose fields are normal (see Normalise); a file made by the hand-made skill parses too.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace handoff {

struct Document {
  std::string id;
  // "Status" → "running", in order. The skill's seven first, then ours; unknown ones are kept.
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::string> commands;  // exact launch commands and comments, one an entry
  std::vector<std::string> logs;      // file names
  std::string facts;           // markdown below "## Facts"; empty: no such section (skill files)
  std::string latest_summary;  // markdown bodies, "- Pending." when there is nothing
  std::string what_it_tried;
  std::string files_touched;
  std::string errors;
  std::string next_step;
  std::string resume_prompt;    // plain text inside the fence
  std::string takeover_prompt;  // plain text inside the fence
  std::string final_outcome;
  friend bool operator==(const Document&, const Document&) = default;

  // The value of a metadata field, or "".
  absl::string_view Field(absl::string_view name) const;
};

// Bodies get a fence longer than any fence inside; headings inside bodies are escaped so that
// nothing an agent wrote can open a section of ours.
std::string Render(const Document& document);
// INVALID_ARGUMENT with the line when it is not a handoff.md. Sections may come in any order.
absl::StatusOr<Document> Parse(absl::string_view markdown);
// Trailing space and line ends as Render would leave them.
Document Normalise(Document document);

}  // namespace handoff
