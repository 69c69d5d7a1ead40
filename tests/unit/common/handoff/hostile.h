// Text out of pieces that mean something to Markdown or to us, from a seed.
#pragma once

#include <cstdint>
#include <iterator>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"

namespace handoff {

// What an agent, a person or an attacker may write, out of pieces that mean something to Markdown
// or to us.
class Hostile {
 public:
  explicit Hostile(uint32_t seed) : random_(seed) {}

  size_t Below(size_t n) { return random_() % n; }
  std::string Text() {
    std::string out;
    for (size_t n = Below(12); n > 0; --n) absl::StrAppend(&out, Line(), kEnds[Below(5)]);
    return out;
  }

 private:
  std::string Line() {
    std::string out(Below(6) < 4 ? 0 : Below(6), ' ');
    if (Below(5) == 0) out += std::string(Below(3), '\\');
    for (size_t n = Below(4); n > 0; --n) out += kPieces[Below(std::size(kPieces))];
    return out;
  }
  static constexpr const char* kEnds[] = {"\n", "\n", "\n\n", "\r\n", "\r"};
  static constexpr const char* kPieces[] = {
      "## Metadata", "## Facts",   "## resume PROMPT ",
      "# ",          "##",         "### x",
      "```",         "```",        "````",
      "~~~",         "~~~~~",      "bash",
      "- ",          "- Pending.", "- Status: x",
      "- `a.log`",   "`",          "---",
      "===",         "<!--",       "-->",
      "<pre>",       "word",       " ",
      "\t",          "\\",         "ä漢🙂",
      "\u2028",      "\x1b[31m",   "\v",
      "\xff\xfe",    "> quote",    "1. x",
      ":",           "\xc2\x85",   "# Background Agent Handoff: y"};
  std::mt19937 random_;
};

}  // namespace handoff
