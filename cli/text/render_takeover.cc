#include "cli/text/render_takeover.h"

#include "absl/strings/str_cat.h"
#include "cli/text/words.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

std::string Person(const v1::Handoff& handoff) { return OneLine(handoff.taken_by(), 128); }

std::string Since(const v1::Handoff& handoff, const View& view) {
  const std::string age = Age(TimeOf(handoff.taken_at()), view.now);
  return age.empty() ? "" : absl::StrCat(" since ", age);
}

void AddGiveBack(const v1::Handoff& handoff, std::vector<std::string>& lines) {
  lines.push_back(absl::StrCat("  give back   handoff return ", handoff.id(), " \"MESSAGE\""));
  lines.push_back(absl::StrCat("  or end it   handoff return ", handoff.id(), " --done"));
}

}  // namespace

std::string TakenWords(const v1::Handoff& handoff, const View& view) {
  if (handoff.taken_by().empty()) return "";
  if (handoff.status() != v1::Handoff::INTERACTIVE) {
    return absl::StrCat(Person(handoff), " gets it when the attempt has ended");
  }
  return absl::StrCat(Person(handoff), Since(handoff, view),
                      handoff.taken_on().empty() ? ", in a work tree of their own"
                                                 : absl::StrCat(", in the workspace on ",
                                                                OneLine(handoff.taken_on(), 64)));
}

void AddTaken(const v1::Handoff& handoff, const View& view, Fields& fields) {
  fields.Add("Taken by", TakenWords(handoff, view));
  const v1::Checkpoint& returned = handoff.returned();
  if (returned.commit().empty()) return;
  fields.Add("Returned", absl::StrCat(OneLine(returned.commit(), 64).substr(0, 10), ", ",
                                      Relative(TimeOf(returned.taken_at()), view.now),
                                      ", after attempt ", handoff.returned_after()));
}

std::vector<std::string> RenderTaken(const v1::Handoff& handoff, const Taken& taken,
                                     const View& view) {
  std::vector<std::string> lines = {absl::StrCat("handoff: ", handoff.id(), " is yours",
                                                 Since(handoff, view),
                                                 "; nothing of it runs until you give it back")};
  std::string what =
      absl::StrCat(" on branch ", OneLine(taken.branch, 200), " at ", taken.head.substr(0, 10));
  if (taken.existed) {
    what += ", as you left it";
  } else {
    absl::StrAppend(&what, ": ", taken.whose);
    if (taken.uncommitted > 0) {
      absl::StrAppend(&what, ", ", Plural(taken.uncommitted, "file"), " not committed");
    }
  }
  lines.push_back(absl::StrCat("  work tree   ", OneLine(taken.path, 1000), what));
  for (const std::string& note : taken.notes) {
    lines.push_back(absl::StrCat("  note        ", OneLine(note, 300)));
  }
  if (!taken.open.empty()) lines.push_back(absl::StrCat("  agent       ", taken.open));
  AddGiveBack(handoff, lines);
  return lines;
}

std::vector<std::string> RenderTakenOnHost(const v1::Handoff& handoff, const std::string& workspace,
                                           const View& view) {
  std::vector<std::string> lines = {
      absl::StrCat("handoff: ", handoff.id(), " is yours", Since(handoff, view), " on ",
                   OneLine(handoff.taken_on(), 64), "; nothing of it runs until you give it back"),
      absl::StrCat("  workspace   ", OneLine(workspace, 1000))};
  AddGiveBack(handoff, lines);
  return lines;
}

}  // namespace handoff
