#include "coordinator/core/edit.h"

#include <algorithm>

template class std::vector<handoff::core::Change>;

namespace handoff::core {
namespace {

template <typename T, typename... Ts>
constexpr bool kIsOneOf = (std::is_same_v<T, Ts> || ...);

}  // namespace

bool IsDurable(const Change& change) {
  return std::visit(
      [](const auto& c) {
        using T = std::decay_t<decltype(c)>;
        return !kIsOneOf<T, SetLiveWorker, SetAttemptViews, SetLease, SetProbeAsked, NoteWorkspace,
                         SetPurgeTold, SetSummaryWish, DropSummaryWish, SetWishOffered,
                         SetAgentTurn, DropAgentTurn, SetTurnOffered, SetTicked, SetPaidOff,
                         SetListening, SetAuditHead, SetRefusals, SetRestored>;
      },
      change);
}

bool Edit::durable() const { return std::any_of(changes.begin(), changes.end(), IsDurable); }

}  // namespace handoff::core
