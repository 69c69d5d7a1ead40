// How identities are taken back. Each command is a value with the reply that belongs to it; what it
// does, and that it was refused, stands in the audit log with the same commit.
#pragma once

#include <cstddef>
#include <string>

#include "coordinator/core/identity.h"

namespace handoff::core {

// Revocations change nothing when it was done before.
struct RevokeWorker {
  Caller caller;
  std::string name;  // or uuid
  std::string reason;
  struct Reply {
    std::string worker_uuid;
    bool already = false;
  };
};
struct RevokeUser {  // disabled, with everything that they have and made
  Caller caller;
  std::string name;
  std::string reason;
  struct Reply {
    size_t credentials = 0, tokens = 0;
    bool already = false;
  };
};
// One of ci goes with what it bought. Of others, what they bought is revoked as what it is: to do
// nothing about it and say so is FAILED_PRECONDITION.
struct RevokeToken {
  Caller caller;
  std::string id;
  std::string reason;
  struct Reply {
    bool already = false;
  };
};
struct RevokeDevice {  // every credential that the user has under this name
  Caller caller;
  std::string user, device;
  std::string reason;
  struct Reply {
    size_t credentials = 0;
    bool already = false;
  };
};
struct RevokeCredential {  // with all of its line; of a worker: the worker
  Caller caller;
  std::string serial;
  std::string reason;
  struct Reply {
    bool already = false;
  };
};

}  // namespace handoff::core
