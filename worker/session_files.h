// The files in which an agent keeps a session: found for a checkpoint, and put where they belong on
// another host. They lie in the home of the account, beside other sessions and the agent's
// settings: nothing is read or written but what the adapter's patterns name.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "worker/agent/agent.h"

namespace handoff::worker {

// `path` and `pattern` are relative; `*` and `?` stay within a name, `**` matches any depth.
bool MatchesSessionPattern(absl::string_view pattern, absl::string_view path);

// Whether it is an id and no option, path or pattern: [A-Za-z0-9][A-Za-z0-9._-]{0,199}.
bool IsSessionId(absl::string_view id);

// The adapter's answer, if `place.session` is an id and not a pattern or a path: it may come from a
// stream. No root otherwise.
SessionFiles SessionFilesOf(const Agent& agent, const SessionPlace& place);

struct FoundSession {
  std::vector<std::string> files;  // from the root, sorted by pattern, then by name
  std::string left_out;            // a sentence; empty: nothing
};
// `running`: what is written while it is read, an SQLite store, is left out. Nothing where there is
// nothing.
FoundSession FindSession(const SessionFiles& where, bool running);

// Puts the files below `from` where the adapter wants them for `place`. A file that is there
// already is left as it is when it is the same, and is kept as <name>.<mark>.bak when it is not the
// begin of the new one. Idempotent. NOT_FOUND when nothing of the session was below `from`.
absl::Status PlaceSession(const Agent& agent, const SessionPlace& place, const std::string& from,
                          const std::string& mark);

}  // namespace handoff::worker
