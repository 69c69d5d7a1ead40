// Files that a submitter sends along with a handoff: what they may be called, how many and how
// large they may be. Checked by the command before it sends and by the coordinator before it
// decides, with the same sentences. Pure.
#pragma once

#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace handoff {

namespace v1 {
class HandoffSpec;
}

inline constexpr int kMostAttachments = 32;
inline constexpr uint64_t kMostAttachmentBytes = uint64_t{64} << 20;
inline constexpr uint64_t kMostAttachedBytes = uint64_t{256} << 20;  // all together

// [A-Za-z0-9_][A-Za-z0-9._+-]{0,99}: one name of a directory, and no option, path or hidden file.
bool IsAttachmentName(absl::string_view name);
// Of a file at `path`: its name with everything else replaced, and counted up until it is none of
// `taken`, in whatever case.
std::string AttachmentName(absl::string_view path, const std::set<std::string>& taken);

// That their names, hashes and sizes are within the bounds.
absl::Status ValidateAttachments(const v1::HandoffSpec& spec);

// "build.log (12 kB), core.png (1.2 MB)"; empty: there are none. Each name as inline code with
// `code`, with "inputs/" before it.
std::string AttachedWords(const v1::HandoffSpec& spec, bool code);
// For an agent: where they are and which; empty: there are none.
enum class AttachedFor { kAgent, kPerson };
std::string AttachedText(const v1::HandoffSpec& spec, const std::string& handoff_id,
                         AttachedFor reader = AttachedFor::kAgent);

}  // namespace handoff
