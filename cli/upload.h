// A repository's state on its way to the coordinator.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cli/client.h"
#include "cli/terminal.h"

namespace handoff {

namespace v1 {
class Repository;
}

// Again while the coordinator is away, or while another submit sends the same object. Safe because
// objects are sent by hash and what is stored has an idempotency key. Ctrl-C ends the command
// meanwhile.
absl::Status Retry(Terminal& terminal, const std::function<absl::Status()>& once);

// Sends the pack of `repository`; nothing when `pack` is empty. `not_done` is "nothing was handed
// over".
absl::Status UploadPack(const std::string& pack, const v1::Repository& repository,
                        absl::string_view not_done, Client& client, Terminal& terminal);

}  // namespace handoff
