#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status.h"
#include "common/text.h"
#include "coordinator/core/draft.h"
#include "coordinator/core/edit_commands.h"
#include "coordinator/core/limits.h"
#include "coordinator/core/refusal.h"
#include "coordinator/core/scheduler.h"

namespace handoff::core {
namespace {

using Sections = std::vector<EditSections::Section>;

// The edit that counts; nullptr: nobody ever wrote that section.
const SectionEdit* LastEdit(const Handoff& handoff, const std::string& section) {
  const auto last = std::find_if(handoff.edits.rbegin(), handoff.edits.rend(),
                                 [&](const SectionEdit& edit) { return edit.section == section; });
  return last == handoff.edits.rend() ? nullptr : &*last;
}

absl::Status Conflict(const Handoff& handoff, const SectionEdit& theirs) {
  return absl::AbortedError(absl::StrCat(theirs.author.empty() ? "somebody" : theirs.author,
                                         " changed the section '", theirs.section, "' of ",
                                         handoff.id, " meanwhile (edit ", theirs.version,
                                         "), and yours says something else. Nothing was stored: "
                                         "look at the newest with `handoff show ",
                                         "--md ", handoff.id, "`, and edit that."));
}

// Those that are not as asked for already. ABORTED when another person was quicker.
absl::StatusOr<Sections> NewOnes(const Handoff& known, const EditSections& command) {
  if (static_cast<size_t>(command.base_version) > known.edits.size()) {
    return absl::AbortedError(
        absl::StrCat("yours is based on edit ", command.base_version, " of ", known.id,
                     ", and there are only ", known.edits.size(),
                     ": the coordinator was restored. Nothing was stored: look at the newest "
                     "with `handoff show --md ",
                     known.id, "`, and edit that."));
  }
  Sections news;
  for (const EditSections::Section& wanted : command.sections) {
    const SectionEdit* const last = LastEdit(known, wanted.section);
    if ((last == nullptr ? "" : last->text) == wanted.text) continue;
    if (last != nullptr && last->version > command.base_version) return Conflict(known, *last);
    news.push_back(wanted);
  }
  return news;
}

absl::Status CheckBounds(const State& state, const Handoff& handoff, const Sections& news) {
  size_t more = 0, all = 0;
  for (const EditSections::Section& section : news) more += section.text.size();
  for (const SectionEdit& edit : handoff.edits) all += edit.text.size();
  if (handoff.edits.size() + news.size() > kMaxEdits || all + more > kMaxEditBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the sections of ", handoff.id, " have been edited ", handoff.edits.size(),
                     " times, with ", HumanBytes(all), " in all; at most ", kMaxEdits, " edits of ",
                     HumanBytes(kMaxEditBytes), " are kept. Nothing was stored: `handoff send ",
                     handoff.id, " MESSAGE` tells its agent something all the same."));
  }
  // What is at rest leaves memory again.
  return IsAtRest(handoff.status) ? absl::OkStatus()
                                  : CheckBytes(state, more, "Nothing was stored");
}

// "Edited by ada: Resume Prompt, Latest Summary."
std::string Story(const std::string& actor, const Sections& news) {
  std::vector<std::string> written, released;
  for (const EditSections::Section& section : news)
    (section.text.empty() ? released : written).push_back(section.section);
  const std::string by = actor.empty() ? "" : absl::StrCat(" by ", actor);
  const std::string edited =
      written.empty() ? "" : absl::StrCat("Edited", by, ": ", absl::StrJoin(written, ", "), ".");
  if (released.empty()) return edited;
  return absl::StrCat(edited, edited.empty() ? "" : " ", "Given back", by, ": ",
                      absl::StrJoin(released, ", "), ".");
}

}  // namespace

absl::StatusOr<Decision<EditSections::Reply>> Decide(const State& state,
                                                     const EditSections& command, absl::Time now) {
  const Handoff* known = state.FindHandoff(command.id);
  if (known == nullptr) return NoSuchHandoff(command.id);
  ASSIGN_OR_RETURN(const Sections news, NewOnes(*known, command));
  if (news.empty()) return Decision<EditSections::Reply>{{}, {*known}};
  RETURN_IF_ERROR(CheckBounds(state, *known, news));
  Draft draft(state, now);
  Handoff& handoff = draft.Touch(command.id);
  for (const EditSections::Section& section : news) {
    const int version = static_cast<int>(handoff.edits.size()) + 1;
    handoff.edits.push_back({version, section.section, section.text, command.actor, now});
  }
  draft.Tell("edited", handoff, Story(command.actor, news));
  Decision<EditSections::Reply> decision{{}, {handoff}};
  decision.edit = draft.Take();
  return decision;
}

}  // namespace handoff::core
