// What is asked of identities. Each command is a value with the reply that belongs to it. What one
// of them does, and that it was refused, stands in the audit log with the same commit.
#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/core/access.h"
#include "coordinator/core/identity.h"

namespace handoff::core {

struct AddUser {
  Caller caller;
  std::string name;
  Role role = Role::kViewer;
  std::vector<std::string> repos;
  struct Reply {
    User user;
  };
};

// What is absent stays. A disabled user's credentials are good for nothing until they are enabled.
// What others got by the rights that change is revoked: open tokens, credentials of ci.
struct ChangeUser {
  Caller caller;
  std::string name;
  std::optional<Role> role;
  std::optional<std::vector<std::string>> repos;
  std::optional<bool> disabled;
  struct Reply {
    User user;
    size_t revoked_credentials = 0, revoked_tokens = 0;
  };
};

struct ListUsers {  // a question
  Caller caller;
  std::string name = "";   // empty: all
  std::string after = "";  // those with a greater name
  size_t most = std::numeric_limits<size_t>::max();
  struct Item {
    User user;
    std::vector<Credential> credentials;
  };
  struct Reply {
    std::vector<Item> users;  // by name; the caller alone, for who may see no more
    bool more = false;
  };
};

struct CreateTokens {
  struct Secret {
    std::string id;    // made by the service, at random
    std::string hash;  // hex SHA-256 of the secret
  };
  Caller caller;
  TokenPurpose purpose = TokenPurpose::kWorker;
  std::vector<Secret> secrets;  // one a token
  absl::Duration ttl;           // of ci: of the credential that it buys, too
  std::string user;             // login: whose; ci: NAME in "ci/NAME", empty: the caller's
  std::vector<std::string> repos;
  std::map<std::string, std::string> labels;
  std::string owner;  // of the worker; empty: the caller
  bool shared = false;
  struct Reply {
    std::vector<Token> tokens;  // without their hashes, as everywhere
  };
};

// Of several redemptions of one token one wins. What was used, has expired, was revoked, is unknown
// or came with a wrong secret is refused with one and the same sentence.
struct RedeemToken {
  Caller caller;  // of the token's own certificate
  std::string token_id;
  std::string secret_hash;
  TokenPurpose purpose = TokenPurpose::kWorker;  // as the line says that was pasted
  std::string worker_uuid;
  std::string device;          // name of the worker, or what the user calls the device
  std::string serial;          // of the certificate to be made
  std::string renewal_serial;  // the same, for a worker
  struct Reply {
    Token token;
    Credential credential;  // as it is stored: subject, not_after
    std::optional<Credential> renewal;
  };
};

// What a worker's certificate says of itself, which the records do not know. It was given by the
// pool's authority, and they may have been restored from a copy that is older than it.
struct UnknownCertificate {
  CredentialPurpose purpose = CredentialPurpose::kWorker;  // or kRenewal
  std::string worker_uuid;
  absl::Time issued_at, not_after;
};

// By proof of the key of an earlier one, the caller's. It stays good until the next renewal, so
// that an answer that was lost costs nothing; all others of its line are forgotten.
struct RenewCredential {
  Caller caller;
  std::string serial;          // of the certificate to be made
  std::string renewal_serial;  // the same, for a worker
  std::optional<UnknownCertificate> unknown = std::nullopt;
  struct Reply {
    Credential credential;
    std::optional<Credential> renewal;
  };
};

struct TokenPlace {  // in the order of a list: newest first, then by id
  absl::Time created_at = absl::InfiniteFuture();
  std::string id = "";
};
struct ListTokens {  // a question
  Caller caller;
  TokenPlace after = {};
  size_t most = std::numeric_limits<size_t>::max();
  struct Reply {
    std::vector<Token> tokens;
    bool more = false;
  };
};

// A call that the service refused.
struct NoteRefusal {
  Caller caller;
  Method method = Method::kGet;
  std::string object;
  std::string detail;
  struct Reply {};
};

}  // namespace handoff::core
