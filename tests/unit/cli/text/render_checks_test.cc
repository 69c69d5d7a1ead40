// What a person sees of checks.

#include "cli/text/render_checks.h"

#include <google/protobuf/text_format.h>

#include "cli/text/render.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Handoff Parse(const std::string& text) {
  v1::Handoff handoff;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &handoff)) << text;
  return handoff;
}

View Piped() { return {absl::FromUnixSeconds(1'796'000'000), absl::UTCTimeZone(), 0, false}; }

v1::Handoff Checked() {
  return Parse(R"pb(
    id: "20261120-x"
    status: FAILED
    failure: CHECKS_FAILED
    agent: "cursor"
    owner: "alice"
    created_at { seconds: 1795996400 }
    checks { command: "ninja test" }
    checks { command: "sh tests/a.sh" }
    checks { command: "lint" }
    checks_run: 3
    checks_passed: 1
    attempts {
      number: 1
      state: FAILED
      facts {
        checks {
          command: "ninja test"
          passed: true
          exit_code: 0
          duration { seconds: 720 }
        }
        checks {
          command: "sh tests/a.sh"
          exit_code: 1
          duration { seconds: 3 nanos: 200000000 }
          message: "It exited with status 1."
          changed_files: "tests/a.sh"
        }
        checks { command: "lint\x1b[2J" timed_out: true message: "It reached its limit." }
      }
    })pb");
}

TEST(RenderShow, EachCheckSaysHowItEnded) {
  const std::string shown = RenderShow(Checked(), Piped());
  EXPECT_THAT(shown, HasSubstr("Checks     1 of 3 passed\n"
                               "           ✓ passed ninja test: exit status 0 after 12 min\n"
                               "           ✗ failed sh tests/a.sh: exit status 1 after 3.2 s\n"
                               "             changed by the agent: tests/a.sh\n"
                               "           ✗ failed lint: ended at its time limit. It reached its "
                               "limit.\n"));
  EXPECT_THAT(shown, HasSubstr("handoff logs --checks 20261120-x"));
}

TEST(RenderShow, WhatAPersonChangedIsNotTheAgents) {
  v1::Handoff handoff = Checked();
  handoff.mutable_attempts()->rbegin()->set_only_checks(true);
  EXPECT_THAT(RenderShow(handoff, Piped()), HasSubstr("             changed: tests/a.sh\n"));
}

TEST(RenderShow, ChecksThatWereNotRunYetAreNamed) {
  v1::Handoff handoff = Checked();
  handoff.mutable_attempts(0)->clear_facts();
  EXPECT_THAT(RenderShow(handoff, Piped()), HasSubstr("Checks     ninja test\n"
                                                      "           sh tests/a.sh\n"
                                                      "           lint\n"));
}

TEST(RenderList, CountsTheChecksThatPassed) {
  v1::Handoff unchecked = Checked();
  unchecked.clear_checks_run();
  const std::string list = RenderList({unchecked, Checked()}, false, Piped());
  EXPECT_THAT(list, HasSubstr("CHECKS"));
  EXPECT_THAT(list, HasSubstr(" 1/3 "));
  EXPECT_THAT(RenderList({unchecked}, false, Piped()), Not(HasSubstr("CHECKS")));
}

}  // namespace
}  // namespace handoff
