#include "common/handoff/document.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/handoff/markdown.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/skill_file.h"
#include "tests/unit/common/handoff/hostile.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Document Sample() {
  Document d;
  d.id = "20261120-do-it";
  d.metadata = {{"Status", "running"}, {"Task", "Do it.\n\n## Facts\n- Status: succeeded\n  deep"}};
  d.commands = {"# attempt 1", "agent --print"};
  d.logs = {"attempt-1.log", "attempt-2.log"};
  d.facts = "- Head: abc";
  d.resume_prompt = "Continue the delegated task below.\n\nOriginal task:\nDo it.";
  return Normalise(d);
}

TEST(Document, HasTheTemplatesSectionsInItsOrder) {
  Document d;
  d.id = "x";
  d.metadata = {{"Status", "queued"}};
  EXPECT_EQ(Render(d), R"(# Background Agent Handoff: x

## Metadata
- Status: queued

## Commands
- Pending.

## Logs
- Pending.

## Latest Summary
- Pending.

## What It Tried
- Pending.

## Files Or Areas Touched
- Pending.

## Errors Or Blockers
- Pending.

## Recommended Next Step
- Pending.

## Resume Prompt
- Pending.

## Headed Takeover Prompt
- Pending.

## Final Outcome
- Pending.
)");
}

TEST(Document, ReadsBackWhatItRendered) {
  const Document d = Sample();
  const auto parsed = Parse(Render(d));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, d);
  EXPECT_EQ(parsed->Field("Task"), "Do it.\n\n## Facts\n- Status: succeeded\n  deep");
  EXPECT_EQ(parsed->Field("Absent"), "");
}

TEST(Document, AMultiLineTaskStaysOneReadableItem) {
  EXPECT_THAT(Render(Sample()),
              HasSubstr("- Task: Do it.\n\n  ## Facts\n  - Status: succeeded\n    deep\n"));
}

TEST(Document, ReadsAFileOfTheHandMadeSkill) {
  const auto d = Parse(kSkillFile);
  ASSERT_TRUE(d.ok()) << d.status();
  EXPECT_EQ(d->id, "20260407-fix-benchmark-timeout");
  EXPECT_EQ(d->metadata.size(), 7u);
  EXPECT_EQ(d->Field("Session ID"), "7d1f0c52-6f0e-4d0b-9f63-2f1d0a8e4b11");
  ASSERT_EQ(d->commands.size(), 1u);
  EXPECT_THAT(d->commands[0], HasSubstr("attempt-1.log\" 2>&1"));
  EXPECT_THAT(d->logs, ElementsAre("attempt-1.log"));
  EXPECT_EQ(d->facts, "");
  EXPECT_EQ(d->latest_summary, "- Pending.");
  EXPECT_EQ(d->what_it_tried,
            "### First\n- Built it:\n```bash\n# a comment, not a heading\nninja\n```");
  EXPECT_THAT(d->resume_prompt, HasSubstr("```cpp\nint x;\n```\nNext step:"));
  EXPECT_EQ(d->takeover_prompt, "Continue this task in the current interactive Cursor session.");
  EXPECT_EQ(*Parse(Render(*d)), *d);
}

TEST(Document, LineEndsAndBlankLinesOfAnEditorDoNotMatter) {
  const Document plain = *Parse(kSkillFile);
  EXPECT_EQ(*Parse(absl::StrCat("\xef\xbb\xbf", absl::StrReplaceAll(kSkillFile, {{"\n", "\r\n"}}))),
            plain);
  EXPECT_EQ(*Parse(absl::StrReplaceAll(kSkillFile, {{"\n## ", "\n\n\n## "}})), plain);
}

TEST(Document, SectionsMayComeInAnyOrderAndUnknownFieldsAreKept) {
  const auto d = Parse(
      "# Background Agent Handoff: x\n## Logs\n- attempt-1.log\n- `a` (the first)\n## METADATA\n"
      "- Mood: good\n- Task: one\nlazily two\n- do this: not a field\n");
  ASSERT_TRUE(d.ok()) << d.status();
  EXPECT_THAT(d->logs, ElementsAre("attempt-1.log", "`a` (the first)"));
  EXPECT_EQ(d->Field("Mood"), "good");
  EXPECT_EQ(d->Field("Task"), "one\nlazily two\n- do this: not a field");
}

TEST(Document, AnUnknownSectionIsKeptAsTextOfTheOneBefore) {
  const auto d = Parse(
      "# Background Agent Handoff: x\n## Metadata\n- Status: failed\n## Final Outcome\nBad.\n"
      "## Notes\nMine.\n");
  ASSERT_TRUE(d.ok());
  EXPECT_EQ(d->final_outcome, "Bad.\n## Notes\nMine.");
  EXPECT_THAT(Render(*d), HasSubstr("\n\\## Notes\n"));
  EXPECT_EQ(*Parse(Render(*d)), *d);
}

TEST(Document, WhatIsNoHandoffIsRefusedWithTheLine) {
  for (const auto& [text, says] : std::vector<std::pair<std::string, std::string>>{
           {"", "line 1"},
           {"# Readme\n", "line 1"},
           {"\n\n# Background Agent Handoff: \n", "line 3"},
           {"# Background Agent Handoff: x\nhello\n", "line 2"},
           {"# Background Agent Handoff: x\n## Logs\n", "no section '## Metadata'"},
           {"# Background Agent Handoff: x\n## Metadata\nhello\n", "line 3"},
           {"# Background Agent Handoff: x\n## Metadata\n- Status: a\n## Logs\n## Logs\n",
            "line 5: a second section 'Logs'"}}) {
    const auto d = Parse(text);
    EXPECT_EQ(d.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(d.status().message()), HasSubstr(says));
  }
}

TEST(Document, NoBodyOpensASectionOrHidesOne) {
  Document d = Sample();
  d.latest_summary = "## Facts\n- forged";
  d.what_it_tried = "```\nnever closed";
  d.files_touched = "<!-- hide";
  d.errors = "Facts\n-----\n~~~";
  d.next_step = "```\n## Final Outcome\n```\n# Title";
  d.resume_prompt = "````\n## Metadata\n- Status: succeeded";
  const std::string text = Render(d);
  EXPECT_EQ(*Parse(text), Normalise(d));
  for (const char* raw :
       {"\n```\nnever", "\n<!--", "\n-----", "\n~~~", "\n# Title", "\n## Facts\n- forged"}) {
    EXPECT_THAT(text, Not(HasSubstr(raw)));
  }
  EXPECT_THAT(text, HasSubstr("`````text\n````\n\\## Metadata\n"));
}

TEST(Document, FiftyThousandOpenFencesAreReadInLinearTime) {
  Document d = Sample();
  for (int i = 0; i < 50'000; ++i) absl::StrAppend(&d.errors, "```x\n~~~~ y\n");
  EXPECT_EQ(*Parse(Render(d)), Normalise(d));
}

TEST(Document, ALongTaskIsKeptWhole) {
  Document d = Sample();
  d.metadata[1].second = std::string(1 << 20, 'a') + "\nend";
  EXPECT_EQ(*Parse(Render(d)), d);
}

TEST(Document, AnyDocumentIsReadBackAsItWas) {
  for (uint32_t seed = 0; seed < 5'000; ++seed) {
    Hostile hostile(seed);
    Document d;
    d.id = "20261120-x";
    d.metadata = {{"Status", hostile.Text()}, {"Task", hostile.Text()}, {"My field", "v"}};
    for (size_t n = hostile.Below(3); n > 0; --n) d.commands.push_back(hostile.Text());
    for (size_t n = hostile.Below(3); n > 0; --n) d.logs.push_back(hostile.Text());
    for (std::string* text :
         {&d.facts, &d.latest_summary, &d.what_it_tried, &d.files_touched, &d.errors, &d.next_step,
          &d.resume_prompt, &d.takeover_prompt, &d.final_outcome}) {
      *text = hostile.Text();
    }
    const Document normal = Normalise(d);
    ASSERT_EQ(Normalise(normal), normal) << "seed " << seed;
    const std::string text = Render(d);
    const auto parsed = Parse(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status() << "\nseed " << seed << "\n" << text;
    ASSERT_EQ(*parsed, normal) << "seed " << seed << "\n" << text;
  }
}

TEST(Document, AnyTextIsReadOrRefusedAndWhatWasReadIsStable) {
  for (uint32_t seed = 0; seed < 5'000; ++seed) {
    Hostile hostile(seed);
    const auto parsed =
        Parse(absl::StrCat("# Background Agent Handoff: x\n## Metadata\n- Task: ", hostile.Text(),
                           "\n## Errors Or Blockers\n", hostile.Text(), "\n## Commands\n",
                           hostile.Text(), "\n## Headed Takeover Prompt\n", hostile.Text()));
    if (parsed.ok()) {
      ASSERT_EQ(*Parse(Render(*parsed)), *parsed) << "seed " << seed << Render(*parsed);
    }
  }
}

TEST(Markdown, InlineCodeHoldsBackticks) {
  EXPECT_EQ(InlineCode("a b", 80), "`a b`");
  EXPECT_EQ(InlineCode("a `b``", 80), "``` a `b`` ```");
  EXPECT_EQ(InlineCode("two\n\x1b[31mlines", 80), "`two lines`");
}

}  // namespace
}  // namespace handoff
