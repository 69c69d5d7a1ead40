// The users, tokens and credentials of the State, with what follows from them. All of them are in
// memory: each call is looked up. Not thread-safe: part of the State.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "coordinator/core/audit.h"
#include "coordinator/core/identity.h"

namespace handoff::core {

struct PutUser {
  User user;
};  // durable
struct PutToken {
  Token token;
};  // durable
struct DropToken {
  std::string id;
};  // durable
struct PutCredential {
  Credential credential;
};  // durable
struct DropCredential {
  std::string serial;
};  // durable: no such credential is known any more
struct AddAudit {
  AuditEntry entry;
};  // durable; its seq and hash are set
struct SetAuditHead {
  AuditHead head;
};  // volatile: as the store has it
struct SetRefusals {
  RefusalCount count;
};  // volatile
struct SetRestored {
  absl::Time at;
};  // volatile: as the store has it

class IdentityRecords {
 public:
  const User* FindUser(absl::string_view name) const;
  const Token* FindToken(absl::string_view id) const;
  const Credential* FindCredential(absl::string_view serial) const;
  const std::map<std::string, User, std::less<>>& users() const { return users_; }
  const std::map<std::string, Token, std::less<>>& tokens() const { return tokens_; }
  const std::map<std::string, Credential, std::less<>>& credentials() const { return credentials_; }
  // Serials of all credentials of a subject, and of those that came from one by renewal.
  const std::set<std::string>& SerialsOf(absl::string_view subject) const;
  const std::set<std::string>& SerialsOfLine(absl::string_view line) const;

  // It had credentials, and every one was revoked. One that never had any is not.
  bool IsRevoked(absl::string_view subject) const;
  // Neither disabled nor unknown.
  bool IsActive(absl::string_view user) const;
  size_t ActiveAdmins() const;
  // Could be redeemed; "": made by the coordinator.
  size_t OpenTokensBy(absl::string_view user, absl::Time now) const;

  // What is of no use any more, by the time since when: ids of tokens and serials.
  using ByTime = std::set<std::pair<absl::Time, std::string>>;
  const ByTime& dead_tokens() const { return dead_tokens_; }
  const ByTime& dead_credentials() const { return dead_credentials_; }

  const AuditHead& audit_head() const { return audit_head_; }
  const RefusalCount& refusals() const { return refusals_; }
  // When a person said last that the records were restored from a copy: until then certificates
  // were issued that they may not know. InfinitePast: nobody did.
  absl::Time restored_at() const { return restored_at_; }

  void Install(const PutUser& change) { users_[change.user.name] = change.user; }
  void Install(const PutToken& change);
  void Install(const DropToken& change);
  void Install(const PutCredential& change);
  void Install(const DropCredential& change);
  void Install(const AddAudit& change);
  void Install(const SetAuditHead& change) { audit_head_ = change.head; }
  void Install(const SetRefusals& change) { refusals_ = change.count; }
  void Install(const SetRestored& change) { restored_at_ = change.at; }
  // CHECKs what must hold of it at any time.
  void CheckInvariants() const;

 private:
  std::map<std::string, User, std::less<>> users_;
  std::map<std::string, Token, std::less<>> tokens_;
  std::map<std::string, Credential, std::less<>> credentials_;
  AuditHead audit_head_;
  RefusalCount refusals_;
  absl::Time restored_at_ = absl::InfinitePast();

  // Indexes.
  std::map<std::string, std::set<std::string>, std::less<>> by_subject_, by_line_;
  ByTime dead_tokens_, dead_credentials_;
};

}  // namespace handoff::core
