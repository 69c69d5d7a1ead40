// How much of an attempt's facts one message carries. gRPC refuses what is larger than 4 MiB, and
// what is refused for its size would be sent again for ever.
#pragma once

#include <string>
#include <vector>

namespace handoff {
namespace v1 {
class AttemptEnd;
class Facts;
}  // namespace v1

namespace worker {

// Serialised, without the lists: every Sync carries the facts of every attempt.
std::string FactsForStatus(const v1::Facts& reported);

// What a checkout could not carry over, for `facts`. None keeps what is there: a workspace that was
// there already says nothing again.
void SetNotes(const std::vector<std::string>& notes, v1::Facts& facts);

// Shortens lists and texts, never totals, until the coordinator keeps all of it.
void BoundEnd(v1::AttemptEnd& end);

}  // namespace worker
}  // namespace handoff
