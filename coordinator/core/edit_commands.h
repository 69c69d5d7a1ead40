// What a person writes into handoff.md, as a command.
#pragma once

#include <string>
#include <vector>

#include "coordinator/core/handoff.h"

namespace handoff::core {

// Sections as a person left them. What is at rest is paged in by the engine.
struct EditSections {
  struct Section {
    std::string section;  // heading
    std::string text;     // empty: it is written by us again
  };
  std::string id;
  int base_version = 0;  // of the last edit that the person had before them
  std::vector<Section> sections;
  std::string actor;
  struct Reply {
    Handoff handoff;
  };
};

// What a record that was kept by hand brings along: a person has it until they return it.
struct Imported {
  int attempts = 1;                             // that ran before, elsewhere
  std::vector<EditSections::Section> sections;  // theirs from the beginning
};
// Of a handoff that is about to be added.
void MakeImported(const Imported& imported, absl::Time now, Handoff& handoff);

}  // namespace handoff::core
