// The certificates that the coordinator gives itself: its own, which every connection is answered
// with, and that of the admin who runs it, so that whoever may read its data directory can use the
// pool at once. Kept in directories of authority.pem, certificate.pem and key.pem, as
// common/rpc/credentials.h takes them, and made again at half of their life.
#pragma once

#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "coordinator/engine.h"
#include "coordinator/identity/issuer.h"

namespace handoff {

// Both make what is missing, damaged, of another authority, or past half of its life.
absl::Status RefreshServerFiles(const std::string& directory, const Issuer& issuer,
                                const std::vector<std::string>& hosts, absl::Time now);
// For the admin `name`, who is made a user of the pool when there is none of that name. What the
// pool does not know is made anew, too: its records were restored from before it was given. One
// that was revoked stays as it is, and so does everything of a user who is disabled: somebody
// decided so, and to read this directory is not to be let in again. Each time it is logged what to
// do.
absl::Status RefreshLocalAdmin(const std::string& directory, const std::string& name,
                               const Issuer& issuer, Engine& engine, absl::Time now);

// A line with which `name` logs in elsewhere, within `ttl`.
absl::StatusOr<Secret> MakeLoginLine(const std::string& name, absl::Duration ttl,
                                     const Issuer& issuer, Engine& engine);

// The name in the pool of whoever runs this process.
std::string LocalAdminName();

// Refreshes both every hour, on a thread of its own. What fails is logged and tried again.
class OwnFiles {
 public:
  struct Options {
    std::string server_directory, admin_directory;
    std::vector<std::string> hosts;
    std::string admin;
  };
  OwnFiles(Options options, const Issuer& issuer, Engine& engine, const Clock& clock);
  ~OwnFiles();

  absl::Status Refresh();

 private:
  void Run();

  const Options options_;
  const Issuer& issuer_;
  Engine& engine_;
  const Clock& clock_;
  Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace handoff
