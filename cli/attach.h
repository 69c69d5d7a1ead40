// Files that go along with a handoff: logs, reports, images.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/client.h"
#include "cli/named_file.h"
#include "cli/terminal.h"
#include "common/file.h"

namespace handoff {

namespace v1 {
class HandoffSpec;
}

// Adds what was named to the spec, under names that are safe and each another one, and says so; an
// empty one, as a log may be, is left out. A copy of each lies in `temp` by its hash: what grows
// meanwhile is sent as it was, and what is sent is what was looked at. INVALID_ARGUMENT, and
// nothing is added, for what is no file, cannot be read, is too much, or looks like a secret, by
// its name or by that of the file behind a link. What the kernel makes up is no file.
absl::Status AddAttachments(const std::vector<std::string>& named, const NamedFileRules& rules,
                            const TempDir& temp, Terminal& terminal, v1::HandoffSpec* spec);

absl::Status SendAttachments(const v1::HandoffSpec& spec, const TempDir& temp, Client& client,
                             Terminal& terminal);

}  // namespace handoff
