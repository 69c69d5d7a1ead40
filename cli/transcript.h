// An agent's log made readable: what it said, which tools it used and how they ended. Pure; fed
// with pieces as they come. Lines that are no events of a known stream come through as they are,
// without control sequences.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace handoff {

class Transcript {
 public:
  // `events`: the agent writes a stream of events; otherwise every line is text.
  Transcript(bool events, bool colour) : events_(events), colour_(colour) {}

  // Whole lines of what was fed so far, as text for a terminal.
  std::string Feed(absl::string_view bytes);
  // What is left without a newline.
  std::string End();

 private:
  std::string Line(absl::string_view line) const;

  bool events_, colour_;
  std::string partial_;
};

}  // namespace handoff
