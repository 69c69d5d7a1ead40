// What a person is told when they take a handoff over and give it back. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/text/fields.h"
#include "cli/text/view.h"

namespace handoff {

namespace v1 {
class Handoff;
}

// A work tree in which a person goes on.
struct Taken {
  std::string path;
  std::string branch, head;
  std::string whose;         // "attempt 2's work", "what was submitted"
  bool existed = false;      // it was there already and is as it was
  uint64_t uncommitted = 0;  // files
  std::string open;          // command of a shell that opens the agent; empty: there is none
  std::vector<std::string> notes;
};
// Lines without a newline at the end.
std::vector<std::string> RenderTaken(const v1::Handoff& handoff, const Taken& taken,
                                     const View& view);
std::vector<std::string> RenderTakenOnHost(const v1::Handoff& handoff, const std::string& workspace,
                                           const View& view);

// "alice has it since 5 min", "alice takes it over: …"; "" when nobody does.
std::string TakenWords(const v1::Handoff& handoff, const View& view);
// Who has it and where, and whose work was returned.
void AddTaken(const v1::Handoff& handoff, const View& view, Fields& fields);

}  // namespace handoff
