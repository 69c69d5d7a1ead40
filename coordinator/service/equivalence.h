// When two handoffs ask for the same. Pure.
#pragma once

#include <string>

#include "coordinator/core/scheduler.h"
#include "handoff/v1/control.pb.h"

namespace handoff {

// The same for equivalent handoffs: the owner's own key, else what stands for repository, base
// commit and task (white space and case folded). Empty, so that nothing is equivalent, for
// `command` and without a repository.
std::string DedupeKeyOf(const v1::HandoffSpec& spec, const std::string& owner);

// What is to happen when an equivalent one has not ended, with the default for who does not say.
core::Submit::Duplicates DuplicatesOf(const v1::SubmitRequest& request);

}  // namespace handoff
