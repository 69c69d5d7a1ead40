#include "cli/doctor_placement.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/text/words.h"
#include "common/handoff/repo_pattern.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

bool IsHeld(const v1::Worker& worker, const std::string& key) {
  const auto& holds = worker.holds();
  return std::any_of(holds.begin(), holds.end(),
                     [&](const v1::Hold& hold) { return hold.key() == key; });
}

std::string Patterns(const v1::Worker& worker) {
  std::vector<std::string> patterns;
  for (const std::string& pattern : worker.repos()) patterns.push_back(OneLine(pattern, 200));
  return absl::StrJoin(patterns, ", ");
}

// Whatever the agent is. Returns whether nothing is in the way.
bool CheckTakes(const v1::Worker& worker, const Wanted& wanted, Report& report) {
  const std::string name = OneLine(worker.name(), 64);
  bool takes = true;
  const auto refuses = [&](const std::string& detail, const std::string& advice) {
    report.Problem(name, detail, advice, Exit::kConflict);
    takes = false;
  };
  const bool others = !worker.owner().empty() && !worker.shared() && !wanted.user.empty() &&
                      worker.owner() != wanted.user;
  if (others) {
    refuses(absl::StrCat("takes only the work of ", OneLine(worker.owner(), 64)),
            "submit to another worker");
  }
  const std::vector<std::string> patterns(worker.repos().begin(), worker.repos().end());
  if (!patterns.empty() && !MatchesAnyRepo(patterns, wanted.repository)) {
    refuses(absl::StrCat("does not take this repository, ", OneLine(wanted.repository, 300),
                         ": only those like ", Patterns(worker)),
            "a new 'handoff worker invite' with a --repo that covers it lets it in");
  }
  for (const auto& [key, value] : wanted.require) {
    const auto label = worker.labels().find(key);
    if (label != worker.labels().end() && label->second == value) continue;
    refuses(absl::StrCat("lacks the label ", OneLine(key, 64), "=", OneLine(value, 260),
                         ", which .handoff.toml requires"),
            "start its handoff-worker with --label, or submit to another worker");
  }
  if (IsHeld(worker, absl::StrCat("repo:", wanted.repository))) takes = false;  // it was said
  return takes;
}

}  // namespace

void CheckPlacement(const v1::Worker& worker, const Wanted& wanted, Report& report) {
  // It takes nothing from anywhere, which was said.
  if (!worker.reachable() || worker.draining() || !worker.not_accepting().empty()) return;
  const std::string name = OneLine(worker.name(), 64);
  if (!CheckTakes(worker, wanted, report)) return;
  std::vector<std::string> would;
  bool asked = false;
  for (const v1::AgentOffer& offer : worker.agents()) {
    const bool held =
        IsHeld(worker, absl::StrCat("agent:", offer.name())) ||
        (!offer.account().empty() &&
         IsHeld(worker, absl::StrCat("account:", offer.name(), "/", offer.account())));
    if (offer.state() != v1::AgentOffer::READY || held) continue;
    would.push_back(OneLine(offer.name(), 32));
    asked |= offer.name() == wanted.agent;
  }
  const std::string agents = would.empty() ? "none of its agents" : absl::StrJoin(would, ", ");
  if (asked) {
    report.Ok(name, absl::StrCat("would take a submit from here with ", agents,
                                 "; whether it can fetch the repository is not tried"));
    return;
  }
  report.Problem(name,
                 absl::StrCat("would not take a submit from here with ", OneLine(wanted.agent, 32),
                              ", but with ", agents),
                 absl::StrCat("'handoff worker show ", name, "' says what it lacks",
                              would.empty() ? "" : "; or submit with --agent"),
                 Exit::kConflict);
}

}  // namespace handoff
