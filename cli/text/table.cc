#include "cli/text/table.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace handoff {
namespace {

// The code point at the start of `text` and its bytes; text is valid UTF-8 (StripControls saw it),
// a stray byte counts as itself.
uint32_t NextCodePoint(absl::string_view text, size_t* bytes) {
  const unsigned char lead = static_cast<unsigned char>(text[0]);
  const size_t length = lead < 0x80    ? 1
                        : lead >= 0xf0 ? 4
                        : lead >= 0xe0 ? 3
                        : lead >= 0xc2 ? 2
                                       : 1;
  *bytes = std::min(length, text.size());
  if (*bytes == 1) return lead;
  uint32_t code = lead & (0xffu >> (length + 1));
  for (size_t i = 1; i < *bytes; ++i)
    code = (code << 6) | (static_cast<unsigned char>(text[i]) & 0x3f);
  return code;
}

struct Range {
  uint32_t first, last;
};

bool IsIn(uint32_t code, const Range* begin, const Range* end) {
  return std::any_of(begin, end, [&](Range r) { return code >= r.first && code <= r.last; });
}

int WidthOf(uint32_t code) {
  static constexpr std::array<Range, 6> kNothing = {{{0x300, 0x36f},
                                                     {0x483, 0x489},
                                                     {0x591, 0x5bd},
                                                     {0x1ab0, 0x1aff},
                                                     {0x20d0, 0x20ff},
                                                     {0xfe00, 0xfe0f}}};
  static constexpr std::array<Range, 9> kWide = {{{0x1100, 0x115f},
                                                  {0x2e80, 0x303e},
                                                  {0x3041, 0xa4cf},
                                                  {0xac00, 0xd7a3},
                                                  {0xf900, 0xfaff},
                                                  {0xfe30, 0xfe6f},
                                                  {0xff00, 0xff60},
                                                  {0x1f300, 0x1faff},
                                                  {0x20000, 0x3fffd}}};
  if (IsIn(code, kNothing.begin(), kNothing.end())) return 0;
  return IsIn(code, kWide.begin(), kWide.end()) ? 2 : 1;
}

constexpr int kGap = 2;
constexpr int kSmallest = 8;  // of a column in a terminal that is narrower than all were made for
constexpr int kUncut = 1 << 20;

int Sum(const std::vector<int>& widths) {
  int sum = 0;
  for (const int width : widths) sum += width < 0 ? 0 : width + kGap;
  return sum - kGap;
}

// Cuts columns from the right until they fit or each is at its least, `most` of it at most.
std::vector<int> Cut(const std::vector<Column>& columns, std::vector<int> widths, int width,
                     int most) {
  for (size_t i = columns.size(); i-- > 0 && Sum(widths) > width;) {
    if (widths[i] < 0 || columns[i].least == 0) continue;
    const int least = std::min({columns[i].least, most, widths[i]});
    widths[i] = std::max(least, widths[i] - (Sum(widths) - width));
  }
  return widths;
}

// Widths that fit; -1 for a column that is left out. First cuts, then drops, then cuts again; at
// last below what a column wants at least: a row that wraps is harder to read than a short cell.
std::vector<int> FitColumns(const std::vector<Column>& columns, std::vector<int> natural,
                            int width) {
  while (true) {
    const std::vector<int> fitted = Cut(columns, natural, width, kUncut);
    if (Sum(fitted) <= width) return fitted;
    int drop = -1;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (natural[i] < 0 || columns[i].keep == 0) continue;
      if (drop < 0 || columns[i].keep < columns[static_cast<size_t>(drop)].keep)
        drop = static_cast<int>(i);
    }
    if (drop < 0) return Cut(columns, fitted, width, kSmallest);
    natural[static_cast<size_t>(drop)] = -1;
  }
}

std::vector<int> NaturalWidths(const std::vector<Column>& columns,
                               const std::vector<std::vector<Cell>>& rows) {
  std::vector<int> widths(columns.size(), -1);
  for (const auto& row : rows) {
    for (size_t i = 0; i < columns.size(); ++i) {
      const int wide = DisplayWidth(row[i].text);
      if (wide > 0) widths[i] = std::max({widths[i], wide, DisplayWidth(columns[i].title)});
    }
  }
  return widths;
}

std::string RenderRow(const std::vector<Column>& columns, const std::vector<Cell>& row,
                      const std::vector<int>& widths, bool colour) {
  std::string line;
  std::string gap;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (widths[i] < 0) continue;
    const std::string text =
        columns[i].middle ? FitMiddle(row[i].text, widths[i]) : FitTo(row[i].text, widths[i]);
    const std::string fill(static_cast<size_t>(widths[i] - DisplayWidth(text)), ' ');
    const std::string painted = text.empty() ? "" : Paint(text, row[i].colour, colour);
    absl::StrAppend(&line, gap, columns[i].right ? fill : "", painted,
                    columns[i].right ? "" : fill);
    gap.assign(kGap, ' ');
  }
  return absl::StrCat(absl::StripTrailingAsciiWhitespace(line), "\n");
}

}  // namespace

int DisplayWidth(absl::string_view text) {
  int width = 0;
  while (!text.empty()) {
    size_t bytes = 0;
    width += WidthOf(NextCodePoint(text, &bytes));
    text.remove_prefix(bytes);
  }
  return width;
}

std::string FitTo(absl::string_view text, int width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  int used = 0;
  size_t at = 0;
  while (at < text.size()) {
    size_t bytes = 0;
    const int wide = WidthOf(NextCodePoint(text.substr(at), &bytes));
    if (used + wide > width - 1) break;
    used += wide;
    at += bytes;
  }
  return width < 1 ? "" : absl::StrCat(text.substr(0, at), "…");
}

std::string FitMiddle(absl::string_view text, int width) {
  const bool ascii = std::all_of(text.begin(), text.end(), [](char c) { return c >= 0; });
  const size_t room = static_cast<size_t>(std::max(width, 0));
  if (!ascii || text.size() <= room || room < 8) return FitTo(text, width);
  const size_t tail = room / 3;
  return absl::StrCat(text.substr(0, room - 1 - tail), "…", text.substr(text.size() - tail));
}

std::string Paint(absl::string_view text, Colour colour, bool enabled) {
  if (!enabled || colour == Colour::kNone) return std::string(text);
  static constexpr std::array<absl::string_view, 7> kCodes = {"", "1", "2", "31", "32", "33", "34"};
  return absl::StrCat("\x1b[", kCodes[static_cast<size_t>(colour)], "m", text, "\x1b[0m");
}

std::string RenderTable(const std::vector<Column>& columns,
                        const std::vector<std::vector<Cell>>& rows, int width, bool colour) {
  std::vector<int> widths = NaturalWidths(columns, rows);
  if (width > 0) widths = FitColumns(columns, std::move(widths), width);
  std::vector<Cell> titles;
  for (const Column& column : columns) titles.push_back({column.title, Colour::kBold});
  std::string out = RenderRow(columns, titles, widths, colour);
  for (const auto& row : rows) absl::StrAppend(&out, RenderRow(columns, row, widths, colour));
  return out;
}

}  // namespace handoff
