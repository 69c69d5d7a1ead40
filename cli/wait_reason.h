// Why a queued handoff waits, where the stored record only says that it does: which workers there
// are, and what they run, changes without a word in it.
#pragma once

#include "cli/verb.h"

namespace handoff {

namespace v1 {
class Handoff;
}

// Puts the coordinator's reason of now into `handoff`, which "it" stands for in the sentence.
// Nothing when it is not queued, or when the coordinator does not say.
void ExplainWait(Client& client, v1::Handoff* handoff, StreamCall* call = nullptr);

// On stderr, when the handoff is still queued after what was just asked for: nobody may be able to
// take it, and the person should hear of it before they leave.
void SayWhyItWaits(const std::string& id, Context& context);

}  // namespace handoff
