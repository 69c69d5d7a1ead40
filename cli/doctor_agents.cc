#include "cli/doctor_agents.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "cli/doctor_turns.h"
#include "cli/text/render_turn.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

void TellReady(const v1::Worker& worker, const v1::AgentOffer& offer, AgentDetail detail,
               Report& report) {
  const std::string name = OneLine(worker.name(), 64);
  const std::string words = AgentWords(offer);
  // No model is behind a command.
  if (detail != AgentDetail::kEachWithLastTurn || offer.name() == "command") {
    report.Ok(name, words);
    return;
  }
  const v1::AgentTurn* turn = FindTurn(worker, offer.name());
  if (turn == nullptr) {
    report.Ok(name, absl::StrCat(words, "; no turn was asked for yet, which --turn does"));
    return;
  }
  const absl::Time now = absl::Now();
  const std::string told = absl::StrCat(words, "; one turn ", TurnWords(*turn, now));
  const std::string advice = TurnAdvice(*turn, worker.name(), now);
  if (advice.empty()) {
    report.Ok(name, told);
  } else {
    report.Note(name, told, advice);
  }
}

}  // namespace

std::vector<std::string> CheckAgents(const v1::Worker& worker, const std::string& agent,
                                     AgentDetail detail, Report& report) {
  const std::string name = OneLine(worker.name(), 64);
  const bool each = detail != AgentDetail::kTrouble;
  std::vector<std::string> ready, missing;
  for (const v1::AgentOffer& offer : worker.agents()) {
    if (offer.state() == v1::AgentOffer::READY) {
      ready.push_back(OneLine(offer.name(), 32));
      if (each) TellReady(worker, offer, detail, report);
    } else if (offer.state() != v1::AgentOffer::MISSING) {
      report.Note(name, AgentWords(offer), OneLine(offer.message(), 400));
    } else if (offer.name() == agent) {
      report.Note(name, absl::StrCat(OneLine(agent, 32), " is missing"),
                  OneLine(offer.message(), 400));
    } else {
      missing.push_back(OneLine(offer.name(), 32));
    }
  }
  if (each && !missing.empty()) {
    report.Ok(name, absl::StrCat("without ", absl::StrJoin(missing, ", ")));
  }
  return ready;
}

}  // namespace handoff
