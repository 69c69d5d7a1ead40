// What a handoff's agent asks and is told, and what was written into handoff.md, for `handoff
// show`. Pure.
#pragma once

#include "cli/text/fields.h"

namespace handoff {

namespace v1 {
class Handoff;
}

// The whole question while it waits for an answer, and the messages that no agent has read yet.
void AddMessages(const v1::Handoff& handoff, const View& view, Fields& fields);
// Who wrote into handoff.md: people, whose sections stand there, and agents, whose words do not.
void AddWritten(const v1::Handoff& handoff, Fields& fields);

}  // namespace handoff
