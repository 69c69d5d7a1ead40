// What `.handoff.toml` of a repository sets, held against the rules and against what a pool has,
// for `handoff doctor`.
#pragma once

#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/doctor_report.h"
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

// Whether what it says of pushing can be done where `url` is the remote; empty: there is none.
void CheckProjectPush(const ProjectCheck& project, const std::string& url, Report& report);

}  // namespace handoff
