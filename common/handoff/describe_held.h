// What people hold of a handoff's document, out of the record's edits.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/handoff/document.h"

namespace handoff {

namespace v1 {
class Handoff;
class SectionEdit;
}  // namespace v1

// The edit that stands in the section of that heading; nullptr: nobody holds it, and we write it.
const v1::SectionEdit* HeldEdit(const v1::Handoff& handoff, absl::string_view heading);

// "Latest Summary (ada, 2026-11-20T23:45:49Z), Resume Prompt (…)"; empty: nobody holds any.
std::string HeldText(const v1::Handoff& handoff);

// Puts them in place of ours, with nothing added.
void PutHeld(const v1::Handoff& handoff, Document& document);

}  // namespace handoff
