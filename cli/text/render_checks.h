// What is shown of a handoff's checks. Pure.
#pragma once

#include "cli/text/fields.h"
#include "cli/text/table.h"

namespace handoff {

namespace v1 {
class Attempt;
class Facts;
class Handoff;
}  // namespace v1

// Each check of `attempt`, whose facts these are, and how it ended; before that what was declared.
void AddChecks(const v1::Handoff& handoff, const v1::Attempt& attempt, const v1::Facts& facts,
               Fields& fields);
// "2/3": how many of the newest attempt's passed; empty: none was run.
Cell ChecksCell(const v1::Handoff& handoff);

}  // namespace handoff
