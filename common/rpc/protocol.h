// Which protocol a caller speaks. Every channel of ours says it in gRPC's user agent, so that a
// command or a worker of another time gets a sentence, and not calls that mean something else.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace handoff {

// One more when a call means something else than before. What is only added changes nothing:
// protobuf and UNIMPLEMENTED see to that.
inline constexpr int kProtocol = 1;

// What a channel puts before gRPC's own words: "handoff/0.1.0 handoff-protocol/1".
std::string UserAgent();

// UNIMPLEMENTED when a caller says that it speaks another protocol: it says nothing of what was
// asked for, as no other answer to that call may have it. Whoever says nothing of one is no program
// of ours, and may do what its certificate lets it do.
absl::Status CheckProtocol(absl::string_view user_agent);

}  // namespace handoff
