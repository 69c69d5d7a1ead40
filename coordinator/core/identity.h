// Who may come in, by which credential, and what was given to whom. Plain values; secrets are only
// ever here as their hashes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff::core {

enum class Role { kAdmin = 1, kOperator, kMember, kViewer, kCi };

// Never removed, only disabled: what they submitted keeps its owner.
struct User {
  std::string name;
  Role role = Role::kViewer;
  std::vector<std::string> repos;  // patterns (repo_pattern.h); empty: any, but for ci
  absl::Time created_at = absl::InfinitePast();
  std::string created_by;
  bool disabled = false;
  friend bool operator==(const User&, const User&) = default;
};

// What a token is redeemed for.
enum class TokenPurpose { kWorker = 1, kLogin, kCi };

// A public id and a secret of which we have the hash; good for one redemption until it expires.
struct Token {
  std::string id;
  std::string secret_hash;  // hex SHA-256; empty in replies
  TokenPurpose purpose = TokenPurpose::kWorker;
  std::string user;                // whose login it is; for ci: the subject of the credential
  std::vector<std::string> repos;  // of a worker or a ci credential
  absl::Time expires_at = absl::InfinitePast();
  absl::Time created_at = absl::InfinitePast();
  std::string created_by;  // a user; empty: the coordinator at its first start
  absl::Time used_at = absl::InfinitePast();
  std::string line;  // that it bought; empty: none yet, or an earlier version did not note it
  absl::Time revoked_at = absl::InfinitePast();
  // Of the worker that joins with it.
  std::map<std::string, std::string> labels;
  std::string owner;
  bool shared = false;
  friend bool operator==(const Token&, const Token&) = default;
};
inline bool IsOpen(const Token& token) {
  return token.used_at == absl::InfinitePast() && token.revoked_at == absl::InfinitePast();
}

// What the certificate behind a connection was made for. A token's own certificate is for nothing
// but to redeem it, and is not kept here.
enum class CredentialPurpose { kWorker = 1, kRenewal, kUser, kCi, kBootstrap };

// One certificate. Those that follow each other by renewal are one line; each renewal is one
// generation, of which a worker has two certificates: one to work with, one only to renew with.
struct Credential {
  std::string serial;  // lower-case hex
  CredentialPurpose purpose = CredentialPurpose::kWorker;
  std::string subject;             // uuid of a worker, name of a user, "ci/NAME"
  std::string device;              // for people: name of the worker, or what a user calls it
  std::string line;                // serial of the first of the line
  int generation = 1;              // within the line
  std::vector<std::string> repos;  // of ci
  std::string sponsor;             // who made the token; empty: the coordinator
  absl::Time issued_at = absl::InfinitePast();
  absl::Time not_after = absl::InfinitePast();
  absl::Time revoked_at = absl::InfinitePast();
  friend bool operator==(const Credential&, const Credential&) = default;
};

inline bool IsGood(const Credential& credential, absl::Time now) {
  return credential.revoked_at == absl::InfinitePast() && now < credential.not_after;
}
inline bool IsWorkers(const Credential& credential) {
  return credential.purpose == CredentialPurpose::kWorker ||
         credential.purpose == CredentialPurpose::kRenewal;
}

// Who asks. `serial` and `name` come from the connection and are looked at again when it is
// decided.
struct Caller {
  std::string name;     // subject of the credential, or the user to whom a local uid belongs
  std::string serial;   // empty: no certificate
  std::string address;  // of the peer, for the audit log
  bool is_coordinator = false;  // the program itself, at its first start
  friend bool operator==(const Caller&, const Caller&) = default;
};

absl::string_view NameOf(Role role);                  // "admin"
absl::string_view NameOf(TokenPurpose purpose);       // "worker", "login", "ci"
absl::string_view NameOf(CredentialPurpose purpose);  // "worker", "renewal", …

}  // namespace handoff::core
