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

}  // namespace handoff::core
