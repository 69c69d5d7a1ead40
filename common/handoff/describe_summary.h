// What another agent made of an attempt's log, in words: for handoff.md, for the prompt of the next
// attempt, and for people.
#pragma once

#include <string>

namespace handoff {

namespace v1 {
class Attempt;
class Summary;
}  // namespace v1

// One sentence: by whom, of what, at which cost; or that the facts stand alone, and why.
std::string SummaryVerdict(const v1::Attempt& attempt);
// "1200 tokens in, 300 out, $0.02"; empty when nothing is known.
std::string SummaryCost(const v1::Summary& summary);
// The eight sections; empty unless they were accepted.
std::string SummaryMarkdown(const v1::Attempt& attempt);
// Its sections but for goal and prompts, bounded and quoted, with a line that says whose they are.
// The prompts of a summary are never given to an agent.
std::string SummaryQuote(const v1::Attempt& attempt);

}  // namespace handoff
