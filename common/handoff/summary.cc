#include "common/handoff/summary.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/handoff/markdown.h"
#include "common/text.h"

namespace handoff {
namespace {

size_t Run(absl::string_view text, char c) {
  size_t n = 0;
  while (n < text.size() && text[n] == c) ++n;
  return n;
}

struct Fence {
  char mark = 0;  // 0: the line is none
  size_t length = 0;
  absl::string_view info;
};
Fence FenceOf(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  if (line.empty() || (line[0] != '`' && line[0] != '~')) return {};
  const size_t length = Run(line, line[0]);
  const absl::string_view info = absl::StripAsciiWhitespace(line.substr(length));
  if (length < 3 || absl::StrContains(info, '`')) return {};
  return {line[0], length, info};
}

// Follows fences from line to line.
class Fences {
 public:
  // Whether the line belongs to a fenced block, its fences included.
  bool Take(absl::string_view line) {
    const Fence fence = FenceOf(line);
    if (open_.mark == 0) {
      open_ = fence;
      return fence.mark != 0;
    }
    const bool closes =
        fence.mark == open_.mark && fence.length >= open_.length && fence.info.empty();
    if (closes) open_ = {};
    return true;
  }

 private:
  Fence open_;
};

struct Heading {
  size_t level = 0;
  std::string title;  // without numbers and marks around
};
std::optional<Heading> HeadingOf(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  const size_t level = Run(line, '#');
  if (level == 0 || level > 6 || level == line.size() || line[level] != ' ') return std::nullopt;
  absl::string_view title = absl::StripAsciiWhitespace(line.substr(level));
  const size_t digits = title.find_first_not_of("0123456789");
  if (digits != absl::string_view::npos && digits > 0 &&
      (title[digits] == '.' || title[digits] == ')')) {
    title.remove_prefix(digits + 1);
  }
  constexpr absl::string_view kMarks = " \t*_#:";
  while (!title.empty() && absl::StrContains(kMarks, title.front())) title.remove_prefix(1);
  while (!title.empty() && absl::StrContains(kMarks, title.back())) title.remove_suffix(1);
  return Heading{level, std::string(title)};
}

// Index of the section; the number of sections when it is none of them.
size_t SectionOf(absl::string_view title) {
  const auto found = std::find_if(
      kSummarySections.begin(), kSummarySections.end(),
      [&](absl::string_view section) { return absl::EqualsIgnoreCase(section, title); });
  return static_cast<size_t>(found - kSummarySections.begin());
}

// Some agents put all that they answer into one fence.
std::vector<absl::string_view> Unwrapped(absl::string_view text) {
  std::vector<absl::string_view> lines = Lines(text);
  const auto blank = [](absl::string_view l) { return absl::StripAsciiWhitespace(l).empty(); };
  while (!lines.empty() && blank(lines.back())) lines.pop_back();
  size_t first = 0;
  while (first < lines.size() && blank(lines[first])) ++first;
  if (lines.size() - first < 2) return lines;
  const Fence open = FenceOf(lines[first]);
  const Fence close = FenceOf(lines.back());
  const bool whole = open.mark != 0 && close.mark == open.mark && close.info.empty() &&
                     (open.info.empty() || open.info == "markdown" || open.info == "md");
  if (!whole) return lines;
  lines.pop_back();
  lines.erase(lines.begin(), lines.begin() + static_cast<ptrdiff_t>(first) + 1);
  return lines;
}

absl::Status Refused(absl::string_view why) { return absl::InvalidArgumentError(why); }

// The lines of each section, headings not included.
absl::Status Split(const std::vector<absl::string_view>& lines, ParsedSummary& summary) {
  constexpr size_t kAll = kSummarySections.size();
  size_t next = 0;  // section that must come next
  size_t level = 0;
  Fences fences;
  for (const absl::string_view line : lines) {
    const bool fenced = fences.Take(line);
    const auto heading = fenced ? std::nullopt : HeadingOf(line);
    const size_t section = heading ? SectionOf(heading->title) : kAll;
    const bool stranger = heading && section == kAll && next > 0 && heading->level <= level;
    if (stranger) {
      return Refused(absl::StrCat("it has a section '", OneLine(heading->title, 80),
                                  "' that was not asked for"));
    }
    if (section < kAll) {
      if (section != next) {
        return Refused(absl::StrCat("its section '", kSummarySections[std::min(section, next)],
                                    section < next ? "' comes twice or too late" : "' is missing"));
      }
      if (next++ == 0) level = heading->level;
    } else if (next > 0) {
      absl::StrAppend(&summary.bodies[next - 1], line, "\n");
    }
  }
  if (next == kAll) return absl::OkStatus();
  return Refused(absl::StrCat("its section '", kSummarySections[next], "' is missing"));
}

}  // namespace

absl::StatusOr<ParsedSummary> ParseSummary(absl::string_view answer) {
  if (absl::StripAsciiWhitespace(answer).empty()) return Refused("it is empty");
  if (answer.size() > kMaxSummaryBytes) {
    return Refused(absl::StrCat("it has ", HumanBytes(answer.size()), ", and at most ",
                                HumanBytes(kMaxSummaryBytes), " are kept"));
  }
  if (!IsValidUtf8(answer)) return Refused("it is not UTF-8 text");
  const std::string text = TrimText(StripControls(answer));
  ParsedSummary summary;
  const absl::Status split = Split(Unwrapped(text), summary);
  if (!split.ok()) return split;
  for (size_t i = 0; i < summary.bodies.size(); ++i) {
    std::string& body = summary.bodies[i];
    body = TrimText(body);
    if (body.empty()) {
      return Refused(absl::StrCat("its section '", kSummarySections[i], "' is empty"));
    }
    for (std::string& name : NamesIn(body, i >= kFirstPromptSection)) {
      const auto& names = summary.names;
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      if (name.size() > kMaxSummaryNameBytes) return Refused("it quotes more than 4 KiB at once");
      summary.names.push_back(std::move(name));
    }
  }
  if (summary.names.size() <= kMaxSummaryNames) return summary;
  return Refused(absl::StrCat("it names ", summary.names.size(),
                              " files and commands, and at most ", kMaxSummaryNames,
                              " are looked for"));
}

std::string RenderSummary(const ParsedSummary& summary) {
  std::string out;
  for (size_t i = 0; i < summary.bodies.size(); ++i) {
    absl::StrAppend(&out, i == 0 ? "" : "\n\n", "### ", kSummarySections[i], "\n\n",
                    summary.bodies[i]);
  }
  return out;
}

}  // namespace handoff
