// An agent's log made readable: what it said, which tools it used and how they ended. Pure; fed
// with pieces as they come. Lines that are no events of a known stream come through as they are,
// without control sequences.
#pragma once

#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace handoff {

// What one transcript remembers, and how it looks.
struct TranscriptState {
  bool colour = false;
  std::map<std::string, std::string> calls = {};  // in flight: id → "Bash ninja"
  std::string said = {};                          // of a text that comes in pieces
  std::string session = {};                       // the last that was told
};

class Transcript {
 public:
  // `events`: the agent writes a stream of events; otherwise every line is text.
  Transcript(bool events, bool colour) : events_(events), state_{colour} {}

  // Whole lines of what was fed so far, as text for a terminal.
  std::string Feed(absl::string_view bytes);
  // What is left without a newline.
  std::string End();

 private:
  std::string Line(absl::string_view line);
  std::string Cut();

  bool events_;
  TranscriptState state_;
  std::string partial_;
  bool skipping_ = false;  // the rest of a line that was cut
};

}  // namespace handoff
