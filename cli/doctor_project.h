// What `.handoff.toml` of a repository sets, held against the rules and against what a pool has,
// for `handoff doctor`.
#pragma once

#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/settings.h"
#include "cli/text/render.h"

namespace handoff {

struct ProjectCheck {
  ProjectDefaults defaults;
  bool good = false;             // there is a file, and a submit would take it
  std::string agent = "cursor";  // of a submit that names none
  std::vector<Finding> findings;
};

// The file alone. No findings where there is none.
ProjectCheck CheckProjectFile(const std::string& root);
// Whether this pool has the agent, and workers with what is required: adds to the findings.
void CheckProjectInPool(Client& client, ProjectCheck& project);

}  // namespace handoff
