#include "cli/text/render_summary.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/text/words.h"
#include "common/handoff/describe_sections.h"
#include "common/handoff/describe_summary.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

// As it was with that attempt: the sections tell of the latest.
v1::Handoff Until(const v1::Handoff& handoff, int number) {
  v1::Handoff until = handoff;
  auto* attempts = until.mutable_attempts();
  attempts->erase(std::find_if(attempts->begin(), attempts->end(),
                               [&](const v1::Attempt& a) { return a.number() > number; }),
                  attempts->end());
  return until;
}

}  // namespace

std::string RenderSummaryOf(const v1::Handoff& handoff, const v1::Attempt& attempt,
                            const View& view) {
  std::string out = absl::StrCat(OneLine(handoff.id(), 80), ", attempt ", attempt.number(), ": ",
                                 Wrap(StripControls(SummaryVerdict(attempt)), view.width, 2), "\n");
  const std::string markdown = SummaryMarkdown(attempt);
  if (!markdown.empty()) return absl::StrCat(out, "\n", WrapLines(markdown, view.width), "\n");
  const v1::Handoff until = Until(handoff, attempt.number());
  const HandoffView facts(until);
  absl::StrAppend(&out, "\n", WrapLines(StripControls(FactsSection(facts)), view.width), "\n");
  const std::string tried = TriedSection(facts, 50);
  if (!tried.empty()) {
    absl::StrAppend(&out, "\nWhat it tried:\n\n", WrapLines(StripControls(tried), view.width),
                    "\n");
  }
  return out;
}

void AddSummary(const v1::Attempt& attempt, Fields& fields) {
  if (!attempt.has_summary()) return;
  const v1::Summary& summary = attempt.summary();
  const std::string cost = SummaryCost(summary);
  const char* state = summary.state() == v1::Summary::ACCEPTED  ? "accepted"
                      : summary.state() == v1::Summary::REFUSED ? "refused"
                                                                : "not made";
  std::string words = absl::StrCat(state, summary.partial() ? " (partial)" : "", ", by ",
                                   OneLine(summary.agent(), 80));
  if (!summary.model().empty()) absl::StrAppend(&words, " ", OneLine(summary.model(), 130));
  if (!cost.empty()) absl::StrAppend(&words, ", ", cost);
  if (!summary.message().empty()) absl::StrAppend(&words, ": ", OneLine(summary.message(), 300));
  fields.Add("Summary", words);
}

}  // namespace handoff
