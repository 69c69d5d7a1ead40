// What ids, names and labels may look like. Checked by the command before it sends and by the
// coordinator before it decides; both give the same sentence.
#pragma once

#include <array>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff {

inline constexpr size_t kMaxIdBytes = 80;
inline constexpr size_t kMaxTaskBytes = 1 << 20;

// [a-z0-9][a-z0-9-]{0,79}
absl::Status ValidateId(absl::string_view id);
// [A-Za-z0-9][A-Za-z0-9._:/-]{0,127}; empty means the agent's default and is fine.
absl::Status ValidateModel(absl::string_view model);
// [a-z][a-z0-9_-]{0,31}
absl::Status ValidateAgentName(absl::string_view name);
// The agents that this version can run. The configuration of a worker may offer further names.
inline constexpr std::array<absl::string_view, 8> kAgents = {
    "cursor", "claude", "codex", "gemini", "opencode", "copilot", "qwen", "command"};
bool IsKnownAgent(absl::string_view name);
// That there is no such agent; `offered` are the names that workers offer, `not_done` is "nothing
// was handed over".
absl::Status NoSuchAgent(absl::string_view name, const std::set<std::string>& offered,
                         absl::string_view not_done);
// [a-z][a-z0-9_-]{0,31}
absl::Status ValidateNotifyKey(absl::string_view key);
// [A-Za-z0-9][A-Za-z0-9._-]{0,63}
absl::Status ValidateWorkerName(absl::string_view name);
// What ssh takes as its destination, such as me@build-1: [A-Za-z0-9._][A-Za-z0-9._@:%+/-]{0,254}.
// Never an option.
absl::Status ValidateSshTarget(absl::string_view target);
// Key [A-Za-z0-9][A-Za-z0-9._/-]{0,62}, value at most 256 bytes of printable UTF-8 on one line.
absl::Status ValidateLabel(absl::string_view key, absl::string_view value);
// [A-Za-z_][A-Za-z0-9_]{0,127}, and none that turns data into code (LD_*, BASH_ENV, GIT_*, PATH,
// …).
absl::Status ValidateEnvName(absl::string_view name);
// Not empty (white space does not count), at most kMaxTaskBytes, UTF-8, no NUL.
absl::Status ValidateTask(absl::string_view task);

// In the environment of an attempt: whether its agent may hand off further tasks.
inline constexpr char kChildrenVariable[] = "HANDOFF_CHILDREN";
inline constexpr char kChildrenAllowed[] = "allowed";
inline constexpr char kChildrenRefused[] = "refused";

// Where a repository is: https, http, ssh, git or file URL, an absolute path, or HOST:PATH as ssh
// takes it. No remote helper (ext::…), no credentials, nothing that a program could take for an
// option.
absl::Status ValidateRepoUrl(absl::string_view url);
// A branch or tag as git allows it, at most 255 bytes.
absl::Status ValidateRef(absl::string_view ref);
// 40 lower-case hex digits.
absl::Status ValidateCommit(absl::string_view commit);

// "YYYYMMDD-words-of-the-task": UTC date, lower case, at most 60 bytes; "YYYYMMDD-task" when no
// word is left.
std::string MakeId(absl::Time now, absl::string_view task);

}  // namespace handoff
