#include "common/man_page.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/text.h"
#include "common/version.h"

namespace handoff {
namespace {

// One character of `text` at `at`, which then is behind it; as \[uXXXX] beyond ASCII.
std::string TakeWide(absl::string_view text, size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  uint32_t point = lead & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    point = (point << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3fu);
  }
  at += length;
  return absl::StrCat("\\[u",
                      absl::AsciiStrToUpper(absl::StrCat(absl::Hex(point, absl::kZeroPad4))), "]");
}

std::string Bold(absl::string_view text) { return absl::StrCat("\\fB", RoffText(text), "\\fR"); }
std::string Italic(absl::string_view text) { return absl::StrCat("\\fI", RoffText(text), "\\fR"); }

// Each line with what keeps it from being a request.
std::string Lines(absl::string_view text) {
  std::string out;
  for (const absl::string_view line : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    absl::StrAppend(&out, "\\&", RoffText(line), "\n");
  }
  return out;
}

std::string Title(absl::string_view title) {
  return absl::StrCat(".SH ", RoffText(absl::AsciiStrToUpper(std::string(title))), "\n");
}

std::string Term(absl::string_view head, absl::string_view what) {
  return absl::StrCat(".TP\n", head, "\n\\&", what.empty() ? "" : RoffText(what), "\n");
}

// "\fB-f\fR, \fB--follow\fR", and the word for its value.
std::string HeadOf(const CLI::Option& option) {
  const bool valued = option.get_items_expected_max() > 0;
  const std::string value = valued ? option.get_type_name() : "";
  if (option.get_positional()) {
    const std::string name = Italic(option.get_single_name());
    return option.get_expected_max() > 1 ? absl::StrCat(name, " ...") : name;
  }
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back(Bold("-" + name));
  for (const std::string& name : option.get_lnames()) names.push_back(Bold("--" + name));
  return absl::StrCat(absl::StrJoin(names, ", "), value.empty() ? "" : " ",
                      value.empty() ? "" : Italic(value));
}

std::string NamesOf(const std::set<CLI::Option*>& options) {
  std::vector<std::string> names;
  for (const CLI::Option* option : options) names.push_back("--" + option->get_single_name());
  std::sort(names.begin(), names.end());  // the set is by address
  return absl::StrJoin(names, " or ");
}

std::string AboutOption(const CLI::Option& option) {
  std::string about = option.get_description();
  const auto add = [&](absl::string_view sentence, absl::string_view what) {
    if (!what.empty()) absl::StrAppend(&about, about.empty() ? "" : ". ", sentence, what);
  };
  if (option.get_required()) add("It has to be given", " ");
  if (option.get_items_expected_max() > 0) add("Unless given: ", option.get_default_str());
  const bool said = absl::StrContains(option.get_description(), "may be repeated");
  if (option.get_expected_max() > 1 && !option.get_positional() && !said)
    add("May be repeated", " ");
  add("Environment: ", option.get_envname());
  add("With ", NamesOf(option.get_needs()));
  add("Not with ", NamesOf(option.get_excludes()));
  about = std::string(absl::StripTrailingAsciiWhitespace(about));
  return absl::EndsWith(about, ".") ? about : about + ".";
}

// In the order in which they were declared, as --help has them.
std::string OptionsOf(const CLI::App& app, bool positional) {
  std::string out;
  for (const std::string& group : app.get_groups()) {
    std::string inside;
    for (const CLI::Option* option : app.get_options()) {
      if (option->get_group() != group || group.empty()) continue;
      if (option->get_positional() != positional) continue;
      absl::StrAppend(&inside, Term(HeadOf(*option), AboutOption(*option)));
    }
    if (inside.empty()) continue;
    if (group != "Options") absl::StrAppend(&out, ".SS ", RoffText(group), "\n");
    absl::StrAppend(&out, inside);
  }
  return out;
}

std::string SubcommandsOf(const CLI::App& app) {
  std::string out;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    absl::StrAppend(&out, ".SS ", RoffText(sub->get_name()), "\n", RoffText(sub->get_description()),
                    "\n", OptionsOf(*sub, false));
  }
  return out;
}

std::string SectionOf(const ManSection& section) {
  std::string out = Title(section.title);
  for (const absl::string_view paragraph : absl::StrSplit(section.text, "\n\n")) {
    if (!paragraph.empty()) absl::StrAppend(&out, ".PP\n", Lines(paragraph));
  }
  if (!section.lines.empty()) {
    absl::StrAppend(&out, ".PP\n.nf\n", Lines(section.lines), ".fi\n");
  }
  for (const auto& [term, what] : section.terms) absl::StrAppend(&out, Term(Bold(term), what));
  return out;
}

}  // namespace

std::string RoffText(absl::string_view text) {
  const std::string clean = EscapeInvalidUtf8(text);
  std::string out;
  for (size_t at = 0; at < clean.size();) {
    const char c = clean[at];
    if (static_cast<unsigned char>(c) >= 0x80) {
      absl::StrAppend(&out, TakeWide(clean, at));
      continue;
    }
    ++at;
    // A line that begins so is a request.
    if ((c == '.' || c == '\'') && out.empty()) out = "\\&";
    const absl::string_view shown = c == '\\'   ? "\\e"
                                    : c == '-'  ? "\\-"
                                    : c == '\'' ? "\\(aq"
                                    : c == '`'  ? "\\(ga"
                                    : c == '^'  ? "\\(ha"
                                    : c == '~'  ? "\\(ti"
                                    : c == '"'  ? "\\(dq"
                                                : absl::string_view(&c, 1);
    absl::StrAppend(&out, shown);
  }
  return out;
}

void AddManFlag(CLI::App& app, const std::string& see_also) {
  app.add_flag_callback(
         "--man",
         [&app, see_also] {
           ManPage page;
           page.name = app.get_name();
           page.section = 8;
           page.summary = std::string(absl::StripSuffix(app.get_description(), "."));
           page.synopsis = absl::StrCat(page.name, " [OPTIONS] [COMMAND]");
           page.see_also = see_also;
           std::cout << ToRoff(page, &app);
           throw CLI::Success();
         },
         "The manual page")
      ->group("");
}

std::string ToRoff(const ManPage& page, const CLI::App* app) {
  std::string out = absl::StrCat(".TH ", RoffText(absl::AsciiStrToUpper(page.name)), " ",
                                 page.section, " \"\" \"handoff ", kVersion, "\"\n");
  // Words of ours are not broken, and lines are not spread.
  absl::StrAppend(&out, ".nh\n.ad l\n", Title("Name"), RoffText(page.name), " \\- ",
                  RoffText(page.summary), "\n", Title("Synopsis"), ".nf\n", Lines(page.synopsis),
                  ".fi\n");
  for (const ManSection& section : page.before) absl::StrAppend(&out, SectionOf(section));
  if (app != nullptr) {
    const std::string arguments = OptionsOf(*app, true), options = OptionsOf(*app, false);
    const std::string commands = SubcommandsOf(*app);
    if (!arguments.empty()) absl::StrAppend(&out, Title("Arguments"), arguments);
    if (!options.empty()) absl::StrAppend(&out, Title("Options"), options);
    if (!commands.empty()) absl::StrAppend(&out, Title("Commands"), commands);
  }
  for (const ManSection& section : page.after) absl::StrAppend(&out, SectionOf(section));
  if (!page.see_also.empty()) {
    absl::StrAppend(&out, Title("See also"), RoffText(page.see_also), "\n");
  }
  return out;
}

}  // namespace handoff
