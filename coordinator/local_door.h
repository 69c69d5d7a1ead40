// The way in for accounts of this host: a unix socket on which there is one question, "let me in",
// with a signing request. Who asks is what the kernel says (SO_PEERCRED), never what they say. The
// answer is a certificate of a day with which they call as everybody does. Its own small protocol,
// and not gRPC: that does not tell a handler by which connection a call came (ADR 34).
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "common/rpc/listener.h"
#include "common/unique_fd.h"
#include "coordinator/engine.h"
#include "coordinator/identity/issuer.h"

namespace handoff {

class LocalDoor {
 public:
  struct Options {
    std::string socket;  // absolute path
    // Who an account is in the pool. Nobody else comes in, root neither.
    std::map<unsigned, std::string> users;
    absl::Duration patience = absl::Seconds(5);  // with a peer that does not speak or listen
  };
  // FAILED_PRECONDITION when the socket is in use. `issuer` and `engine` outlive this.
  static absl::StatusOr<std::unique_ptr<LocalDoor>> Open(Options options, const Issuer& issuer,
                                                         Engine& engine);
  ~LocalDoor();  // no new ones; those under way are answered

 private:
  LocalDoor(Options options, std::unique_ptr<Listener> listener, const Issuer& issuer,
            Engine& engine);
  // One at a time of each account: who does not speak holds up nobody but themselves.
  struct Guest {
    bool inside = false;
    std::thread thread;
  };
  void Admit(UniqueFd connection);
  void Serve(const UniqueFd& connection, unsigned uid, const std::string& user);

  const Options options_;
  const std::unique_ptr<Listener> listener_;
  std::set<unsigned> refused_;  // uids of which the log tells; of the listener's thread
  const Issuer& issuer_;
  Engine& engine_;
  Mutex mutex_;
  std::map<unsigned, Guest> guests_ ABSL_GUARDED_BY(mutex_);  // at most one for each of users
};

}  // namespace handoff
