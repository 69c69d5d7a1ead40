// "Label      value" lines with the value wrapped at the width. Pure.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "cli/text/table.h"
#include "cli/text/view.h"

namespace handoff {

// At spaces; a word longer than a line stays whole. Lines after the first begin with `indent`
// spaces. `width` 0: no wrapping.
std::string Wrap(absl::string_view text, int width, int indent);

// Each line of `text` wrapped, but for those that begin with a space: what is laid out, or to be
// copied.
std::string WrapLines(absl::string_view text, int width);

class Fields {
 public:
  explicit Fields(const View& view) : view_(view) {}

  // Nothing for an empty value. `value` is one clean line.
  void Add(absl::string_view label, absl::string_view value, Colour colour = Colour::kNone);
  // A line below the value of the last field.
  void AddMore(absl::string_view value, Colour colour = Colour::kNone);
  void Line(absl::string_view text);
  void Text(absl::string_view lines) { text_.append(lines.data(), lines.size()); }
  void Blank() { text_.push_back('\n'); }
  std::string Take() { return std::move(text_); }

 private:
  const View& view_;
  std::string text_;
};

}  // namespace handoff
