#include "common/handoff/markdown.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/text.h"

namespace handoff {
namespace {

// Spaces before the first character, of which Markdown ignores up to three; 4 means code.
size_t Indent(absl::string_view line) {
  size_t n = 0;
  while (n < line.size() && n < 4 && line[n] == ' ') ++n;
  return n;
}

size_t Run(absl::string_view text, char c) {
  size_t n = 0;
  while (n < text.size() && text[n] == c) ++n;
  return n;
}

bool IsBlank(absl::string_view line) { return absl::StripAsciiWhitespace(line).empty(); }

struct Fence {
  char mark = 0;  // 0: the line is none
  size_t length = 0;
  bool can_close = false;  // nothing but the marks
};
Fence FenceOf(absl::string_view line) {
  const size_t indent = Indent(line);
  if (indent > 3 || indent == line.size()) return {};
  const char mark = line[indent];
  if (mark != '`' && mark != '~') return {};
  const size_t length = Run(line.substr(indent), mark);
  const absl::string_view info = line.substr(indent + length);
  if (length < 3 || (mark == '`' && absl::StrContains(info, '`'))) return {};
  return {mark, length, IsBlank(info)};
}

// For each line whether it belongs to a fenced block that is closed. One pass from behind tells for
// each line the longest closing fence that follows, so a thousand open fences cost no thousand
// searches.
std::vector<bool> FencedLines(const std::vector<absl::string_view>& lines) {
  std::vector<Fence> fences(lines.size());
  std::vector<size_t> closing_ticks(lines.size() + 1), closing_tildes(lines.size() + 1);
  for (size_t i = lines.size(); i-- > 0;) {
    fences[i] = FenceOf(lines[i]);
    const size_t closes = fences[i].can_close ? fences[i].length : 0;
    closing_ticks[i] = std::max(closing_ticks[i + 1], fences[i].mark == '`' ? closes : 0);
    closing_tildes[i] = std::max(closing_tildes[i + 1], fences[i].mark == '~' ? closes : 0);
  }
  std::vector<bool> fenced(lines.size(), false);
  for (size_t i = 0; i < lines.size(); ++i) {
    const Fence open = fences[i];
    const auto& closing = open.mark == '`' ? closing_ticks : closing_tildes;
    if (open.mark == 0 || closing[i + 1] < open.length) continue;
    fenced[i] = true;
    bool closed = false;
    while (!closed) {
      ++i;
      fenced[i] = true;
      closed =
          fences[i].can_close && fences[i].mark == open.mark && fences[i].length >= open.length;
    }
  }
  return fenced;
}

// True for text (indentation and backslashes are gone) that could begin something of its own.
bool IsStructure(absl::string_view text) {
  const size_t hashes = Run(text, '#');
  if (hashes == 1 || hashes == 2) {
    return text.size() == hashes || text[hashes] == ' ' || text[hashes] == '\t';
  }
  if (absl::StartsWith(text, "```") || absl::StartsWith(text, "~~~") || absl::StartsWith(text, "<"))
    return true;
  const char first = text.empty() ? '\0' : text[0];
  return (first == '-' || first == '=') && IsBlank(text.substr(Run(text, first)));
}

// Where a backslash goes into `line`, or is taken from; npos when the line needs none.
size_t EscapePosition(absl::string_view line, bool fenced, OpensSection opens_section) {
  if (fenced) return opens_section(line.substr(Run(line, '\\'))) ? 0 : absl::string_view::npos;
  const size_t indent = Indent(line);
  if (indent > 3) return absl::string_view::npos;
  const absl::string_view text = line.substr(indent);
  return IsStructure(text.substr(Run(text, '\\'))) ? indent : absl::string_view::npos;
}

std::string Escape(const std::vector<absl::string_view>& lines, const std::vector<bool>& fenced,
                   OpensSection opens_section) {
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out.push_back('\n');
    const size_t at = EscapePosition(lines[i], fenced[i], opens_section);
    if (at == absl::string_view::npos) {
      absl::StrAppend(&out, lines[i]);
    } else {
      absl::StrAppend(&out, lines[i].substr(0, at), "\\", lines[i].substr(at));
    }
  }
  return out;
}

std::string Unescape(const std::vector<absl::string_view>& lines, const std::vector<bool>& fenced,
                     OpensSection opens_section) {
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out.push_back('\n');
    const size_t at = EscapePosition(lines[i], fenced[i], opens_section);
    if (at == absl::string_view::npos || lines[i][at] != '\\') {
      absl::StrAppend(&out, lines[i]);
    } else {
      absl::StrAppend(&out, lines[i].substr(0, at), lines[i].substr(at + 1));
    }
  }
  return out;
}

size_t LongestRun(absl::string_view text, char c) {
  size_t longest = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t run = Run(text.substr(i), c);
    longest = std::max(longest, run);
    i += run;
  }
  return longest;
}

}  // namespace

std::string TrimText(absl::string_view text) {
  const std::string unix_ends = absl::StrReplaceAll(text, {{"\r\n", "\n"}, {"\r", "\n"}});
  absl::string_view rest = absl::StripTrailingAsciiWhitespace(unix_ends);
  while (true) {
    const auto end = rest.find('\n');
    if (end == absl::string_view::npos || !IsBlank(rest.substr(0, end))) break;
    rest.remove_prefix(end + 1);
  }
  return std::string(rest);
}

std::vector<absl::string_view> Lines(absl::string_view text) { return absl::StrSplit(text, '\n'); }

std::string EscapeBody(absl::string_view body, OpensSection opens_section) {
  const auto lines = Lines(body);
  return Escape(lines, FencedLines(lines), opens_section);
}

std::string UnescapeBody(absl::string_view body, OpensSection opens_section) {
  const auto lines = Lines(body);
  return Unescape(lines, FencedLines(lines), opens_section);
}

std::string Fenced(absl::string_view info, absl::string_view text, OpensSection opens_section) {
  const std::string fence(std::max<size_t>(3, LongestRun(text, '`') + 1), '`');
  const auto lines = Lines(text);
  const std::vector<bool> all(lines.size(), true);
  return absl::StrCat(fence, info, "\n", Escape(lines, all, opens_section), "\n", fence);
}

std::string ParseFenced(absl::string_view body, OpensSection opens_section) {
  auto lines = Lines(body);
  const auto open =
      std::find_if(lines.begin(), lines.end(), [](auto line) { return FenceOf(line).mark != 0; });
  if (open != lines.end()) {
    const Fence fence = FenceOf(*open);
    // The last one that closes: a hand-made file may hold a prompt with fences of its own.
    const auto close = std::find_if(
        lines.rbegin(), std::make_reverse_iterator(open + 1), [&](absl::string_view line) {
          const Fence f = FenceOf(line);
          return f.mark == fence.mark && f.can_close && f.length >= fence.length;
        });
    if (close != std::make_reverse_iterator(open + 1)) lines.erase(std::next(close).base());
    lines.erase(open);
  }
  const std::vector<bool> all(lines.size(), true);
  return TrimText(Unescape(lines, all, opens_section));
}

std::string InlineCode(absl::string_view text, size_t max_bytes) {
  const std::string line = OneLine(text, max_bytes);
  const size_t ticks = LongestRun(line, '`');
  if (ticks == 0 && !line.empty()) return absl::StrCat("`", line, "`");
  const std::string fence(ticks + 1, '`');
  return absl::StrCat(fence, " ", line, " ", fence);
}

}  // namespace handoff
