#include "cli/each_id.h"

#include "absl/strings/str_cat.h"
#include "common/text.h"

namespace handoff {

VerbResult TryEach(const std::vector<std::string>& ids, const Context& context,
                   const std::function<VerbResult(const std::string& id)>& one) {
  VerbResult first = Exit::kDone;
  for (const std::string& id : ids) {
    const VerbResult result = one(id);
    if (result.ok()) continue;
    if (first.ok()) {
      first = result;
    } else {
      context.terminal.Say(absl::StrCat("handoff: ", StripControls(result.status().message())));
    }
  }
  return first;
}

}  // namespace handoff
