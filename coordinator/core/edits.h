// The sections of handoff.md that a person holds. Plain values.
#pragma once

#include <string>

#include "absl/time/time.h"

namespace handoff::core {

// A section as a person left it. The last edit of a section counts; those before it are kept.
struct SectionEdit {
  int version = 0;      // from 1
  std::string section;  // heading without "## "
  std::string text;     // empty: the section is written by us again
  std::string author;
  absl::Time at = absl::InfinitePast();
  friend bool operator==(const SectionEdit&, const SectionEdit&) = default;
};

}  // namespace handoff::core
