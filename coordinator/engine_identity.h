// Who is behind a serial, for the threads of the services: immutable snapshots of the identities in
// the State, of which the engine's thread publishes the next after each commit that changed one.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/mutex.h"
#include "coordinator/core/state.h"

namespace handoff {

// A credential as its calls are looked at. `revoked`: it, or the user whose it is. A worker's and a
// renewal credential have no role.
struct Identified {
  core::CredentialPurpose purpose = core::CredentialPurpose::kWorker;
  std::string subject;
  std::optional<core::Role> role;
  std::vector<std::string> repos;  // patterns; empty: any
  bool revoked = false;
  friend bool operator==(const Identified&, const Identified&) = default;
};

// What may do less since a commit than before: revoked, forgotten, or of a user whose role or
// repositories changed. Calls that are under way with it were let in by what is true no more.
struct CutOff {
  std::set<std::string> serials;
  std::set<std::string> subjects;  // of those, who have no credential left that is good
};

class IdentitySnapshot {
 public:
  // nullptr: no such credential, or none any more.
  const Identified* Find(absl::string_view serial) const;

 private:
  friend class IdentityView;
  static constexpr size_t kParts = 256;
  using Part = std::map<std::string, Identified, std::less<>>;
  static size_t PartOf(absl::string_view serial);

  // Shared with the snapshots before and after; null: empty.
  std::array<std::shared_ptr<const Part>, kParts> parts_;
};

// Thread-safe; Update and Rebuild are for the engine's thread.
class IdentityView {
 public:
  std::shared_ptr<const IdentitySnapshot> Get() const;

  // What a batch touched. Costs the parts that these are in, not the whole.
  struct Touched {
    std::set<std::string> serials, users;
    bool empty() const { return serials.empty() && users.empty(); }
  };
  CutOff Update(const core::State& state, Touched touched);
  void Rebuild(const core::State& state);

 private:
  void Publish(std::shared_ptr<const IdentitySnapshot> next);

  mutable Mutex mutex_;
  std::shared_ptr<const IdentitySnapshot> current_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<const IdentitySnapshot>();
};

}  // namespace handoff
