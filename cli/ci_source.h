// What --ci makes of a submit: flags that follow from the job, and where its work starts.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "cli/ci.h"
#include "cli/submit_spec.h"

namespace handoff {

// Sets what a person did not: from, reuse, labels. Where the job's commit is the one that is
// checked out here, or nothing is, its variables say where the work starts: the system has just
// got that commit from there, and a shallow checkout knows no more. Otherwise what is checked out
// counts, and origin is asked for it. INVALID_ARGUMENT for a commit that no worker could get.
absl::Status UseCiJob(const CiJob& job, SubmitFlags& flags);

// Of a spec that is complete but for its key: what CiKey takes as content.
std::string CiContent(const v1::HandoffSpec& spec);

}  // namespace handoff
