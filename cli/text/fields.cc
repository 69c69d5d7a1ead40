#include "cli/text/fields.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace handoff {
namespace {

constexpr int kLabelWidth = 11;

}  // namespace

std::string Wrap(absl::string_view text, int width, int indent) {
  if (width <= 0) return std::string(text);
  const int room = std::max(width - indent, 20);
  std::string out;
  int used = 0;
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    const int wide = DisplayWidth(word);
    if (used > 0 && used + 1 + wide > room) {
      absl::StrAppend(&out, "\n", std::string(static_cast<size_t>(indent), ' '));
      used = 0;
    } else if (used > 0) {
      out.push_back(' ');
      ++used;
    }
    absl::StrAppend(&out, word);
    used += wide;
  }
  return out;
}

std::string WrapLines(absl::string_view text, int width) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (std::string& line : lines) {
    if (!line.empty() && line[0] != ' ') line = Wrap(line, width, 0);
  }
  return absl::StrJoin(lines, "\n");
}

void Fields::Add(absl::string_view label, absl::string_view value, Colour colour) {
  if (value.empty()) return;
  const std::string fill(static_cast<size_t>(std::max(1, kLabelWidth - DisplayWidth(label))), ' ');
  absl::StrAppend(&text_, Paint(label, Colour::kDim, view_.colour), fill,
                  Paint(Wrap(value, view_.width, kLabelWidth), colour, view_.colour), "\n");
}

void Fields::AddMore(absl::string_view value, Colour colour) {
  // What it is indented by belongs to each of its lines.
  const size_t spaces = std::min(value.find_first_not_of(' '), value.size());
  const int indent = kLabelWidth + static_cast<int>(spaces);
  absl::StrAppend(&text_, std::string(static_cast<size_t>(indent), ' '),
                  Paint(Wrap(value.substr(spaces), view_.width, indent), colour, view_.colour),
                  "\n");
}

void Fields::Line(absl::string_view text) { absl::StrAppend(&text_, text, "\n"); }

}  // namespace handoff
