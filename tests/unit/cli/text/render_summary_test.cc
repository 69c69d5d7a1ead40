// What a person sees of summaries.

#include "cli/text/render_summary.h"

#include <google/protobuf/text_format.h>

#include "cli/text/render.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

View Piped() { return {absl::FromUnixSeconds(1'796'000'000), absl::UTCTimeZone(), 0, false}; }

v1::Handoff With(const std::string& summary) {
  v1::Handoff handoff;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(id: "20261120-x"
           status: SUCCEEDED
           agent: "cursor"
           spec { agent: "cursor" }
           attempts { number: 1 state: SUCCEEDED worker: "a"
                      started_at { seconds: 1795996400 }
                      facts {
                        tools { command: "ninja test" }
                        tools_total: 1
                      })pb" +
          summary + "}",
      &handoff));
  return handoff;
}

std::string Rendered(const v1::Handoff& handoff) {
  return RenderSummaryOf(handoff, handoff.attempts(0), Piped());
}

constexpr char kAccepted[] = R"pb(
  summary {
    state: ACCEPTED
    markdown: "### Goal\n\nMend \x1b[31mit"
    partial: true
    agent: "cursor"
    model: "small"
    usage { input_tokens: 1200 output_tokens: 30 cost_usd: 0.02 }
  })pb";
constexpr char kRefused[] = R"pb(
  summary {
    state: REFUSED
    message: "it named `src/ghost.cc`, which the log does not show."
    agent: "cursor"
  })pb";

TEST(RenderSummary, AnAcceptedOneStandsBelowItsVerdict) {
  EXPECT_EQ(Rendered(With(kAccepted)),
            "20261120-x, attempt 1: A partial summary, of the log as it was while the attempt ran, "
            "by `cursor` (`small`) (it cost 1200 tokens in, 30 out, $0.02) follows. Every file and "
            "command that it names is in the log; it is that agent's word, and decides nothing.\n"
            "\n### Goal\n\nMend it\n");
  EXPECT_THAT(RenderShow(With(kAccepted), Piped()),
              HasSubstr("Summary    accepted (partial), by cursor small, 1200 tokens in, 30 out, "
                        "$0.02\n"));
}

TEST(RenderSummary, TheFactsStandAloneWhereItWasRefused) {
  EXPECT_THAT(Rendered(With(kRefused)),
              AllOf(StartsWith("20261120-x, attempt 1: The facts stand alone: the summary by "
                               "`cursor` was refused, it named `src/ghost.cc`, which the log does "
                               "not show.\n"),
                    HasSubstr("Observed by the worker"), HasSubstr("`ninja test` (reported)")));
  EXPECT_THAT(RenderShow(With(kRefused), Piped()),
              HasSubstr("Summary    refused, by cursor: it named `src/ghost.cc`"));
}

TEST(RenderSummary, TheFactsStandAloneWhereThereIsNone) {
  EXPECT_THAT(Rendered(With("")), HasSubstr("No agent summarised the log: the facts stand alone."));
  EXPECT_THAT(RenderShow(With(""), Piped()), Not(HasSubstr("Summary")));
}

}  // namespace
}  // namespace handoff
