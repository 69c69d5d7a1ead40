// The little Markdown that handoff.md needs: bodies that cannot reach out of their section, fences
// that hold any text, and inline code. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace handoff {

// Which headings are ours: true for a line that would open one of our sections.
using OpensSection = bool (*)(absl::string_view line);

// "\r\n" and "\r" become "\n"; blank lines before and white space after are dropped.
std::string TrimText(absl::string_view text);
std::vector<absl::string_view> Lines(absl::string_view text);

// A body keeps its Markdown, but every line outside a closed fence that could begin something of
// its own (a heading of level 1 or 2, also by underline, a fence that is never closed, raw HTML)
// gets a backslash, and so does each of our own headings inside a fence. Unescape(Escape(x)) == x.
std::string EscapeBody(absl::string_view body, OpensSection opens_section);
std::string UnescapeBody(absl::string_view body, OpensSection opens_section);

// `text` in a fence longer than any inside. ParseFenced gives it back; without a fence it is the
// whole text. Lines around a fence are kept: a person may have written beside it.
std::string Fenced(absl::string_view info, absl::string_view text, OpensSection opens_section);
std::string ParseFenced(absl::string_view body, OpensSection opens_section);

// Text from outside on one line, controls removed, at most max_bytes, as inline code.
std::string InlineCode(absl::string_view text, size_t max_bytes);

}  // namespace handoff
