// What a push is asked with, and what comes of it; see repo_client.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "worker/repo/repo_client.h"

namespace handoff {

// The work of a checkpoint as branch handoff/<id> at `url`: the agent's commits, and one more with
// what it left uncommitted. It may be absent there, or at one of `from`; nothing else is moved.
struct PushRequest {
  std::string url, store, handoff_id;
  int attempt = 0;
  std::string commit;  // of the checkpoint, in the store
  std::string user_name, user_email;
  int64_t taken_at = 0;  // seconds since 1970
  std::vector<std::string> from;
  RepoCredentials credentials;
};
// The ref of the store that names what an attempt pushes, from before it is sent. That tells what
// may have arrived where no answer did.
inline std::string PushedRef(const std::string& handoff_id, int attempt) {
  return absl::StrCat("refs/handoff/", handoff_id, "/pushed-", attempt);
}

struct PushAnswer {
  enum State { kPushed = 1, kUpToDate, kRefused };
  int state = 0;
  std::string commit;   // that is, or was to be, there
  std::string message;  // with kRefused: why it is not; else what the remote said
};

}  // namespace handoff
