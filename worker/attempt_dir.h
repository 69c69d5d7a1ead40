// The directory of one attempt, DATA/attempts/<id>/<N>: what survives the daemon. A value; paths
// and small files. The shim's files (worker/shim/shim_files.h) lie in it too.
//
//   boot         the host's boot id when the attempt came: the first file, before anything else
//   attempt.pb   serialised handoff.v1.DesiredAttempt
//   launch.pb    serialised handoff.v1.AttemptEnd with what is known before the launch: session,
//                commands, base commit
//   prompt.md    what the agent gets on stdin; script: what the agent `command` runs
//   checkpoint.pb, stored.pb  the last checkpoints (worker/checkpointing.h)
//   session/     an agent's session on its way from a checkpoint to where the agent looks for it
//   ended.pb     attempt.pb once the coordinator has stored the end
//   tmp/         TMPDIR of the agent
//   checks/, checks.log   of what runs after it (worker/checks.h)
//
// Nothing is synced: the files must survive the death of processes only.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/core/model.h"

namespace handoff::worker {

class AttemptDir {
 public:
  // `attempts` is DATA/attempts.
  AttemptDir(const std::string& attempts, const AttemptKey& key)
      : path_(attempts + "/" + key.ToString()) {}

  const std::string& path() const { return path_; }
  std::string log() const { return path_ + "/log"; }
  std::string prompt() const { return path_ + "/prompt.md"; }
  std::string script() const { return path_ + "/script"; }
  std::string tmp() const { return path_ + "/tmp"; }
  std::string session() const { return path_ + "/session"; }
  std::string checks() const { return path_ + "/checks"; }
  std::string checks_log() const { return path_ + "/checks.log"; }
  std::string launch() const { return path_ + "/launch.pb"; }

  // Makes it with boot, attempt.pb and tmp/. A coordinator that lost its last days may lease a
  // number again: what says how that older attempt ended is removed first.
  absl::Status Create(absl::string_view desired_attempt, absl::string_view boot_id) const;
  absl::StatusOr<std::string> ReadDesired() const;
  // The coordinator has the end: nothing is done for it at the next start.
  absl::Status MarkEnded() const;
  bool ended() const;

 private:
  std::string path_;
};

// Attempts with an attempt.pb below DATA/attempts. An error when something there cannot be read: an
// attempt that is not listed counts as lost, and its agent may run.
absl::StatusOr<std::vector<AttemptKey>> LiveAttempts(const std::string& attempts);

}  // namespace handoff::worker
