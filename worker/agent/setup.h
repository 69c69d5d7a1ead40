// What the adapters say alike of a CLI that cannot be used as it is.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "worker/agent/agent.h"

namespace handoff {

// With the version, and as long as nothing else is known: needs set-up, and whether the CLI gave no
// answer in time; `login` is how its login check is typed.
ProbeVerdict VerdictFrom(const ProbeOutput& output, absl::string_view login);

// What the words on stderr say of the end: as ClassifyErrorText, with `setup` as the message when a
// login is missing and "`product` said: …" otherwise.
Verdict DiagnoseWords(absl::string_view words, absl::string_view product, absl::string_view setup);

}  // namespace handoff
