#include "common/handoff/document.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/handoff/markdown.h"
#include "common/handoff/sections.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr absl::string_view kTitle = "# Background Agent Handoff:";

// The section that `line` opens, or nullptr.
const Section* SectionOf(absl::string_view line) {
  if (!absl::ConsumePrefix(&line, "## ")) return nullptr;
  return FindSection(absl::StripAsciiWhitespace(line));
}

bool OpensOurs(absl::string_view line) { return SectionOf(line) != nullptr; }

// A capital letter first, so that a list inside a task ("- do this: …") is not taken for a field.
bool IsFieldName(absl::string_view name) {
  if (name.empty() || name.size() > 40 || !absl::ascii_isupper(name[0]) || name.back() == ' ') {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == ' ' || c == '/' || c == '_' || c == '-';
  });
}

std::string NormalText(absl::string_view text) {
  std::string trimmed = TrimText(text);
  return trimmed == kPending ? "" : trimmed;
}

std::string NormalLog(absl::string_view name) {
  std::string line = absl::StrReplaceAll(name, {{"\r", " "}, {"\n", " "}});
  absl::string_view rest = absl::StripAsciiWhitespace(line);
  const bool quoted = rest.size() > 2 && rest.front() == '`' && rest.back() == '`' &&
                      !absl::StrContains(rest.substr(1, rest.size() - 2), '`');
  if (quoted) rest = absl::StripAsciiWhitespace(rest.substr(1, rest.size() - 2));
  return std::string(rest);
}

std::vector<std::string> CommandLines(absl::string_view text) {
  const std::string normal = NormalText(text);
  if (normal.empty()) return {};
  return absl::StrSplit(normal, '\n');
}

// Several lines stay one readable list item: the first after the name, the others indented.
std::string RenderMetadata(const Document& document) {
  std::string out;
  for (const auto& [name, value] : document.metadata) {
    absl::StrAppend(&out, "- ", name, ":");
    bool first = true;
    for (const absl::string_view line : Lines(value)) {
      if (first) {
        absl::StrAppend(&out, line.empty() ? "" : " ", line, "\n");
      } else {
        absl::StrAppend(&out, line.empty() ? "" : "  ", line, "\n");
      }
      first = false;
    }
  }
  return out.empty() ? absl::StrCat(kPending, "\n") : out;
}

std::string RenderLogs(const Document& document) {
  std::string out;
  for (const std::string& log : document.logs) {
    const char* quote = absl::StrContains(log, '`') ? "" : "`";
    absl::StrAppend(&out, "- ", quote, log, quote, "\n");
  }
  return out.empty() ? absl::StrCat(kPending, "\n") : out;
}

std::string RenderFenced(absl::string_view info, const std::string& text) {
  return absl::StrCat(text.empty() ? std::string(kPending) : Fenced(info, text, OpensOurs), "\n");
}

std::string RenderSection(const Section& section, const Document& document) {
  switch (section.kind) {
    case SectionKind::kMetadata:
      return RenderMetadata(document);
    case SectionKind::kCommands:
      return RenderFenced("bash", absl::StrJoin(document.commands, "\n"));
    case SectionKind::kLogs:
      return RenderLogs(document);
    case SectionKind::kPrompt:
      return RenderFenced("text", document.*section.text);
    case SectionKind::kFacts:
    case SectionKind::kBody:
      return absl::StrCat(EscapeBody(document.*section.text, OpensOurs), "\n");
  }
  return "";
}

absl::Status BadLine(size_t line, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("not a handoff.md: line ", line, ": ", what, ". Nothing of it was taken"));
}

// Lines of the section that starts after line number `first` (from 1, the heading's).
absl::Status ParseMetadata(const std::vector<absl::string_view>& lines, size_t first,
                           Document* document) {
  size_t blanks = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    absl::string_view line = lines[i];
    absl::string_view field = line;
    const size_t colon = line.find(':');
    const bool is_field = absl::ConsumePrefix(&field, "- ") && colon != absl::string_view::npos &&
                          IsFieldName(line.substr(2, colon - 2)) &&
                          (colon + 1 == line.size() || line[colon + 1] == ' ');
    if (is_field) {
      absl::string_view value = line.substr(colon + 1);
      absl::ConsumePrefix(&value, " ");
      document->metadata.emplace_back(line.substr(2, colon - 2), value);
      blanks = 0;
    } else if (absl::StripAsciiWhitespace(line).empty() && !absl::StartsWith(line, "  ")) {
      ++blanks;
    } else if (document->metadata.empty()) {
      if (line == kPending) continue;
      return BadLine(first + i + 1, "expected '- Name: value'");
    } else {
      absl::ConsumePrefix(&line, "  ");
      absl::StrAppend(&document->metadata.back().second, std::string(blanks + 1, '\n'), line);
      blanks = 0;
    }
  }
  return absl::OkStatus();
}

void ParseLogs(const std::vector<absl::string_view>& lines, Document* document) {
  for (absl::string_view line : lines) {
    if (line == kPending) continue;
    absl::ConsumePrefix(&line, "- ");
    document->logs.emplace_back(line);
  }
}

absl::Status ParseSection(const Section& section, const std::vector<absl::string_view>& lines,
                          size_t first, Document* document) {
  const std::string body = absl::StrJoin(lines, "\n");
  switch (section.kind) {
    case SectionKind::kMetadata:
      return ParseMetadata(lines, first, document);
    case SectionKind::kCommands:
      document->commands = CommandLines(ParseFenced(body, OpensOurs));
      break;
    case SectionKind::kLogs:
      ParseLogs(lines, document);
      break;
    case SectionKind::kPrompt:
      document->*section.text = ParseFenced(body, OpensOurs);
      break;
    case SectionKind::kFacts:
    case SectionKind::kBody:
      document->*section.text = UnescapeBody(TrimText(body), OpensOurs);
      break;
  }
  return absl::OkStatus();
}

absl::Status ParseTitle(const std::vector<absl::string_view>& lines, size_t* at,
                        Document* document) {
  while (*at < lines.size() && absl::StripAsciiWhitespace(lines[*at]).empty()) ++*at;
  absl::string_view title = *at < lines.size() ? lines[*at] : "";
  if (!absl::ConsumePrefix(&title, kTitle) || absl::StripAsciiWhitespace(title).empty()) {
    return BadLine(std::min(*at + 1, lines.size()), absl::StrCat("expected '", kTitle, " <id>'"));
  }
  document->id = std::string(absl::StripAsciiWhitespace(title));
  ++*at;
  while (*at < lines.size() && absl::StripAsciiWhitespace(lines[*at]).empty()) ++*at;
  if (*at < lines.size() && SectionOf(lines[*at]) != nullptr) return absl::OkStatus();
  return BadLine(*at + 1, "expected '## Metadata' or another section of handoff.md");
}

}  // namespace

const Section* FindSection(absl::string_view heading) {
  const auto found = std::find_if(kSections.begin(), kSections.end(), [&](const Section& s) {
    return absl::EqualsIgnoreCase(s.heading, heading);
  });
  return found == kSections.end() ? nullptr : &*found;
}

absl::string_view Document::Field(absl::string_view name) const {
  for (const auto& [field, value] : metadata) {
    if (field == name) return value;
  }
  return "";
}

Document Normalise(Document document) {
  document.id = OneLine(document.id, 200);
  std::vector<std::pair<std::string, std::string>> metadata;
  for (auto& [name, value] : document.metadata) {
    if (!IsFieldName(name)) continue;
    metadata.emplace_back(name, std::string(absl::StripAsciiWhitespace(TrimText(value))));
  }
  document.metadata = std::move(metadata);
  document.commands = CommandLines(absl::StrJoin(document.commands, "\n"));
  std::vector<std::string> logs;
  for (const std::string& log : document.logs) {
    std::string name = NormalLog(log);
    if (!name.empty() && name != "Pending.") logs.push_back(std::move(name));
  }
  document.logs = std::move(logs);
  for (const Section& section : kSections) {
    if (section.text == nullptr) continue;
    std::string& text = document.*section.text;
    text = section.kind == SectionKind::kPrompt ? NormalText(text) : TrimText(text);
    if (text.empty() && section.kind == SectionKind::kBody) text = std::string(kPending);
  }
  return document;
}

std::string Render(const Document& document) {
  const Document normal = Normalise(document);
  std::string out = absl::StrCat(kTitle, " ", normal.id, "\n");
  for (const Section& section : kSections) {
    if (section.kind == SectionKind::kFacts && normal.facts.empty()) continue;
    absl::StrAppend(&out, "\n## ", section.heading, "\n", RenderSection(section, normal));
  }
  return out;
}

absl::StatusOr<Document> Parse(absl::string_view markdown) {
  absl::ConsumePrefix(&markdown, "\xef\xbb\xbf");
  const std::string text = absl::StrReplaceAll(markdown, {{"\r\n", "\n"}, {"\r", "\n"}});
  const std::vector<absl::string_view> lines = Lines(text);
  Document document;
  size_t at = 0;
  if (absl::Status status = ParseTitle(lines, &at, &document); !status.ok()) return status;
  std::map<absl::string_view, size_t> seen;
  while (at < lines.size()) {
    const Section& section = *SectionOf(lines[at]);
    const size_t heading = at + 1;
    if (!seen.emplace(section.heading, heading).second) {
      return BadLine(heading, absl::StrCat("a second section '", section.heading, "'"));
    }
    std::vector<absl::string_view> body;
    for (++at; at < lines.size() && SectionOf(lines[at]) == nullptr; ++at)
      body.push_back(lines[at]);
    absl::Status status = ParseSection(section, body, heading, &document);
    if (!status.ok()) return status;
  }
  if (seen.count("Metadata") == 0)
    return BadLine(lines.size(), "there is no section '## Metadata'");
  return Normalise(std::move(document));
}

}  // namespace handoff
