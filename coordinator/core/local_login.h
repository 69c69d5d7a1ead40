// Accounts of the coordinator's host: what one asks, and what tells its credentials from others.
#pragma once

#include <string>

#include "coordinator/core/identity.h"

namespace handoff::core {

// By word of the kernel of the coordinator's host, whose account `uid` the configuration says is
// the caller. The one before stays good until the next login.
struct LoginHere {
  Caller caller;  // without a serial
  unsigned uid = 0;
  std::string serial;  // of the certificate to be made
  struct Reply {
    Credential credential;
  };
};

// Who stands behind the credential of an account of the coordinator's host: no name of a user is
// like that. Such a one is never renewed: the account asks for the next one.
std::string LocalSponsor(unsigned uid);
bool IsLocal(const Credential& credential);

}  // namespace handoff::core
