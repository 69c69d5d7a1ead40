// The lines of which a transcript is made, and fields of events without exceptions. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/string_view.h"
#include "cli/text/transcript.h"

namespace handoff::transcript {

using Json = nlohmann::json;

std::string Text(const Json& object, const char* key);
const Json& Member(const Json& object, const char* key);
bool IsTrue(const Json& object, const char* key);

std::string SessionLine(absl::string_view session, absl::string_view model, bool colour);
// What was said, over as many lines as it has.
std::string Block(absl::string_view text);
// "shell ninja", for the lines of a call.
std::string CallWords(absl::string_view name, absl::string_view what);
// The text that came in pieces, which is remembered no more.
std::string SaidSoFar(TranscriptState& state);
std::string StartedLine(absl::string_view call, bool colour);
std::string FinishedLine(absl::string_view call, absl::string_view outcome, bool failed,
                         bool colour);
std::string SuccessLine(const Json& duration_ms, bool colour);
std::string ErrorLine(absl::string_view message, const Json& duration_ms, bool colour);
std::string TroubleLine(absl::string_view message, bool colour);

// One event of that agent as text in `out`; false when it is none that it has.
bool ClaudeEventText(const Json& event, TranscriptState& state, std::string* out);
bool CodexEventText(const Json& event, const TranscriptState& state, std::string* out);
bool GeminiEventText(const Json& event, TranscriptState& state, std::string* out);
bool CopilotEventText(const Json& event, TranscriptState& state, std::string* out);
bool OpencodeEventText(const Json& event, TranscriptState& state, std::string* out);
bool CursorEventText(const Json& event, const TranscriptState& state, std::string* out);

}  // namespace handoff::transcript
