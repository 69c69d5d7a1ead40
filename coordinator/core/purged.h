// Which workers may still have something of handoffs that were purged, until they say that they
// have not. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace handoff::core {

class Purged {
 public:
  // `workers` may be empty: nobody has anything of it, and it is known until Evict.
  void Add(const std::string& id, const std::set<std::string>& workers);
  void Drop(const std::string& id, const std::string& worker_uuid);
  // Forgets those that nobody has anything of.
  void Evict();

  bool Has(absl::string_view id) const { return ids_.find(id) != ids_.end(); }
  // Ids that this worker may have something of, each with how many answers had been given before
  // the first one that told it so; nothing when none did yet.
  using Told = std::map<std::string, std::optional<uint64_t>>;
  const Told& Of(absl::string_view worker_uuid) const;
  void SetTold(const std::string& worker_uuid, const std::string& id, uint64_t answers);

  const std::map<std::string, std::set<std::string>, std::less<>>& ids() const { return ids_; }

 private:
  std::map<std::string, std::set<std::string>, std::less<>> ids_;
  std::set<std::string> done_;  // those that no worker has anything of
  std::map<std::string, Told, std::less<>> by_worker_;
};

}  // namespace handoff::core
