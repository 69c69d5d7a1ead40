#include "coordinator/engine_identity.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace handoff {
namespace {

Identified Of(const core::IdentityRecords& records, const core::Credential& credential) {
  Identified found;
  found.purpose = credential.purpose;
  found.subject = credential.subject;
  found.repos = credential.repos;
  found.revoked = credential.revoked_at != absl::InfinitePast();
  if (credential.purpose == core::CredentialPurpose::kCi) found.role = core::Role::kCi;
  if (credential.purpose != core::CredentialPurpose::kUser) return found;
  const core::User* const user = records.FindUser(credential.subject);
  found.revoked = found.revoked || user == nullptr || user->disabled;
  if (user == nullptr) return found;
  found.role = user->role;
  found.repos = user->repos;
  return found;
}

// Whether calls that the first let in may go on under the second.
bool GoesOn(const Identified& before, const Identified* after) {
  return before.revoked || (after != nullptr && !after->revoked && before.role == after->role &&
                            before.repos == after->repos);
}

bool HasGoodOne(const core::State& state, const IdentitySnapshot& snapshot,
                const std::string& subject) {
  const std::set<std::string>& serials = state.identity().SerialsOf(subject);
  return std::any_of(serials.begin(), serials.end(), [&](const std::string& serial) {
    const Identified* found = snapshot.Find(serial);
    return found != nullptr && !found->revoked;
  });
}

}  // namespace

// FNV-1a: serials of one maker may begin alike.
size_t IdentitySnapshot::PartOf(absl::string_view serial) {
  uint32_t hash = 2166136261u;
  for (const char c : serial) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return (hash >> 16 ^ hash) % kParts;
}

const Identified* IdentitySnapshot::Find(absl::string_view serial) const {
  const Part* const part = parts_[PartOf(serial)].get();
  if (part == nullptr) return nullptr;
  const auto found = part->find(serial);
  return found == part->end() ? nullptr : &found->second;
}

std::shared_ptr<const IdentitySnapshot> IdentityView::Get() const {
  MutexLock lock(mutex_);
  return current_;
}

void IdentityView::Publish(std::shared_ptr<const IdentitySnapshot> next) {
  MutexLock lock(mutex_);
  current_.swap(next);
}

CutOff IdentityView::Update(const core::State& state, Touched touched) {
  CutOff cut;
  if (touched.empty()) return cut;
  const core::IdentityRecords& records = state.identity();
  const std::shared_ptr<const IdentitySnapshot> before = Get();
  auto after = std::make_shared<IdentitySnapshot>(*before);
  for (const std::string& name : touched.users) {
    const std::set<std::string>& theirs = records.SerialsOf(name);
    touched.serials.insert(theirs.begin(), theirs.end());
  }
  std::map<size_t, IdentitySnapshot::Part> parts;
  for (const std::string& serial : touched.serials) {
    const size_t number = IdentitySnapshot::PartOf(serial);
    const auto [part, fresh] = parts.try_emplace(number);
    if (fresh && before->parts_[number] != nullptr) part->second = *before->parts_[number];
    const core::Credential* const credential = records.FindCredential(serial);
    part->second.erase(serial);
    if (credential != nullptr) part->second.emplace(serial, Of(records, *credential));
  }
  for (auto& [number, part] : parts)
    after->parts_[number] = std::make_shared<const IdentitySnapshot::Part>(std::move(part));
  for (const std::string& serial : touched.serials) {
    const Identified* const was = before->Find(serial);
    if (was == nullptr || GoesOn(*was, after->Find(serial))) continue;
    cut.serials.insert(serial);
    cut.subjects.insert(was->subject);
  }
  std::erase_if(cut.subjects,
                [&](const auto& subject) { return HasGoodOne(state, *after, subject); });
  Publish(std::move(after));
  return cut;
}

void IdentityView::Rebuild(const core::State& state) {
  const core::IdentityRecords& records = state.identity();
  std::array<IdentitySnapshot::Part, IdentitySnapshot::kParts> parts;
  for (const auto& [serial, credential] : records.credentials())
    parts[IdentitySnapshot::PartOf(serial)].emplace(serial, Of(records, credential));
  auto next = std::make_shared<IdentitySnapshot>();
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) continue;
    next->parts_[i] = std::make_shared<const IdentitySnapshot::Part>(std::move(parts[i]));
  }
  Publish(std::move(next));
}

}  // namespace handoff
