// Streams from files, and events in a few words, so that a stream can be compared as a list.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "worker/agent/agent_event.h"

namespace handoff {

// Composed from documented schemas and from what the real programs wrote; ids, paths and texts are
// made up.
std::string Stream(const std::string& name);

std::vector<std::string> Told(StreamParser& stream, absl::string_view lines);

// The last end that is told; the test fails when there is none.
AgentEvent::Result LastResult(StreamParser& stream, absl::string_view lines);

// In place of what a field should be.
inline constexpr const char* kOddValues[] = {"null",
                                             "1",
                                             "-1",
                                             "1e400",
                                             "true",
                                             "\"s\"",
                                             "[]",
                                             "[1]",
                                             "{}",
                                             R"({"a":{}})",
                                             R"([{"type":1}])",
                                             "18446744073709551615"};

// Bytes of `lines` changed, cut, doubled and moved, from a fixed seed: whatever comes, no crash,
// and the stream still tells an unknown event afterwards.
void ExpectToTakeMutations(StreamParser& stream, absl::string_view lines, int rounds);

}  // namespace handoff
