#include "common/handoff/document_edits.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/handoff/markdown.h"
#include "common/handoff/sections.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr absl::string_view kAgentChanged = "the agent changed handoff.md: ";

bool SameText(absl::string_view a, absl::string_view b) {
  if (a == b) return true;
  const auto lines_a = Lines(a), lines_b = Lines(b);
  return std::equal(lines_a.begin(), lines_a.end(), lines_b.begin(), lines_b.end(),
                    [](absl::string_view x, absl::string_view y) {
                      return absl::StripTrailingAsciiWhitespace(x) ==
                             absl::StripTrailingAsciiWhitespace(y);
                    });
}

bool SameMetadata(const Document& a, const Document& b) {
  return std::equal(a.metadata.begin(), a.metadata.end(), b.metadata.begin(), b.metadata.end(),
                    [](const auto& x, const auto& y) {
                      return x.first == y.first && SameText(x.second, y.second);
                    });
}

bool Same(const Section& section, const Document& a, const Document& b) {
  switch (section.kind) {
    case SectionKind::kMetadata:
      return SameMetadata(a, b);
    case SectionKind::kCommands:
      return SameText(absl::StrJoin(a.commands, "\n"), absl::StrJoin(b.commands, "\n"));
    case SectionKind::kLogs:
      return a.logs == b.logs;
    case SectionKind::kFacts:
    case SectionKind::kBody:
    case SectionKind::kPrompt:
      return SameText(a.*section.text, b.*section.text);
  }
  return false;
}

}  // namespace

std::vector<std::string> DifferingSections(const Document& a, const Document& b) {
  std::vector<std::string> differing;
  for (const Section& section : kSections) {
    if (!Same(section, a, b)) differing.emplace_back(section.heading);
  }
  return differing;
}

absl::StatusOr<std::vector<SectionText>> ChangedSections(const Document& base,
                                                         const Document& edited) {
  if (base.id != edited.id) {
    return absl::InvalidArgumentError(absl::StrCat(
        "this is the handoff.md of ", OneLine(edited.id, 80),
        ", and the one that it is based on is of ", OneLine(base.id, 80), ". Nothing was stored"));
  }
  std::vector<SectionText> changed;
  for (const std::string& heading : DifferingSections(base, edited)) {
    const Section& section = *FindSection(heading);
    if (!section.writable()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the section '", heading,
          "' differs, and nobody may write that but Handoff itself. "
          "Nothing was stored: leave Metadata, Commands, Logs and Facts as they are; every section "
          "below them is yours to edit"));
    }
    const std::string& text = edited.*section.text;
    if (text.size() > kMaxSectionBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("the section '", heading, "' has ", HumanBytes(text.size()),
                       "; at most 64 KiB are kept. "
                       "Nothing was stored: put long material into a file of the repository"));
    }
    changed.push_back({heading, text == kPending ? "" : text});
  }
  return changed;
}

std::string AgentsChange(const std::set<std::string>& sections) {
  if (sections.empty()) return "";
  return absl::StrCat(kAgentChanged, absl::StrJoin(sections, ", "), "; that is not taken over");
}

bool IsAgentsChange(absl::string_view note) { return absl::StartsWith(note, kAgentChanged); }

}  // namespace handoff
