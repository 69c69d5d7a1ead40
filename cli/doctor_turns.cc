#include "cli/doctor_turns.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/text/render_turn.h"
#include "cli/text/words.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

constexpr absl::Duration kLookEvery = absl::Milliseconds(500);
// A worker gives one so long, and makes one after the other.
constexpr absl::Duration kOneTurn = absl::Seconds(90);
constexpr absl::Duration kBeside = absl::Seconds(30);  // for probes, and the way there and back

class Asking {
 public:
  Asking(const TurnFlags& flags, Client& client, Terminal& terminal, Report& report)
      : flags_(flags), client_(client), terminal_(terminal), report_(report) {}

  absl::Status Ask(const v1::Worker& worker) {
    v1::AskTurnsRequest request;
    request.set_worker(worker.name());
    request.set_agent(flags_.agent);
    auto asked = client_.AskTurns(request);
    if (!asked.ok()) return Refused(worker.name(), asked.status());
    int pending = 0;
    for (const v1::AgentTurn& turn : asked->turns()) {
      if (!IsAsked(*asked, turn.agent())) continue;
      waited_[{worker.name(), turn.agent()}] = turn;
      if (!turn.has_at()) ++pending;
    }
    most_pending_ = std::max(most_pending_, pending);
    for (const v1::AgentOffer& offer : asked->agents()) {
      if (offer.state() != v1::AgentOffer::READY) not_ready_[{worker.name(), offer.name()}] = true;
    }
    return absl::OkStatus();
  }

  // Until all have answered, or the time is over.
  absl::Status Wait() {
    wait_ = flags_.wait > absl::ZeroDuration() ? flags_.wait : kBeside + most_pending_ * kOneTurn;
    const absl::Time until = absl::Now() + wait_;
    StreamCall pause;
    while (Pending() > 0 && absl::Now() < until) {
      terminal_.Progress(absl::StrCat("waiting for ", Plural(Pending(), "turn")));
      pause.Pause(std::min(kLookEvery, until - absl::Now()));
      const auto workers = client_.ListWorkers(flags_.worker);
      // Removed meanwhile: it does not answer.
      if (absl::IsNotFound(workers.status())) break;
      if (!workers.ok()) {
        terminal_.EndProgress();
        return workers.status();
      }
      for (const v1::Worker& worker : workers->workers()) Look(worker);
    }
    terminal_.EndProgress();
    return absl::OkStatus();
  }

  void Tell() const {
    const absl::Time now = absl::Now();
    for (const auto& [key, turn] : waited_) {
      const std::string what = absl::StrCat(OneLine(key.first, 64), " ", OneLine(key.second, 32));
      const std::string words = absl::StrCat("one turn ", TurnWords(turn, now));
      const std::string advice = TurnAdvice(turn, key.first, now);
      if (!turn.has_at()) {
        TellSilence(key, what);
      } else if (turn.failure() == v1::Failure::NONE) {
        report_.Ok(what, words);
      } else if (flags_.agent.empty() && not_ready_.count(key) > 0) {
        report_.Note(what, words, advice);  // not every host has to have every agent
      } else {
        report_.Problem(what, words, advice);
      }
    }
  }

  bool Any() const { return !waited_.empty(); }

 private:
  using Key = std::pair<std::string, std::string>;  // worker, agent

  // The turns of others are of earlier times.
  bool IsAsked(const v1::Worker& worker, const std::string& agent) const {
    if (!flags_.agent.empty()) return agent == flags_.agent;
    const auto& offers = worker.agents();
    return std::any_of(offers.begin(), offers.end(), [&](const v1::AgentOffer& offer) {
      return offer.name() == agent && offer.state() != v1::AgentOffer::MISSING;
    });
  }

  absl::Status Refused(const std::string& worker, const absl::Status& status) {
    if (absl::IsUnavailable(status)) return status;
    const std::string why =
        absl::IsUnimplemented(status)
            ? "no turn was asked for: the coordinator is older than this command; update it"
            : std::string(status.message());
    // Of all, those count that can be asked.
    if (flags_.worker.empty()) {
      report_.Note(OneLine(worker, 64), why, "");
    } else {
      report_.Problem(OneLine(worker, 64), why, "", ExitFor(status));
    }
    return absl::OkStatus();
  }

  void Look(const v1::Worker& worker) {
    for (auto& [key, turn] : waited_) {
      if (key.first != worker.name()) continue;
      const v1::AgentTurn* now = FindTurn(worker, key.second);
      if (now != nullptr) {
        turn = *now;
      } else if (!turn.has_at()) {
        forgotten_[key] = true;
      }
    }
  }

  uint64_t Pending() const {
    return static_cast<uint64_t>(
        std::count_if(waited_.begin(), waited_.end(), [&](const auto& waited) {
          return !waited.second.has_at() && forgotten_.count(waited.first) == 0;
        }));
  }

  void TellSilence(const Key& key, const std::string& what) const {
    if (forgotten_.count(key) > 0) {
      report_.Problem(what,
                      "the coordinator was started again and forgot that a turn was asked for",
                      "ask again", Exit::kTimedOut);
      return;
    }
    report_.Problem(what, absl::StrCat("no answer within ", HumanDuration(wait_)),
                    absl::StrCat("'handoff worker show ", OneLine(key.first, 64),
                                 "' tells the result when it comes; if none does, look at "
                                 "handoff-worker on that host"),
                    Exit::kTimedOut);
  }

  const TurnFlags& flags_;
  Client& client_;
  Terminal& terminal_;
  Report& report_;
  absl::Duration wait_ = absl::ZeroDuration();
  int most_pending_ = 0;
  std::map<Key, v1::AgentTurn> waited_;
  std::map<Key, bool> forgotten_, not_ready_;
};

}  // namespace

const v1::AgentTurn* FindTurn(const v1::Worker& worker, const std::string& agent) {
  const auto& turns = worker.turns();
  const auto turn = std::find_if(turns.begin(), turns.end(),
                                 [&](const v1::AgentTurn& t) { return t.agent() == agent; });
  return turn == turns.end() ? nullptr : &*turn;
}

absl::Status CheckTurns(const TurnFlags& flags, const v1::ListWorkersResponse& workers,
                        Client& client, Terminal& terminal, Report& report) {
  Asking asking(flags, client, terminal, report);
  for (const v1::Worker& worker : workers.workers()) {
    // Of one that is silent it was said already, but whoever named it asked for an answer.
    if (worker.reachable() || !flags.worker.empty()) RETURN_IF_ERROR(asking.Ask(worker));
  }
  if (workers.workers_size() > 0 && !asking.Any()) {
    report.Problem("turn", "none was asked for",
                   "the lines above say why; a worker that is silent is not asked",
                   Exit::kConflict);
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(asking.Wait());
  asking.Tell();
  return absl::OkStatus();
}

}  // namespace handoff
