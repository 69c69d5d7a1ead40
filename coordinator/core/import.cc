#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/core/edit_commands.h"

namespace handoff::core {

void MakeImported(const Imported& imported, absl::Time now, Handoff& handoff) {
  handoff.attempts.clear();
  for (int number = 1; number <= imported.attempts; ++number) {
    Attempt attempt;
    attempt.number = number;
    attempt.state = AttemptState::kCancelled;
    attempt.created_at = now;
    handoff.attempts.push_back(std::move(attempt));
  }
  for (const EditSections::Section& section : imported.sections) {
    const int version = static_cast<int>(handoff.edits.size()) + 1;
    handoff.edits.push_back({version, section.section, section.text, handoff.owner, now});
  }
  handoff.status = HandoffStatus::kInteractive;
  handoff.taken_by = handoff.owner;
  handoff.taken_at = now;
  handoff.reason = absl::StrCat("Imported by ", handoff.owner,
                                " from a handoff.md that was kept by hand; what ran before did not "
                                "run here.");
}

}  // namespace handoff::core
