#include "coordinator/engine_ids.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status.h"

namespace handoff {
namespace {

std::string Numbered(const std::string& base, uint64_t number) {
  return number == 1 ? base : absl::StrCat(base, "-", number);
}

// The number in an id that the store made from `base`.
uint64_t NumberOf(const std::string& base, absl::string_view id) {
  uint64_t number = 1;
  if (absl::ConsumePrefix(&id, base) && absl::ConsumePrefix(&id, "-") &&
      !absl::SimpleAtoi(id, &number)) {
    return 1;
  }
  return number;
}

}  // namespace

absl::StatusOr<std::string> FreeIds::Next(const std::string& base, const core::State& state) {
  if (reached_.size() >= kMaxKept) reached_.clear();
  uint64_t& number = reached_[base];
  if (number == 0) {
    ASSIGN_OR_RETURN(const std::string id, store_.FreeId(base));
    number = NumberOf(base, id);
  }
  while (true) {
    std::string id = Numbered(base, number);
    ASSIGN_OR_RETURN(const bool taken, IsTaken(id, state));
    if (!taken) return id;
    ++number;
  }
}

absl::StatusOr<bool> FreeIds::IsTaken(const std::string& id, const core::State& state) {
  // The State first: it has those of this batch, which are not stored yet.
  if (state.FindHandoff(id) != nullptr) return true;
  ASSIGN_OR_RETURN(const std::string free, store_.FreeId(id));
  return free != id;
}

}  // namespace handoff
