// Text in columns. Pure. Widths are those of a terminal: a wide character counts two, a combining
// one nothing.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace handoff {

int DisplayWidth(absl::string_view text);
// At most `width` columns, cut with "…".
std::string FitTo(absl::string_view text, int width);
// The same, cut in the middle. Only for ASCII.
std::string FitMiddle(absl::string_view text, int width);

enum class Colour { kNone, kBold, kDim, kRed, kGreen, kYellow, kBlue };
std::string Paint(absl::string_view text, Colour colour, bool enabled);

struct Cell {
  std::string text;  // one line without controls
  Colour colour = Colour::kNone;
};

struct Column {
  std::string title;
  int least = 0;        // columns it may be cut down to; 0: never cut
  int keep = 0;         // dropped when space is short, smallest first; 0: never dropped
  bool right = false;   // numbers
  bool middle = false;  // cut in the middle: both ends tell one from another
};

// `width` 0: nothing is cut or dropped. Columns that are empty in every row are left out. The last
// column takes what is left.
std::string RenderTable(const std::vector<Column>& columns,
                        const std::vector<std::vector<Cell>>& rows, int width, bool colour);

}  // namespace handoff
