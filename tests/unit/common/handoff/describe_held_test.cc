// Sections that a person holds: in the document, and as the prompt of the next attempts.
#include "common/handoff/describe_held.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/handoff/describe.h"
#include "common/handoff/sections.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"
#include "tests/unit/common/handoff/hostile.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Attempt 1 failed at 1700000200; attempt 2 is to begin.
v1::Handoff Record() {
  v1::Handoff handoff;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(
    id: "20261120-fix-it" status: QUEUED owner: "ann" agent: "cursor"
    repo: "https://example.org/x.git" branch: "handoff/20261120-fix-it" base_commit: "aaaa"
    spec { task: "Fix it." agent: "cursor"
           repository { url: "https://example.org/x.git" commit: "aaaa" } }
    attempts {
      number: 1 state: FAILED worker: "a" session: "s-1" session_kind: NEW failure: AGENT_ERROR
      failure_message: "It broke." created_at { seconds: 1700000000 }
      started_at { seconds: 1700000100 } ended_at { seconds: 1700000200 }
      end { facts { last_message: "I broke it." } }
    }
    attempts { number: 2 state: QUEUED session: "s-1" session_kind: SAME
               created_at { seconds: 1700000300 } })",
      &handoff));
  return handoff;
}

void Hold(const std::string& section, const std::string& text, int64_t at, v1::Handoff& handoff) {
  v1::SectionEdit& edit = *handoff.add_edits();
  edit.set_version(handoff.edits_size());
  edit.set_section(section);
  edit.set_text(text);
  edit.set_author("ada");
  edit.mutable_at()->set_seconds(at);
}

constexpr int64_t kBeforeTheEnd = 1700000150;
constexpr int64_t kAfterTheEnd = 1700000250;
constexpr char kMine[] = "Fix it, but begin with the tests.";

TEST(Held, ASectionStandsAsWrittenAndTheMetadataSaysWhose) {
  v1::Handoff handoff = Record();
  Hold("Latest Summary", "It is hard.\n\n### Why\n\n- Threads", kAfterTheEnd, handoff);
  Hold("Resume Prompt", kMine, kAfterTheEnd, handoff);
  const Document d = Describe(handoff);
  EXPECT_EQ(d.latest_summary, "It is hard.\n\n### Why\n\n- Threads");
  EXPECT_EQ(d.resume_prompt, kMine);
  EXPECT_EQ(
      d.Field("Held by a person"),
      "Latest Summary (ada, 2023-11-14T22:17:30Z), Resume Prompt (ada, 2023-11-14T22:17:30Z)");
  EXPECT_THAT(d.what_it_tried, HasSubstr("no tool call")) << "the others are ours";
  EXPECT_EQ(*Parse(Render(d)), d);
  EXPECT_EQ(Describe(Record()).Field("Held by a person"), "");
}

TEST(Held, TheLastEditCountsAndAnEmptyOneGivesTheSectionBack) {
  v1::Handoff handoff = Record();
  const std::string ours = Describe(handoff).resume_prompt;
  Hold("Resume Prompt", "One.", kAfterTheEnd, handoff);
  Hold("Resume Prompt", "Two.", kAfterTheEnd, handoff);
  EXPECT_EQ(Describe(handoff).resume_prompt, "Two.");
  Hold("Resume Prompt", "", kAfterTheEnd, handoff);
  EXPECT_EQ(Describe(handoff).resume_prompt, ours);
  EXPECT_EQ(Describe(handoff).Field("Held by a person"), "");
}

TEST(Held, NoTextReachesOutOfItsSection) {
  for (uint32_t seed = 0; seed < 1'000; ++seed) {
    Hostile hostile(seed);
    v1::Handoff handoff = Record();
    Document expected = Describe(handoff);
    const Section& section = kSections[4 + hostile.Below(kSections.size() - 4)];
    const std::string text = hostile.Text();
    Hold(std::string(section.heading), text, kAfterTheEnd, handoff);
    const auto d = Parse(Render(Describe(handoff)));
    ASSERT_TRUE(d.ok()) << d.status() << " seed " << seed;
    if (!text.empty()) expected.*section.text = text;
    expected.metadata = d->metadata;
    // Ours repeat some.
    if (section.heading == kNextStepSection) expected.resume_prompt = d->resume_prompt;
    if (section.kind == SectionKind::kBody) expected.takeover_prompt = d->takeover_prompt;
    ASSERT_EQ(*d, Normalise(expected)) << "seed " << seed;
  }
}

TEST(Held, NobodyHoldsWhatIsObserved) {
  v1::Handoff handoff = Record();
  const Document ours = Describe(handoff);
  for (const char* section : {"Metadata", "Commands", "Logs", "Facts", "Another"})
    Hold(section, "- Status: succeeded", kAfterTheEnd, handoff);
  const Document d = Describe(handoff);
  EXPECT_EQ(d.facts, ours.facts);
  EXPECT_EQ(d.commands, ours.commands);
  EXPECT_EQ(d.Field("Status"), "queued");
  EXPECT_EQ(d.Field("Held by a person"), "");
}

TEST(HeldPrompt, IsThePromptOfTheNextAttemptWithNothingAdded) {
  v1::Handoff handoff = Record();
  Hold("Resume Prompt", kMine, kAfterTheEnd, handoff);
  EXPECT_EQ(PromptFor(handoff, 2), absl::StrCat(kMine, "\n"));
}

TEST(HeldPrompt, AConversationThatBeginsNowGetsTheRulesToo) {
  v1::Handoff handoff = Record();
  Hold("Resume Prompt", kMine, kAfterTheEnd, handoff);
  handoff.mutable_attempts(1)->set_session_kind(v1::Attempt::FRESH);
  EXPECT_THAT(PromptFor(handoff, 2),
              AllOf(StartsWith(absl::StrCat(kMine, "\n\n---\n")),
                    HasSubstr("write the question to .cursor/agent-handoffs/20261120-fix-it/")));
}

TEST(HeldPrompt, BeforeAnyAgentStartedItTakesThePlaceOfTheTask) {
  v1::Handoff handoff = Record();
  handoff.mutable_attempts()->RemoveLast();
  v1::Attempt& first = *handoff.mutable_attempts(0);
  first.Clear();
  first.set_number(1);
  Hold("Resume Prompt", kMine, kAfterTheEnd, handoff);
  EXPECT_THAT(PromptFor(handoff, 1), StartsWith(absl::StrCat(kMine, "\n\n---\n")));
}

TEST(HeldPrompt, WhatEndedAfterItWasWrittenIsToldBelowIt) {
  v1::Handoff handoff = Record();
  Hold("Resume Prompt", kMine, kBeforeTheEnd, handoff);
  const std::string prompt = PromptFor(handoff, 2);
  EXPECT_THAT(prompt,
              StartsWith(absl::StrCat(kMine, "\n\nLatest known state, newer than all above:\n")));
  EXPECT_THAT(prompt, HasSubstr("> I broke it."));
  EXPECT_THAT(prompt, HasSubstr("Errors or blockers:\n\n- `agent_error`: It broke."));
  EXPECT_EQ(Describe(handoff).resume_prompt, kMine) << "the section has nothing added";
}

TEST(HeldPrompt, OfALostAttemptNobodyKnowsWhenItEnded) {
  v1::Handoff handoff = Record();
  v1::Attempt& lost = *handoff.mutable_attempts(0);
  lost.set_state(v1::Attempt::LOST);
  lost.clear_ended_at();
  Hold("Resume Prompt", kMine, kAfterTheEnd, handoff);
  EXPECT_THAT(PromptFor(handoff, 2), HasSubstr("newer than all above:\n"));
}

void Say(int number, int attempt, int64_t at, const std::string& text, v1::Handoff& handoff) {
  v1::Message& message = *handoff.add_messages();
  message.set_number(number);
  message.set_author("ann");
  message.set_text(text);
  message.set_attempt(attempt);
  message.set_state(attempt == 2 ? v1::Message::GIVEN : v1::Message::DELIVERED);
  message.mutable_sent_at()->set_seconds(at);
}

TEST(HeldPrompt, NewMessagesComeLast) {
  v1::Handoff handoff = Record();
  Hold("Resume Prompt", kMine, kAfterTheEnd, handoff);
  Say(1, 2, 1700000260, "Use C++20.", handoff);
  EXPECT_EQ(PromptFor(handoff, 2),
            absl::StrCat(kMine, "\n\nNew messages:\nMessage 1 from ann:\nUse C++20.\n"));
}

TEST(HeldPrompt, WhatWasSaidAfterItIsNotLostOnAnotherConversation) {
  v1::Handoff handoff = Record();
  Hold("Resume Prompt", kMine, 1700000050, handoff);
  Say(1, 1, 1700000040, "Before.", handoff);
  Say(2, 1, 1700000060, "After.", handoff);
  const std::string prompt = PromptFor(handoff, 2);
  EXPECT_THAT(prompt,
              HasSubstr("which an earlier attempt was given:\nMessage 2 from ann:\nAfter."));
  EXPECT_THAT(prompt, Not(HasSubstr("Before.")));
}

TEST(HeldPrompt, AQuestionThatTheTextMayNotAnswerIsRepeated) {
  v1::Handoff handoff = Record();
  handoff.mutable_attempts(0)->mutable_end()->set_question("C++17 or C++20?");
  Hold("Resume Prompt", kMine, kAfterTheEnd, handoff);
  EXPECT_THAT(PromptFor(handoff, 2),
              AllOf(StartsWith(absl::StrCat(kMine, "\n\nThe agent had asked:\nC++17 or C++20?\n")),
                    HasSubstr("If what stands above does not answer that")));
  Say(1, 2, 1700000260, "C++20.", handoff);
  EXPECT_THAT(PromptFor(handoff, 2), Not(HasSubstr("decide as well as you can")));
}

// The conversation succeeded, and goes on with a message.
TEST(HeldPrompt, AConversationThatWasGivenItIsToldOnlyWhatIsNew) {
  v1::Handoff handoff = Record();
  v1::Attempt& first = *handoff.mutable_attempts(0);
  first.set_state(v1::Attempt::SUCCEEDED);
  first.set_failure(v1::Failure::NONE);
  Say(1, 2, 1700000260, "Use C++20.", handoff);
  Hold("Resume Prompt", kMine, 1699999999, handoff);  // before attempt 1 was made
  EXPECT_THAT(PromptFor(handoff, 2), AllOf(StartsWith("Continue the delegated task: what follows"),
                                           Not(HasSubstr(kMine))));
  Hold("Resume Prompt", "Otherwise.", kAfterTheEnd, handoff);
  EXPECT_THAT(PromptFor(handoff, 2),
              AllOf(StartsWith("Otherwise.\n\nNew messages:\n"), EndsWith("Use C++20.\n")));
}

TEST(HeldPrompt, TheNextStepOfAPersonGoesIntoOurPrompts) {
  v1::Handoff handoff = Record();
  Hold("Recommended Next Step", "Look at thread 7.", kAfterTheEnd, handoff);
  EXPECT_THAT(PromptFor(handoff, 2), HasSubstr("\n\nNext step:\nLook at thread 7.\n"));
  EXPECT_THAT(Describe(handoff).takeover_prompt,
              EndsWith("Next step to take now:\nLook at thread 7."));
}

TEST(HeldPrompt, WhoeverTakesOverIsToldThePersonsWordsOnWhatWasTried) {
  v1::Handoff handoff = Record();
  Hold("What It Tried", "- Three compilers.", kAfterTheEnd, handoff);
  Hold("Errors Or Blockers", "- Thread 7 hangs.", kAfterTheEnd, handoff);
  const std::string prompt = Describe(handoff).takeover_prompt;
  EXPECT_THAT(prompt, HasSubstr("already tried:\n- Three compilers.\n"));
  EXPECT_THAT(prompt, HasSubstr("open questions:\n- Thread 7 hangs.\n"));
  EXPECT_THAT(PromptFor(handoff, 2), HasSubstr("`agent_error`: It broke.")) << "facts are told";
}

TEST(HeldPrompt, ACommandIsStillItsTask) {
  v1::Handoff handoff = Record();
  handoff.mutable_spec()->set_agent("command");
  Hold("Resume Prompt", kMine, kAfterTheEnd, handoff);
  EXPECT_EQ(PromptFor(handoff, 2), "Fix it.");
}

TEST(AgentsChange, StandsWithTheFactsAndHidesNoNoteOfTheCheckout) {
  v1::Handoff handoff = Record();
  v1::Attempt& first = *handoff.mutable_attempts(0);
  first.mutable_end()->mutable_facts()->add_notes("submodule lib has no url");
  v1::Attempt& second = *handoff.mutable_attempts(1);
  second.set_worker("a");
  second.mutable_started_at()->set_seconds(1700000400);
  second.mutable_end()->mutable_facts()->add_notes(
      "the agent changed handoff.md: Resume Prompt; that is not taken over");
  const Document d = Describe(handoff);
  EXPECT_THAT(d.facts, HasSubstr("- Attempt 2: the agent changed handoff.md: Resume Prompt; that "
                                 "is not taken over\n"));
  EXPECT_THAT(d.errors, HasSubstr("- Not carried over: `submodule lib has no url`"));
  EXPECT_THAT(d.errors, Not(HasSubstr("the agent changed")));
}

}  // namespace
}  // namespace handoff
