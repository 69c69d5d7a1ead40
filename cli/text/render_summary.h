// What another agent made of an attempt's log, for `handoff summary` and `handoff show`. Pure.
#pragma once

#include <string>

#include "cli/text/fields.h"

namespace handoff {

namespace v1 {
class Attempt;
class Handoff;
}  // namespace v1

// The verdict, and then the eight sections, or the facts where they stand alone.
std::string RenderSummaryOf(const v1::Handoff& handoff, const v1::Attempt& attempt,
                            const View& view);
// One line for show: "accepted, by cursor, 1200 tokens in, 300 out"; nothing when there is none.
void AddSummary(const v1::Attempt& attempt, Fields& fields);

}  // namespace handoff
