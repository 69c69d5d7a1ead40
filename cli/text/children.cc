#include "cli/text/children.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/handoff/names.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr std::array<absl::string_view, 5> kGiveWork = {"submit", "resume", "send", "return",
                                                        "import"};

std::string ValueOf(absl::string_view name, const std::vector<std::string>& environment) {
  for (absl::string_view entry : environment) {
    if (absl::ConsumePrefix(&entry, name) && absl::ConsumePrefix(&entry, "=")) {
      return std::string(entry);
    }
  }
  return "";
}

}  // namespace

absl::Status CheckMayHandOff(absl::string_view verb, const std::vector<std::string>& environment) {
  const bool gives_work = std::find(kGiveWork.begin(), kGiveWork.end(), verb) != kGiveWork.end();
  if (!gives_work || ValueOf("HANDOFF_ATTEMPT", environment).empty() ||
      ValueOf(kChildrenVariable, environment) == kChildrenAllowed) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(absl::StrCat(
      "'handoff ", verb, "' would give an agent work from inside an attempt of ",
      OneLine(ValueOf("HANDOFF_ID", environment), 100),
      ", which was submitted without --child. Nothing was done; do it in this attempt, or end it "
      "and tell the person what should be handed off"));
}

std::string ParentOf(const std::vector<std::string>& environment) {
  if (ValueOf("HANDOFF_ATTEMPT", environment).empty()) return "";
  const std::string id = ValueOf("HANDOFF_ID", environment);
  return ValidateId(id).ok() ? id : "";
}

}  // namespace handoff
