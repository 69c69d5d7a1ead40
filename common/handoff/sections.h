// The sections of handoff.md, in its order.
#pragma once

#include <array>
#include <string>

#include "absl/strings/string_view.h"
#include "common/handoff/document.h"

namespace handoff {

// What stands in a section that has nothing to say.
inline constexpr absl::string_view kPending = "- Pending.";

inline constexpr absl::string_view kNextStepSection = "Recommended Next Step";
inline constexpr absl::string_view kResumePromptSection = "Resume Prompt";

enum class SectionKind { kMetadata, kCommands, kLogs, kFacts, kBody, kPrompt };
struct Section {
  absl::string_view heading;
  SectionKind kind;
  std::string Document::*text;  // of facts, bodies and prompts

  // A person may write bodies and prompts; all else is observed, and nobody writes it but us.
  bool writable() const { return kind == SectionKind::kBody || kind == SectionKind::kPrompt; }
};
inline constexpr std::array<Section, 12> kSections = {{
    {"Metadata", SectionKind::kMetadata, nullptr},
    {"Commands", SectionKind::kCommands, nullptr},
    {"Logs", SectionKind::kLogs, nullptr},
    {"Facts", SectionKind::kFacts, &Document::facts},
    {"Latest Summary", SectionKind::kBody, &Document::latest_summary},
    {"What It Tried", SectionKind::kBody, &Document::what_it_tried},
    {"Files Or Areas Touched", SectionKind::kBody, &Document::files_touched},
    {"Errors Or Blockers", SectionKind::kBody, &Document::errors},
    {kNextStepSection, SectionKind::kBody, &Document::next_step},
    {kResumePromptSection, SectionKind::kPrompt, &Document::resume_prompt},
    {"Headed Takeover Prompt", SectionKind::kPrompt, &Document::takeover_prompt},
    {"Final Outcome", SectionKind::kBody, &Document::final_outcome},
}};

// By its heading in any case; nullptr: there is none.
const Section* FindSection(absl::string_view heading);

}  // namespace handoff
