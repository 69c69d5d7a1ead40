// handoff.md and prompts of what a person has in their hands, and of what they gave back.
#include <string>

#include "common/handoff/describe.h"
#include "common/handoff/document.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Attempt 1 succeeded; ada has it.
v1::Handoff Taken() {
  v1::Handoff handoff;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(
    id: "20261120-fix-it" status: INTERACTIVE owner: "ann" agent: "cursor"
    repo: "https://example.org/x.git" branch: "handoff/20261120-fix-it"
    reason: "Taken over by ada." taken_by: "ada" taken_at { seconds: 1700000300 }
    spec { task: "Fix it." agent: "cursor" repository { url: "https://example.org/x.git" } }
    attempts {
      number: 1 state: SUCCEEDED worker: "build-7" session: "s-1" session_kind: NEW
      started_at { seconds: 1700000100 } workspace: "/w/repo"
      checkpoint { commit: "1111111111111111111111111111111111111111" }
      end { protocol: RESULT_OK started_at { seconds: 1700000100 } facts {
        base_commit: "aaaa" head_commit: "bbbb" files_changed: 1
        files { path: "src/a.cc" kind: MODIFIED added: 1 } } }
    })",
      &handoff));
  return handoff;
}

// And gave it back with work; attempt 2 is to go on in the same conversation.
v1::Handoff Returned() {
  v1::Handoff handoff = Taken();
  handoff.set_status(v1::Handoff::QUEUED);
  handoff.set_reason("Returned by ada; waits for a worker.");
  handoff.clear_taken_by();
  handoff.clear_taken_at();
  handoff.set_returned_after(1);
  handoff.mutable_returned()->set_commit(std::string(40, '2'));
  handoff.mutable_returned()->set_session("s-1");
  handoff.mutable_returned()->mutable_taken_at()->set_seconds(1700000400);
  v1::Attempt& next = *handoff.add_attempts();
  next.set_number(2);
  next.set_state(v1::Attempt::LEASED);
  next.set_session_kind(v1::Attempt::SAME);
  next.set_from_attempt(1);
  next.set_from_commit(std::string(40, '2'));
  v1::Message& message = *handoff.add_messages();
  message.set_number(1);
  message.set_origin(v1::Message::PERSON);
  message.set_state(v1::Message::GIVEN);
  message.set_author("ada");
  message.set_text("I changed the parser");
  message.set_attempt(2);
  return handoff;
}

constexpr char kSince[] =
    "A person has worked on it since then. Look at the state of the work (git status, git log) "
    "before you go on.";

TEST(Hands, TheNextStepSaysWhoHasItAndHowToGiveItBack) {
  v1::Handoff handoff = Taken();
  Document d = Describe(handoff);
  EXPECT_EQ(d.Field("Status"), "interactive");
  EXPECT_EQ(d.next_step,
            "- It is in the hands of `ada` since 2023-11-14T22:18:20Z. Go on in the interactive "
            "session; the Headed Takeover Prompt is its start. `handoff return 20261120-fix-it "
            "MESSAGE` gives it back to an agent, `handoff return 20261120-fix-it --done` has its "
            "checks decide.");
  EXPECT_THAT(d.errors, Not(HasSubstr("Taken over"))) << "that blocks nobody";
  EXPECT_EQ(*Parse(Render(d)), d);
  handoff.set_taken_on("build-7");
  handoff.set_taken_by("a`d\na");
  d = Describe(handoff);
  EXPECT_THAT(d.next_step, HasSubstr(", in its workspace on `build-7`. Go on"));
  EXPECT_EQ(*Parse(Render(d)), d);
}

TEST(Hands, WhileItsAttemptIsBeingStoppedThatIsAwaited) {
  v1::Handoff handoff = Taken();
  handoff.set_status(v1::Handoff::RUNNING);
  handoff.mutable_attempts(0)->set_state(v1::Attempt::STOPPING);
  EXPECT_THAT(Describe(handoff).next_step, HasSubstr("it goes to `ada` since"));
}

TEST(Hands, FactsNameThePersonsWorkAndWhoWentOnFromIt) {
  const Document d = Describe(Returned());
  EXPECT_THAT(d.facts, HasSubstr("\n- A person's work, given back after attempt 1: `2222222222`, "
                                 "taken 2023-11-14T22:20:00Z, with the agent's session\n"));
  EXPECT_THAT(d.facts, HasSubstr("\n- Attempt 2 went on from `2222222222`, a person's work after "
                                 "attempt 1\n"));
  EXPECT_EQ(*Parse(Render(d)), d);
  v1::Handoff on_host = Returned();
  on_host.clear_returned();
  EXPECT_THAT(Describe(on_host).facts,
              HasSubstr("\n- A person worked in the workspace itself after attempt 1\n"));
}

TEST(Hands, AConversationThatGoesOnIsToldThatItDoesNotKnowAll) {
  EXPECT_EQ(PromptFor(Returned(), 2),
            std::string("Continue the delegated task: what follows is new.\n\nMessage 1 from "
                        "ada:\nI changed the parser\n\n") +
                kSince + "\n");
  v1::Handoff interrupted = Returned();
  v1::Attempt& first = *interrupted.mutable_attempts(0);
  first.set_state(v1::Attempt::CANCELLED);
  first.mutable_end()->set_ended_by(v1::AttemptEnd::INTERRUPTED);
  EXPECT_THAT(
      PromptFor(interrupted, 2),
      EndsWith(std::string("Your last run was ended before it was done.\n\n") + kSince + "\n"));
}

TEST(Hands, APromptThatTellsAllSaysThatItsFactsAreOlder) {
  v1::Handoff handoff = Returned();
  handoff.mutable_attempts(1)->set_session_kind(v1::Attempt::RESTORED);
  EXPECT_THAT(PromptFor(handoff, 2), AllOf(StartsWith("Continue the delegated task below."),
                                           HasSubstr(kSince), HasSubstr("I changed the parser")));
  handoff.mutable_attempts(0)->clear_started_at();
  handoff.mutable_attempts(0)->mutable_end()->clear_started_at();
  EXPECT_THAT(PromptFor(handoff, 2), AllOf(StartsWith("Fix it.\n\n"), HasSubstr(kSince)))
      << "no agent had started before";
}

TEST(Hands, AfterAnAgentWentOnWithItNothingIsSaidAnyMore) {
  v1::Handoff handoff = Returned();
  handoff.mutable_attempts(1)->set_state(v1::Attempt::SUCCEEDED);
  handoff.mutable_attempts(1)->mutable_started_at()->set_seconds(1700000500);
  handoff.mutable_messages(0)->set_state(v1::Message::DELIVERED);
  v1::Message& more = *handoff.add_messages();
  more.set_number(2);
  more.set_text("And this");
  more.set_attempt(3);
  v1::Attempt& third = *handoff.add_attempts();
  third.set_number(3);
  third.set_session_kind(v1::Attempt::SAME);
  EXPECT_THAT(PromptFor(handoff, 3),
              AllOf(StartsWith("Continue the delegated task: what follows is new."),
                    Not(HasSubstr("A person has worked"))));
}

// The work was declared done, and one of its checks failed.
v1::Handoff Done() {
  v1::Handoff handoff = Returned();
  handoff.clear_messages();
  handoff.set_status(v1::Handoff::FAILED);
  handoff.set_failure(v1::Failure::CHECKS_FAILED);
  handoff.set_changed(true);
  handoff.set_reason("The check `true` failed.");
  handoff.mutable_spec()->add_checks()->set_command("true");
  v1::Attempt& checked = *handoff.mutable_attempts(1);
  checked.set_only_checks(true);
  checked.clear_session_kind();
  checked.set_state(v1::Attempt::FAILED);
  checked.set_failure(v1::Failure::CHECKS_FAILED);
  checked.set_worker("build-8");
  v1::AttemptEnd& end = *checked.mutable_end();
  end.set_protocol(v1::AttemptEnd::NO_PROTOCOL);
  end.set_checks_log_bytes(9);
  end.mutable_facts()->set_base_commit("aaaa");
  end.mutable_facts()->set_files_changed(2);
  v1::CheckResult& check = *end.mutable_facts()->add_checks();
  check.set_command("true");
  check.set_exit_code(1);
  check.add_changed_files("true");
  return handoff;
}

TEST(Hands, WorkThatWasOnlyCheckedHasFactsOfItsOwnAndNoAgent) {
  const Document d = Describe(Done());
  EXPECT_THAT(d.facts, HasSubstr("- Attempt 2 on `build-8`, only its checks: failed"));
  EXPECT_THAT(d.facts, HasSubstr("2 changed files"));
  EXPECT_THAT(d.facts, HasSubstr("; the work changes `true`, which it names"));
  EXPECT_EQ(d.what_it_tried, "- No agent: the work was declared done and checked.");
  EXPECT_THAT(d.next_step, HasSubstr("Read `attempt-2.checks.log`, then `handoff resume"));
  EXPECT_EQ(d.Field("Session kind"), "none");
  EXPECT_EQ(d.Field("Session ID"), "s-1");
  EXPECT_EQ(*Parse(Render(d)), d);
}

TEST(Hands, AConversationHeardNothingOfChecksAfterIt) {
  v1::Handoff handoff = Done();
  v1::Attempt& third = *handoff.add_attempts();
  third.set_number(3);
  third.set_session_kind(v1::Attempt::SAME);
  v1::Message& message = *handoff.add_messages();
  message.set_number(1);
  message.set_text("Mend that");
  message.set_attempt(3);
  EXPECT_THAT(PromptFor(handoff, 3),
              AllOf(StartsWith("Continue the delegated task below."),
                    HasSubstr("Check `true`: failed"), HasSubstr("Mend that")));
}

// Taken over while it was queued, imported, or after a checkout that failed.
TEST(Hands, WhatCameBackBeforeAnyAgentStartedIsDescribedToo) {
  v1::Handoff handoff = Returned();
  v1::Attempt& first = *handoff.mutable_attempts(0);
  first.set_state(v1::Attempt::CANCELLED);
  for (const char* field : {"started_at", "end", "checkpoint", "session"}) {
    const auto* descriptor = first.GetDescriptor()->FindFieldByName(field);
    first.GetReflection()->ClearField(&first, descriptor);
  }
  handoff.mutable_attempts(1)->set_session_kind(v1::Attempt::FRESH);
  const std::string text = Render(Describe(handoff));
  EXPECT_THAT(text, HasSubstr("ada"));
  EXPECT_THAT(text, Not(HasSubstr("Against what was submitted"))) << "nobody looked";
  EXPECT_EQ(Render(*Parse(text)), text);
  EXPECT_THAT(PromptFor(handoff, 2), HasSubstr("Fix it."));
}

}  // namespace
}  // namespace handoff
