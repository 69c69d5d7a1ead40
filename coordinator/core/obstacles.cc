#include "coordinator/core/obstacles.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "coordinator/core/holds.h"
#include "coordinator/core/sentence.h"

namespace handoff::core {
namespace {

std::string MissingLabels(const Handoff& handoff, const Worker& worker) {
  std::vector<std::string> missing;
  for (const auto& [key, value] : handoff.require) {
    const auto label = worker.labels.find(key);
    if (label == worker.labels.end()) {
      missing.push_back(absl::StrCat(key, "=", value));
    } else if (label->second != value) {
      missing.push_back(absl::StrCat(key, "=", value, " (it has ", key, "=", label->second, ")"));
    }
  }
  return absl::StrJoin(missing, ", ");
}

std::string AgentSentence(const Handoff& handoff, const Worker& worker) {
  const AgentOffer* offer = FindOffer(worker, handoff.agent);
  if (offer == nullptr) return absl::StrCat("does not offer the agent ", handoff.agent, ".");
  const bool missing = offer->state == AgentState::kMissing;
  return absl::StrCat(missing ? "does not have the agent " : "has to be set up for the agent ",
                      handoff.agent, offer->message.empty() ? "." : ": ", Sentence(offer->message));
}

std::string HoldSentence(const Hold& hold, absl::Time now) {
  const bool everywhere = IsOfAccount(hold);
  return absl::StrCat("is on hold for ", HeldWords(hold.key), " since ", TimeText(hold.since), ": ",
                      Sentence(hold.reason), everywhere ? " It ends at " : " Next probe ",
                      UntilText(hold.next_probe, now), ".");
}

std::string AccountSentence(const State& state, const Handoff& handoff, const Seat& seat,
                            absl::Time now) {
  const AgentOffer& offer = *FindOffer(*seat.worker, handoff.agent);
  const AccountUse use = UseOf(state, offer, seat, handoff.owner, now);
  const std::string count = absl::StrCat(use.used, " of ", CountText(use.most, "attempt"));
  if (offer.account.empty())
    return absl::StrCat("may not take it: ", count, " of ", offer.name, " run there already.");
  return absl::StrCat("may not take it: ", count, " of the account ", offer.account, " of ",
                      offer.name, " run in this pool already.");
}

std::string RepositorySentence(const Handoff& handoff, const Worker& worker) {
  return absl::StrCat("takes only repositories like ", absl::StrJoin(worker.repos, ", "),
                      handoff.repo_key.empty() ? ", and the handoff has none."
                                               : absl::StrCat(", not ", handoff.repo_key, "."));
}

}  // namespace

std::string ObstacleSentence(const State& state, const Handoff& handoff, const Seat& seat,
                             Obstacle obstacle, absl::Time now) {
  const Worker& worker = *seat.worker;
  switch (obstacle) {
    case Obstacle::kNone:
      return "could take it.";
    case Obstacle::kOtherWorker:
      if (handoff.by_hand_on.empty())
        return absl::StrCat("is not ", handoff.on_worker, ", which the handoff asks for.");
      return absl::StrCat("is not ", handoff.by_hand_on,
                          ", in whose workspace alone lies what was done by hand.");
    case Obstacle::kPrivate:
      return absl::StrCat("is private to ", worker.owner, ".");
    case Obstacle::kRepository:
      return RepositorySentence(handoff, worker);
    case Obstacle::kLabel:
      return absl::StrCat("does not match the requirement ", MissingLabels(handoff, worker), ".");
    case Obstacle::kUnreachable:
      if (worker.last_seen == absl::InfinitePast())
        return "has not been heard of since the coordinator started.";
      return absl::StrCat("is unreachable, silent since ", TimeText(worker.last_seen), ".");
    case Obstacle::kDraining:
      return absl::StrCat("is draining", worker.drain_reason.empty() ? "." : ": ",
                          Sentence(worker.drain_reason));
    case Obstacle::kAgent:
      return AgentSentence(handoff, worker);
    case Obstacle::kHold:
      return HoldSentence(*HoldAgainst(state, handoff, worker, NeedOf(handoff), now), now);
    case Obstacle::kNotAccepting:
      return absl::StrCat("takes nothing now: ", Sentence(worker.not_accepting));
    case Obstacle::kAccount:
      return AccountSentence(state, handoff, seat, now);
    case Obstacle::kNoSlot:
      return absl::StrCat("has no free slot (", seat.used, " of ", worker.slots, " used).");
    case Obstacle::kAlone:
      return seat.exclusive ? "runs a handoff that asked to be alone."
                            : "runs other attempts, and this handoff asks to be alone.";
  }
  return "";
}

absl::string_view ObstacleName(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::kNone:
      return "free";
    case Obstacle::kOtherWorker:
      return "not the one asked for";
    case Obstacle::kPrivate:
      return "private to somebody else";
    case Obstacle::kRepository:
      return "for other repositories";
    case Obstacle::kLabel:
      return "without a required label";
    case Obstacle::kUnreachable:
      return "unreachable";
    case Obstacle::kDraining:
      return "draining";
    case Obstacle::kAgent:
      return "without the agent ready";
    case Obstacle::kHold:
      return "on hold";
    case Obstacle::kNotAccepting:
      return "not accepting work";
    case Obstacle::kAccount:
    case Obstacle::kNoSlot:
    case Obstacle::kAlone:
      return "busy";
  }
  return "";
}

}  // namespace handoff::core
