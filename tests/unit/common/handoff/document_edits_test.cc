// Which sections a person changed: what counts, what is theirs to write, and hostile text in them.
#include "common/handoff/document_edits.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/handoff/sections.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/common/handoff/hostile.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Document Sample() {
  Document d;
  d.id = "20261120-do-it";
  d.metadata = {{"Status", "running"}, {"Task", "Do it.  \n\nIn two lines."}};
  d.commands = {"agent --print"};
  d.logs = {"attempt-1.log"};
  d.facts = "- Head: abc";
  d.latest_summary = "- Running.";
  d.next_step = "- Wait.";
  d.resume_prompt = "Continue.\n\nOriginal task:\nDo it.";
  return *Parse(Render(d));
}

std::vector<SectionText> MustChange(const Document& base, const Document& edited) {
  const auto changed = ChangedSections(base, edited);
  EXPECT_TRUE(changed.ok()) << changed.status();
  return changed.ok() ? *changed : std::vector<SectionText>{};
}

TEST(ChangedSections, AreThoseThatDifferAndAnEmptiedOneIsGivenBack) {
  const Document base = Sample();
  Document edited = base;
  edited.resume_prompt = "Begin with the tests.";
  edited.next_step = "";
  edited.latest_summary = "- Pending.";
  EXPECT_THAT(
      MustChange(base, *Parse(Render(edited))),
      ElementsAre(SectionText{"Latest Summary", ""}, SectionText{"Recommended Next Step", ""},
                  SectionText{"Resume Prompt", "Begin with the tests."}));
  EXPECT_THAT(MustChange(base, base), IsEmpty());
}

TEST(ChangedSections, ASectionThatIsGoneIsGivenBack) {
  const Document base = Sample();
  const auto without =
      Parse(absl::StrReplaceAll(Render(base), {{"## Recommended Next Step\n- Wait.\n", ""}}));
  EXPECT_THAT(MustChange(base, *without), ElementsAre(SectionText{"Recommended Next Step", ""}));
}

TEST(ChangedSections, AnEditorThatCutsWhiteSpaceAtLineEndsChangesNothing) {
  const Document base = Sample();
  std::string text = Render(base);
  ASSERT_THAT(text, HasSubstr("Do it.  \n"));
  const auto edited = Parse(absl::StrReplaceAll(text, {{"  \n", "\n"}, {"abc\n", "abc \t\n"}}));
  EXPECT_THAT(DifferingSections(base, *edited), IsEmpty());
  EXPECT_THAT(MustChange(base, *edited), IsEmpty());
}

TEST(ChangedSections, WhatIsObservedIsNobodysToWriteAndTheSentenceNamesIt) {
  const Document base = Sample();
  std::vector<Document> all(5, base);
  all[0].metadata[0].second = "succeeded";
  all[1].commands[0] = "rm -rf /";
  all[2].logs.push_back("attempt-2.log");
  all[3].facts = "- Head: def";
  all[4].facts = "";
  const char* const names[] = {"Metadata", "Commands", "Logs", "Facts", "Facts"};
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].resume_prompt = "And mine.";
    const auto changed = ChangedSections(base, all[i]);
    EXPECT_EQ(changed.status().code(), absl::StatusCode::kInvalidArgument) << names[i];
    EXPECT_THAT(std::string(changed.status().message()),
                HasSubstr(absl::StrCat("the section '", names[i], "' differs")));
    EXPECT_THAT(std::string(changed.status().message()), HasSubstr("Nothing was stored"));
  }
}

TEST(ChangedSections, AnotherHandoffsDocumentAndATooLongSectionAreRefused) {
  const Document base = Sample();
  Document other = base;
  other.id = "20261120-another";
  EXPECT_THAT(std::string(ChangedSections(base, other).status().message()),
              HasSubstr("the handoff.md of 20261120-another"));
  Document longer = base;
  longer.errors = std::string(kMaxSectionBytes, 'x');
  EXPECT_TRUE(ChangedSections(base, longer).ok());
  longer.errors += "x";
  const auto refused = ChangedSections(base, longer);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("at most 64 KiB"));
}

// What a person writes anywhere into the file comes back as that section's text, and nowhere else.
TEST(ChangedSections, AnyTextStaysInItsSection) {
  const Document base = Sample();
  for (uint32_t seed = 0; seed < 3'000; ++seed) {
    Hostile hostile(seed);
    const Section& section = kSections[4 + hostile.Below(kSections.size() - 4)];
    ASSERT_TRUE(section.writable());
    Document edited = base;
    edited.*section.text = hostile.Text();
    const auto changed = ChangedSections(base, *Parse(Render(edited)));
    ASSERT_TRUE(changed.ok()) << changed.status() << " seed " << seed;
    if (changed->empty()) continue;
    ASSERT_EQ(changed->size(), 1u) << "seed " << seed;
    EXPECT_EQ((*changed)[0].section, section.heading);
    Document held = base;
    held.*section.text = (*changed)[0].text;
    EXPECT_EQ(Normalise(held), Normalise(edited)) << "seed " << seed;
    EXPECT_EQ(*Parse(Render(held)), Normalise(held)) << "seed " << seed;
  }
}

TEST(AgentsChange, IsToldAndKnownAgain) {
  EXPECT_EQ(AgentsChange({}), "");
  const std::string note = AgentsChange({"Resume Prompt", "Facts"});
  EXPECT_EQ(note, "the agent changed handoff.md: Facts, Resume Prompt; that is not taken over");
  EXPECT_TRUE(IsAgentsChange(note));
  EXPECT_FALSE(IsAgentsChange("submodule lib has no url"));
}

}  // namespace
}  // namespace handoff
