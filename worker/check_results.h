// From how a check ended to what is said of it, and from what is said of all of them to the
// attempt's end. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/handoff/outcome.h"
#include "worker/shim/shim_files.h"

namespace handoff {
namespace v1 {
class AttemptEnd;
class Check;
class CheckResult;
class Facts;
}  // namespace v1

namespace worker {

struct RunEnd;

// The time limit of a check.
absl::Duration LimitOf(const v1::Check& check);

struct CheckEnd {
  std::optional<ShimExit> exit;          // absent: its shim was lost
  EndedBy lost_as = EndedBy::kShimLost;  // without an exit
  bool stopped = false;                  // with the attempt
  std::optional<absl::Duration> took;    // absent: it never began
};
v1::CheckResult JudgeCheck(const v1::Check& check, const CheckEnd& end);

// Files of `facts` that stand as words in `command`, which runs in `folder` of the repository.
std::vector<std::string> NamedFiles(absl::string_view command, const std::string& folder,
                                    const v1::Facts& facts);

// The last of a check's output, fit for a person and a protobuf string: whole lines where there are
// any, at most `max_bytes`.
std::string TailOf(absl::string_view bytes, size_t max_bytes);

// How much of one check's output is looked at, and of all together may go to the agent.
inline constexpr size_t kCheckTailBytes = 4 << 10;
inline constexpr size_t kCheckOutputBytes = 16 << 10;

// Says in `run` and `end` what the checks decide. `tails` has the last output of each.
void FillChecks(const std::vector<v1::CheckResult>& results, const std::vector<std::string>& tails,
                int declared, RunEnd& run, v1::AttemptEnd& end);

}  // namespace worker
}  // namespace handoff
