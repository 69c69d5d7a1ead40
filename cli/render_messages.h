// What a handoff's agent asks and is told, for `handoff show`. Pure.
#pragma once

#include "cli/fields.h"

namespace handoff {

namespace v1 {
class Handoff;
}

// The whole question while it waits for an answer, and the messages that no agent has read yet.
void AddMessages(const v1::Handoff& handoff, const View& view, Fields& fields);

}  // namespace handoff
