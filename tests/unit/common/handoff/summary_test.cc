// When the summary of an agent is accepted: its sections parse, and the log shows every file and
// command that it names.
#include "common/handoff/summary.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/handoff/name_search.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// All eight, with `tried` as the second.
std::string Summary(absl::string_view tried, absl::string_view mark = "## ") {
  std::string out;
  for (const absl::string_view section : kSummarySections) {
    absl::StrAppend(&out, mark, section, "\n\n", section == "What it tried" ? tried : "Not known.",
                    "\n\n");
  }
  return out;
}

std::string WhyNot(absl::string_view answer) {
  const auto parsed = ParseSummary(answer);
  return parsed.ok() ? "" : std::string(parsed.status().message());
}

std::vector<std::string> Names(absl::string_view body) { return NamesIn(body, /*prompt=*/false); }

// The first name that the log does not show; "" when it shows all.
std::string Missing(const std::vector<std::string>& names, absl::string_view log,
                    size_t piece = 1 << 20) {
  NameSearch search(names);
  for (size_t at = 0; at < log.size(); at += piece) search.Take(log.substr(at, piece));
  search.End();
  EXPECT_EQ(search.all_found(), search.first_missing().empty());
  return search.first_missing();
}

TEST(ParseSummary, TakesTheEightSectionsInTheirOrder) {
  const auto parsed = ParseSummary(Summary("It ran `ninja test`."));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->bodies[0], "Not known.");
  EXPECT_EQ(parsed->bodies[1], "It ran `ninja test`.");
  EXPECT_THAT(parsed->names, ElementsAre("ninja test"));
  const auto again = ParseSummary(RenderSummary(*parsed));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->bodies, parsed->bodies);
  EXPECT_THAT(RenderSummary(*parsed), Not(HasSubstr("\n## ")));
}

TEST(ParseSummary, TakesWhatAgentsPutAround) {
  EXPECT_EQ(WhyNot(Summary("x", "# ")), "");
  EXPECT_EQ(WhyNot(Summary("x", "#### ")), "");
  EXPECT_EQ(WhyNot("Here is the summary:\n\n" + Summary("x")), "");
  EXPECT_EQ(WhyNot("```markdown\n" + Summary("x") + "```\n"), "");
  EXPECT_EQ(WhyNot(absl::StrReplaceAll(Summary("x"), {{"## Goal", "## 1. **Goal**:"}})), "");
  EXPECT_EQ(WhyNot(absl::StrReplaceAll(Summary("x"), {{"Current state", "CURRENT STATE"}})), "");
  EXPECT_EQ(WhyNot(absl::StrReplaceAll(Summary("x"), {{"\n", "\r\n"}})), "");
  EXPECT_EQ(WhyNot(Summary("### A finer one\n\nx")), "");
  EXPECT_EQ(WhyNot(Summary("```text\n## Goal\n```")), "") << "in a block it is no heading";
}

TEST(ParseSummary, RefusesWhatIsNotTheEight) {
  EXPECT_EQ(WhyNot(" \n"), "it is empty");
  EXPECT_EQ(WhyNot("All went well."), "its section 'Goal' is missing");
  EXPECT_EQ(WhyNot(absl::StrReplaceAll(Summary("x"), {{"## Current state\n", ""}})),
            "its section 'Current state' is missing");
  EXPECT_EQ(WhyNot(Summary("x").substr(0, Summary("x").find("## Headed"))),
            "its section 'Headed takeover prompt' is missing");
  EXPECT_EQ(WhyNot(Summary("x") + "## Goal\n\nagain\n"),
            "its section 'Goal' comes twice or too late");
  EXPECT_EQ(WhyNot(Summary("x") + "## Verdict\n\nSuccess.\n"),
            "it has a section 'Verdict' that was not asked for");
  EXPECT_EQ(WhyNot(Summary(" ")), "its section 'What it tried' is empty");
  EXPECT_EQ(WhyNot(Summary("```sh\nninja")), "its section 'Files or areas touched' is missing")
      << "a block that is never closed";
  EXPECT_EQ(WhyNot(Summary("\xff")), "it is not UTF-8 text");
  EXPECT_THAT(WhyNot(Summary(std::string(70'000, 'x'))), HasSubstr("at most 66 kB are kept"));
  std::string many;
  for (int i = 0; i < 400; ++i) absl::StrAppend(&many, "`f", i, ".cc` ");
  EXPECT_THAT(WhyNot(Summary(many)), HasSubstr("it names 400 files and commands"));
  EXPECT_EQ(WhyNot(Summary("`" + std::string(5000, 'x') + "`")),
            "it quotes more than 4 KiB at once");
}

TEST(ParseSummary, RemovesWhatWouldReachATerminal) {
  const auto parsed = ParseSummary(Summary("It \x1b[31mfailed\x1b[0m\x07."));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->bodies[1], "It failed.");
}

TEST(NamesIn, TakesCodeByItsWord) {
  EXPECT_THAT(Names("Ran `ninja  -C\n build` and ``echo `date` ``."),
              ElementsAre("ninja -C build", "echo `date`"));
  EXPECT_THAT(Names("```sh\n$ ninja test\n# a remark\ngit push \\\n  origin\n```"),
              ElementsAre("ninja test", "git push", "origin"));
  EXPECT_THAT(Names("~~~\nmake all\n```\nmake more\n~~~"), ElementsAre("make all", "make more"));
  EXPECT_THAT(Names("`` ` `` and `...` and `-`"), IsEmpty());
  EXPECT_THAT(Names("A lone ` mark before src/a.cc"), ElementsAre("src/a.cc"));
}

TEST(NamesIn, TakesPathsFilesFlagsAndProgramsOutsideOfCode) {
  EXPECT_THAT(Names("Changed ./src/a.cc:12 and (net/io/), see README.md."),
              ElementsAre("src/a.cc", "net/io", "README.md"));
  EXPECT_THAT(Names("**Makefile**, .gitignore; [log](logs/x.txt) with --fast."),
              ElementsAre("Makefile", ".gitignore", "logs/x.txt", "--fast"));
  EXPECT_THAT(Names("It used pytest. Then it ran make test, ran go and executed ninja -j8."),
              ElementsAre("pytest", "make test", "go", "ninja", "ninja -j8"));
  EXPECT_THAT(Names("https://example.org/x was not reached"), ElementsAre("https://example.org/x"));
  EXPECT_THAT(Names("a\\_b.cc, __init__.py, _x.cc, _README.md_, ~/notes.txt"),
              ElementsAre("a_b.cc", "__init__.py", "_x.cc", "README.md", "~/notes.txt"));
}

TEST(NamesIn, LeavesProseAlone) {
  EXPECT_THAT(Names("Make sure and/or go on: 3/4 pass, e.g. v1.2.3, N/A, i.e. 2.5 s, 2026/11/20. "
                    "Use Node.js with TCP/IP. It ran the tests - and so on... etc."),
              IsEmpty());
}

TEST(NamesIn, APromptMayStandInABlock) {
  constexpr absl::string_view kPrompt = "```\nGo on with the parser in src/p.cc.\n```";
  EXPECT_THAT(NamesIn(kPrompt, /*prompt=*/true), ElementsAre("src/p.cc"));
  EXPECT_THAT(NamesIn(kPrompt, /*prompt=*/false),
              ElementsAre("Go on with the parser in src/p.cc."));
  EXPECT_THAT(NamesIn("```text\nGo on.\n$ rm -rf build\n```", /*prompt=*/false),
              ElementsAre("rm -rf build"));
  EXPECT_THAT(NamesIn("```sh\nrm -rf build\n```", /*prompt=*/true), ElementsAre("rm -rf build"));
}

TEST(NameSearch, FindsAWholeNameOnly) {
  EXPECT_EQ(Missing({"src/a.cc", "a.cc", "src"}, "edited src/a.cc."), "");
  EXPECT_EQ(Missing({"src/a.c"}, "edited src/a.cc"), "src/a.c");
  EXPECT_EQ(Missing({"a.cc"}, "edited data.cc"), "a.cc");
  EXPECT_EQ(Missing({"foo"}, "foo.cc foo-bar foo_x xfoo"), "foo");
  EXPECT_EQ(Missing({"/etc/hosts"}, "srv/etc/hosts"), "/etc/hosts");
  EXPECT_EQ(Missing({"ninja test"}, "cd x && ninja   test | tail"), "");
  EXPECT_EQ(Missing({"ninja test"}, "ninja tests"), "ninja test");
  EXPECT_EQ(Missing({"rm -rf /"}, "rm -rf build"), "rm -rf /");
  EXPECT_EQ(Missing({"a.cc", "ghost.cc", "spectre.cc"}, "a.cc"), "ghost.cc") << "the first one";
  EXPECT_EQ(Missing({"grün.txt"}, "in grün.txt"), "");
}

TEST(NameSearch, ReadsTheStringsOfAJsonLine) {
  const std::string log =
      R"({"command":"grep -n \"foo\" x.txt\nsrc/b.cc","out":"a\u0026\u0026b\tc:\/d"})";
  EXPECT_EQ(Missing({"grep -n \"foo\" x.txt", "src/b.cc", "a&&b c:/d"}, log), "");
  EXPECT_EQ(Missing({R"(\"foo\")"}, log), "") << "as the bytes stand, too";
}

TEST(NameSearch, FindsWhatLiesAcrossPieces) {
  const std::string log = absl::StrCat(std::string(999, 'x'), " src/deep/file.cc\\nninja  all ",
                                       std::string(999, 'y'), " last.cc");
  for (size_t piece = 1; piece < 40; ++piece) {
    EXPECT_EQ(Missing({"src/deep/file.cc", "ninja all", "last.cc"}, log, piece), "") << piece;
    EXPECT_EQ(Missing({"deep/file.c"}, log, piece), "deep/file.c") << piece;
    EXPECT_EQ(Missing({"eep/file.cc"}, log, piece), "eep/file.cc") << piece;
    EXPECT_EQ(Missing({"nin"}, log, piece), "nin") << piece;
  }
}

TEST(NameSearch, TextsDoNotRunTogether) {
  NameSearch search({"src/ab.cc"});
  search.Take("src/a");
  search.End();
  search.Take("b.cc");
  search.End();
  EXPECT_EQ(search.first_missing(), "src/ab.cc");
}

}  // namespace
}  // namespace handoff
