// Text from outside, made safe to show, and text for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff {

bool IsValidUtf8(absl::string_view text);
// Bytes that are not UTF-8 become \xNN, so that the result may go into a protobuf string.
std::string EscapeInvalidUtf8(absl::string_view bytes);
// Without escape sequences and control characters (C0 but \n and \t, DEL, C1, bidi overrides), for
// terminals.
std::string StripControls(absl::string_view text);
// At most max_bytes, cut at a character, with "…" in place of what was cut.
std::string Clip(absl::string_view text, size_t max_bytes);
// One line of at most max_bytes (cut at a character, with "…"), controls removed, white space
// folded.
std::string OneLine(absl::string_view text, size_t max_bytes);

// For /bin/sh: quoted only when needed.
std::string ShellQuote(absl::string_view argument);
std::string ShellJoin(const std::vector<std::string>& argv);

// The bytes that pairs of hexadecimal digits stand for; absent when there is anything else. absl's
// function of that name differs between its versions.
std::optional<std::string> FromHex(absl::string_view digits);

// "1.2 MB", "950 B" (decimal).
std::string HumanBytes(uint64_t bytes);
// "3 s", "12 min", "2 h 5 min", "4 d".
std::string HumanDuration(absl::Duration d);

}  // namespace handoff
