#include "coordinator/core/queue.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "coordinator/core/affinity.h"

namespace handoff::core {

QueueKey KeyOf(const Handoff& handoff) { return {handoff.priority, handoff.seq, handoff.id}; }

bool WantsOnlyChecks(const Handoff& handoff) {
  return handoff.Latest() != nullptr && handoff.Latest()->only_checks;
}

std::string SignatureOf(const Handoff& handoff) {
  // The separator cannot occur in names or labels: both are checked to be printable.
  constexpr char kNext[] = "\x1f";
  std::string signature =
      absl::StrCat(WantsOnlyChecks(handoff) ? "" : handoff.agent, kNext, handoff.repo_key, kNext,
                   handoff.on_worker, kNext, handoff.by_hand_on, kNext, handoff.prefer_worker,
                   kNext, handoff.exclusive ? "x" : "", kNext, AffinityOf(handoff), kNext);
  for (const auto& [key, value] : handoff.require)
    absl::StrAppend(&signature, key, "=", value, kNext);
  for (const std::string& uuid : handoff.avoid) absl::StrAppend(&signature, "-", uuid, kNext);
  return signature;
}

absl::Time ReadySince(const Handoff& handoff) {
  const Attempt* latest = handoff.Latest();
  const absl::Time created = latest == nullptr ? handoff.created_at : latest->created_at;
  return std::max(created, handoff.not_before);
}

}  // namespace handoff::core
