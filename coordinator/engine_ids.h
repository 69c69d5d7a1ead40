// Ids for new handoffs that neither the store nor the State has. Owned by the engine's thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/core/state.h"
#include "coordinator/store/store.h"

namespace handoff {

class FreeIds {
 public:
  explicit FreeIds(Store& store) : store_(store) {}

  // `base`, or `base`-2, -3, … One look-up in the store, also for the thousandth equal task of a
  // day: the number reached is kept.
  absl::StatusOr<std::string> Next(const std::string& base, const core::State& state);
  absl::StatusOr<bool> IsTaken(const std::string& id, const core::State& state);

 private:
  static constexpr size_t kMaxKept = 4096;  // then all are forgotten and the store is asked again
  Store& store_;
  std::map<std::string, uint64_t> reached_;
};

}  // namespace handoff
