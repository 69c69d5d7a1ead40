#include "common/handoff/describe_push.h"

#include "absl/strings/str_cat.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

// It was told to push, as the coordinator decides it, and has not said yet what came of it.
bool IsAwaited(const v1::Handoff& handoff, const v1::Attempt& attempt) {
  const bool ended =
      attempt.state() == v1::Attempt::SUCCEEDED || attempt.state() == v1::Attempt::FAILED;
  return handoff.spec().push() && ended && attempt.end().changed();
}

}  // namespace

std::string PushWords(const v1::Handoff& handoff, const v1::Attempt& attempt,
                      const std::function<std::string(absl::string_view)>& quote) {
  const v1::PushResult& push = attempt.push();
  const std::string said = push.message().empty() ? "" : absl::StrCat(": ", quote(push.message()));
  const std::string commit = push.commit().substr(0, 10);
  switch (push.state()) {
    case v1::PushResult::PUSHED:
      return absl::StrCat(commit, " to ", push.ref(), said);
    case v1::PushResult::UP_TO_DATE:
      return absl::StrCat(push.ref(), " was at ", commit, " already");
    case v1::PushResult::REFUSED:
      return absl::StrCat("refused", said);
    case v1::PushResult::FAILED:
      return absl::StrCat("failed", said);
    default:
      return IsAwaited(handoff, attempt)
                 ? "asked for; it is under way, or what became of it is unknown"
                 : "";
  }
}

}  // namespace handoff
