// What a person has in their hands, and what they gave back.
#include "absl/strings/str_cat.h"
#include "common/handoff/describe_sections.h"
#include "common/handoff/markdown.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {

std::string HandsText(const v1::Handoff& handoff) {
  if (handoff.taken_by().empty()) return "";
  std::string out = InlineCode(handoff.taken_by(), 80);
  if (handoff.has_taken_at())
    absl::StrAppend(&out, " since ", TimeText(handoff.taken_at().seconds()));
  if (!handoff.taken_on().empty())
    absl::StrAppend(&out, ", in its workspace on ", InlineCode(handoff.taken_on(), 80));
  return out;
}

std::string ReturnedLine(const v1::Handoff& handoff) {
  const std::string after = absl::StrCat("after attempt ", handoff.returned_after());
  if (!handoff.has_returned())
    return absl::StrCat("A person worked in the workspace itself ", after);
  const v1::Checkpoint& work = handoff.returned();
  std::string out = absl::StrCat("A person's work, given back ", after, ": ",
                                 InlineCode(work.commit().substr(0, 10), 10));
  if (work.has_taken_at()) absl::StrAppend(&out, ", taken ", TimeText(work.taken_at().seconds()));
  if (!work.session().empty()) absl::StrAppend(&out, ", with the agent's session");
  return out;
}

bool WentOnFromReturned(const v1::Handoff& handoff, const v1::Attempt& attempt) {
  return handoff.has_returned() && attempt.from_attempt() == handoff.returned_after() &&
         attempt.from_commit() == handoff.returned().commit();
}

std::string SinceThenText(const HandoffView& view) {
  const int after = view.handoff().returned_after();
  if (after == 0 || (view.latest() != nullptr && after < view.latest()->number())) return "";
  return "A person has worked on it since then. Look at the state of the work (git status, git "
         "log) before you go on.";
}

}  // namespace handoff
