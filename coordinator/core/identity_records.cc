#include "coordinator/core/identity_records.h"

#include <algorithm>

#include "common/check.h"
#include "coordinator/core/limits.h"

namespace handoff::core {
namespace {

using Index = std::map<std::string, std::set<std::string>, std::less<>>;

const std::set<std::string>& In(const Index& index, absl::string_view key) {
  static const std::set<std::string> none;
  const auto found = index.find(key);
  return found == index.end() ? none : found->second;
}

void Drop(Index& index, const std::string& key, const std::string& serial) {
  const auto found = index.find(key);
  found->second.erase(serial);
  if (found->second.empty()) index.erase(found);
}

template <typename Map>
auto* FindIn(const Map& map, absl::string_view key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

absl::Time DeadAt(const Token& token) { return token.expires_at + kExpiredKept; }
absl::Time DeadAt(const Credential& credential) {
  const bool of_worker = credential.purpose == CredentialPurpose::kWorker;
  return credential.not_after + (of_worker ? kExpiredWorkerKept : kExpiredKept);
}

}  // namespace

const User* IdentityRecords::FindUser(absl::string_view name) const { return FindIn(users_, name); }
const Token* IdentityRecords::FindToken(absl::string_view id) const { return FindIn(tokens_, id); }
const Credential* IdentityRecords::FindCredential(absl::string_view serial) const {
  return FindIn(credentials_, serial);
}
const std::set<std::string>& IdentityRecords::SerialsOf(absl::string_view subject) const {
  return In(by_subject_, subject);
}
const std::set<std::string>& IdentityRecords::SerialsOfLine(absl::string_view line) const {
  return In(by_line_, line);
}

bool IdentityRecords::IsRevoked(absl::string_view subject) const {
  const std::set<std::string>& serials = SerialsOf(subject);
  return !serials.empty() && std::all_of(serials.begin(), serials.end(), [&](const auto& serial) {
    return FindCredential(serial)->revoked_at != absl::InfinitePast();
  });
}

bool IdentityRecords::IsActive(absl::string_view user) const {
  const User* known = FindUser(user);
  return known != nullptr && !known->disabled;
}

size_t IdentityRecords::ActiveAdmins() const {
  return static_cast<size_t>(std::count_if(users_.begin(), users_.end(), [](const auto& entry) {
    return entry.second.role == Role::kAdmin && !entry.second.disabled;
  }));
}

size_t IdentityRecords::OpenTokensBy(absl::string_view user, absl::Time now) const {
  return static_cast<size_t>(std::count_if(tokens_.begin(), tokens_.end(), [&](const auto& entry) {
    return entry.second.created_by == user && IsOpen(entry.second) && now < entry.second.expires_at;
  }));
}

void IdentityRecords::Install(const PutToken& change) {
  Install(DropToken{change.token.id});
  dead_tokens_.insert({DeadAt(change.token), change.token.id});
  tokens_[change.token.id] = change.token;
}

void IdentityRecords::Install(const DropToken& change) {
  const auto known = tokens_.find(change.id);
  if (known == tokens_.end()) return;
  dead_tokens_.erase({DeadAt(known->second), change.id});
  tokens_.erase(known);
}

void IdentityRecords::Install(const PutCredential& change) {
  Install(DropCredential{change.credential.serial});
  const Credential& put = credentials_[change.credential.serial] = change.credential;
  by_subject_[put.subject].insert(put.serial);
  by_line_[put.line].insert(put.serial);
  dead_credentials_.insert({DeadAt(put), put.serial});
}

void IdentityRecords::Install(const DropCredential& change) {
  const auto known = credentials_.find(change.serial);
  if (known == credentials_.end()) return;
  Drop(by_subject_, known->second.subject, change.serial);
  Drop(by_line_, known->second.line, change.serial);
  dead_credentials_.erase({DeadAt(known->second), change.serial});
  credentials_.erase(known);
}

void IdentityRecords::Install(const AddAudit& change) {
  CHECK(change.entry.seq == audit_head_.seq + 1);
  audit_head_ = {change.entry.seq, change.entry.hash};
}

void IdentityRecords::CheckInvariants() const {
  IdentityRecords fresh;
  for (const auto& [name, user] : users_) {
    CHECK(name == user.name);
    CHECK(user.role != Role::kCi || !user.repos.empty());
  }
  for (const auto& [id, token] : tokens_) {
    CHECK(id == token.id);
    // What a user had made, or what is for them, is revoked when they are disabled.
    CHECK(!IsOpen(token) || token.created_by.empty() || IsActive(token.created_by));
    CHECK(!IsOpen(token) || token.purpose != TokenPurpose::kLogin || IsActive(token.user));
    fresh.Install(PutToken{token});
  }
  for (const auto& [serial, credential] : credentials_) {
    CHECK(serial == credential.serial);
    CHECK(credential.purpose != CredentialPurpose::kBootstrap);
    CHECK(credential.purpose != CredentialPurpose::kUser || FindUser(credential.subject));
    CHECK(credential.purpose != CredentialPurpose::kCi || !credential.repos.empty());
    fresh.Install(PutCredential{credential});
  }
  for (const auto& [line, serials] : by_line_) {
    const Credential& first = *FindCredential(*serials.begin());
    for (const std::string& serial : serials) {
      CHECK(FindCredential(serial)->subject == first.subject);
    }
  }
  // Once there was an admin there is one.
  CHECK(ActiveAdmins() > 0 || std::none_of(users_.begin(), users_.end(), [](const auto& entry) {
          return entry.second.role == Role::kAdmin;
        }));
  CHECK(fresh.by_subject_ == by_subject_);
  CHECK(fresh.by_line_ == by_line_);
  CHECK(fresh.dead_tokens_ == dead_tokens_);
  CHECK(fresh.dead_credentials_ == dead_credentials_);
}

}  // namespace handoff::core
