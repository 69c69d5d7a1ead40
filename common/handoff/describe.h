// From the record to handoff.md. Pure: worker, coordinator and command get the same text for the
// same record.
#pragma once

#include <string>

#include "common/handoff/document.h"

namespace handoff {

namespace v1 {
class Handoff;
}

// Every section filled from facts of the record; nothing is invented. `handoff.spec` must be set.
Document Describe(const v1::Handoff& handoff);

// What a conversation that goes on can be relied on to know: see Agent of worker/agent.
struct AgentMemory {
  bool forgets_interrupted = false;
  bool id_proves_session = true;
};

// The prompt of an attempt: the task with the few rules an agent must know for a first attempt, the
// Resume Prompt section for a later one, with the messages that go with it. To a conversation that
// goes on, they are all; unless its agent forgets interrupted turns and the last one was. One that
// may be empty is also told where the task stands, and the rules.
std::string PromptFor(const v1::Handoff& handoff, int attempt, const AgentMemory& memory = {});

// "succeeded (unchecked)", "succeeded (no changes)", "running", …
std::string StatusText(const v1::Handoff& handoff);

}  // namespace handoff
