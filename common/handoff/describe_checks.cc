#include "common/handoff/describe_checks.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

// Of short checks a person compares the tenths.
std::string Took(absl::Duration duration) {
  if (duration >= absl::Minutes(1)) return HumanDuration(duration);
  return absl::StrFormat("%.1f s", absl::ToDoubleSeconds(duration));
}

}  // namespace

std::string HowCheckEnded(const v1::CheckResult& result) {
  std::string how;
  if (result.timed_out()) {
    how = "ended at its time limit";
  } else if (result.has_exit_code()) {
    how = absl::StrCat("exit status ", result.exit_code());
  } else if (result.signal() != 0) {
    const char* name = ::strsignal(result.signal());
    how = absl::StrCat("killed by signal ", result.signal());
    if (name != nullptr) absl::StrAppend(&how, " (", name, ")");
  } else {
    how = "no exit status";
  }
  const absl::Duration duration =
      absl::Seconds(result.duration().seconds()) + absl::Nanoseconds(result.duration().nanos());
  if (result.has_duration()) absl::StrAppend(&how, " after ", Took(duration));
  return how;
}

}  // namespace handoff
