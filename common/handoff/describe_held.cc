#include "common/handoff/describe_held.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/handoff/describe_sections.h"
#include "common/handoff/sections.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {

const v1::SectionEdit* HeldEdit(const v1::Handoff& handoff, absl::string_view heading) {
  const auto& edits = handoff.edits();
  const auto last = std::find_if(edits.rbegin(), edits.rend(), [&](const v1::SectionEdit& edit) {
    return edit.section() == heading;
  });
  return last == edits.rend() || last->text().empty() ? nullptr : &*last;
}

std::string HeldText(const v1::Handoff& handoff) {
  std::vector<std::string> items;
  for (const Section& section : kSections) {
    const v1::SectionEdit* held = HeldEdit(handoff, section.heading);
    if (held == nullptr || !section.writable()) continue;
    const std::string author = OneLine(held->author(), 80);
    items.push_back(absl::StrCat(section.heading, " (", author, author.empty() ? "" : ", ",
                                 TimeText(held->at().seconds()), ")"));
  }
  return absl::StrJoin(items, ", ");
}

void PutHeld(const v1::Handoff& handoff, Document& document) {
  for (const Section& section : kSections) {
    const v1::SectionEdit* held = HeldEdit(handoff, section.heading);
    if (held != nullptr && section.writable()) document.*section.text = held->text();
  }
}

}  // namespace handoff
