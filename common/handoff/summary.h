// What an agent answered that was asked to summarise a log: whether its sections parse, and which
// files and commands it names. Pure. Whether the log shows them, name_search.h says.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace handoff {

inline constexpr std::array<absl::string_view, 8> kSummarySections = {
    "Goal",          "What it tried",         "Files or areas touched",
    "Current state", "Errors or blockers",    "Recommended next step",
    "Resume prompt", "Headed takeover prompt"};
inline constexpr size_t kFirstPromptSection = 6;  // the last two are prompts: prose, not facts
inline constexpr size_t kMaxSummaryBytes = size_t{64} << 10;
inline constexpr size_t kMaxSummaryNames = 300;
inline constexpr size_t kMaxSummaryNameBytes = size_t{4} << 10;

struct ParsedSummary {
  std::array<std::string, kSummarySections.size()> bodies;  // in order, none empty
  std::vector<std::string> names;  // every file and command in them, as NamesIn gives them
};
// The eight sections in their order, under headings of any level, and no other beside them; what
// stands before the first is left out, and so is a fence round the whole. Control characters are
// removed. INVALID_ARGUMENT says why it is no summary, to go on from "cannot be used: ".
absl::StatusOr<ParsedSummary> ParseSummary(absl::string_view answer);

// With headings of level 3. ParseSummary(RenderSummary(s)) has the same bodies.
std::string RenderSummary(const ParsedSummary& summary);

// The files and commands that a section names, in order, each once: code spans, the lines of code
// blocks, and outside of them what looks like a path, a file, a flag or a well-known program. In
// `prompt`, a block without a language is prose. White space is folded; "./" before, and "/" and
// ":LINE" behind a file are dropped.
std::vector<std::string> NamesIn(absl::string_view body, bool prompt);

}  // namespace handoff
