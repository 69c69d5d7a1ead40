// The texts of --help that are not of one verb; `handoff man` has them, too.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace handoff {

std::string MainHelp();
std::string GroupHelp(absl::string_view group);
// "list, show or remove": the second words of "worker".
std::string ActionsOf(absl::string_view group, absl::string_view between,
                      absl::string_view before_last);
// How a pool is found and an ID is read; whole lines.
std::string AboutUse();
// A title and whole lines.
absl::string_view ExitStatuses();

}  // namespace handoff
