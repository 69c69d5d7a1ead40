// Single values of the record in words for people. Pure; text from outside comes out on one line
// and without control sequences.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cli/text/table.h"

namespace google::protobuf {
class Timestamp;
class Duration;
}  // namespace google::protobuf

namespace handoff {

namespace v1 {
class Attempt;
class Handoff;
}  // namespace v1

absl::Time TimeOf(const google::protobuf::Timestamp& timestamp);
absl::Duration DurationOf(const google::protobuf::Duration& duration);
void SetDuration(absl::Duration value, google::protobuf::Duration* duration);

// "12 s ago", "3 min ago"; "in 5 min" for what lies ahead; "" for a time that was never set.
std::string Relative(absl::Time time, absl::Time now);
// "12 s": for a column whose title says the rest.
std::string Age(absl::Time time, absl::Time now);

// Beyond this the difference of two clocks is worth a word.
inline constexpr absl::Duration kClockOff = absl::Seconds(30);
// And beyond this certificates are refused: their beginning lies so long before they were made.
inline constexpr absl::Duration kClockWrong = absl::Minutes(5);
// "10 min behind the coordinator's".
std::string ClockWords(absl::Duration ahead);

// "running", "succeeded (unchecked)".
Cell VerdictCell(const v1::Handoff& handoff);
// "running (ninja test, 12 min)": the verdict with the live phase.
Cell StateCell(const v1::Handoff& handoff);
// "running (preparing …)" of one attempt.
Cell AttemptStateCell(const v1::Attempt& attempt);

// "host/team/repo@main": without scheme, user and ".git".
std::string RepoWords(const v1::Handoff& handoff);
// "+120 −4", "" when nothing changed.
std::string LinesWords(uint64_t added, uint64_t deleted);
// "9.1 k".
std::string CountWords(uint64_t count);
// What to look at when no connection came about, by what the system says of it.
std::string ReachAdvice(absl::string_view words);
// "1 file", "3 files".
std::string Plural(uint64_t count, absl::string_view noun);

}  // namespace handoff
