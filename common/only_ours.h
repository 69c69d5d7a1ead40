// Whether anybody else on this host could have put something where we are about to look.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace handoff {

// Of a file or directory. FAILED_PRECONDITION, with what to do, for what belongs to another user
// (root's is fine), or can be written by its group or by all: whoever puts another authority or
// another database there has the pool.
absl::Status CheckOnlyOursToWrite(const std::string& path);

}  // namespace handoff
