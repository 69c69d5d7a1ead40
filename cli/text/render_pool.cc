#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/text/fields.h"
#include "cli/text/render.h"
#include "cli/text/render_places.h"
#include "cli/text/render_turn.h"
#include "cli/text/table.h"
#include "cli/text/words.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

Cell WorkerState(const v1::Worker& worker) {
  if (!worker.reachable()) return {"unreachable", Colour::kRed};
  if (worker.draining()) return {"draining", Colour::kYellow};
  if (!worker.not_accepting().empty()) return {"not accepting", Colour::kYellow};
  if (worker.holds_size() > 0) return {"on hold", Colour::kYellow};
  return {worker.slots_used() > 0 ? "busy" : "idle", Colour::kGreen};
}

std::string WorkerReason(const v1::Worker& worker) {
  if (worker.draining()) return OneLine(worker.drain_reason(), 300);
  if (!worker.not_accepting().empty()) return OneLine(worker.not_accepting(), 300);
  if (worker.holds_size() > 0) {
    return absl::StrCat(OneLine(worker.holds(0).key(), 200), ": ",
                        OneLine(worker.holds(0).reason(), 300));
  }
  return "";
}

absl::string_view OfferWord(v1::AgentOffer::State state) {
  switch (state) {
    case v1::AgentOffer::READY:
      return "ready";
    case v1::AgentOffer::MISSING:
      return "missing";
    case v1::AgentOffer::NEEDS_SETUP:
      return "needs setup";
    default:
      return "unknown";
  }
}

std::string ReadyAgents(const v1::Worker& worker) {
  std::string out;
  for (const v1::AgentOffer& offer : worker.agents()) {
    if (offer.state() != v1::AgentOffer::READY) continue;
    absl::StrAppend(&out, out.empty() ? "" : ", ", OneLine(offer.name(), 32));
  }
  return out;
}

std::string LabelWords(const v1::Worker& worker) {
  const std::map<std::string, std::string> sorted(worker.labels().begin(), worker.labels().end());
  std::string out;
  for (const auto& [key, value] : sorted) {
    absl::StrAppend(&out, out.empty() ? "" : " ", OneLine(key, 64), "=", OneLine(value, 260));
  }
  return out;
}

// "ann 2, bob 1"
std::string Holders(const v1::Worker& worker) {
  std::map<std::string, int> counts;
  for (const v1::Worker::Slot& slot : worker.held()) ++counts[OneLine(slot.owner(), 64)];
  std::string out;
  for (const auto& [owner, count] : counts)
    absl::StrAppend(&out, out.empty() ? "" : ", ", owner, " ", count);
  return out;
}

std::string RepoPatterns(const v1::Worker& worker) {
  std::string out;
  for (const std::string& pattern : worker.repos())
    absl::StrAppend(&out, out.empty() ? "" : ", ", OneLine(pattern, 200));
  return out;
}

bool IsPrivate(const v1::Worker& worker) { return !worker.owner().empty() && !worker.shared(); }

// In a column; empty: everything, and nobody's worker.
std::string TakesInShort(const v1::Worker& worker) {
  std::string out;
  if (IsPrivate(worker)) {
    out = absl::StrCat("work of ", OneLine(worker.owner(), 64));
  } else if (!worker.owner().empty()) {
    out = absl::StrCat("all, shared by ", OneLine(worker.owner(), 64));
  }
  if (worker.repos_size() > 0)
    absl::StrAppend(&out, out.empty() ? "" : ", ", "repos ", RepoPatterns(worker));
  return out;
}

std::string Takes(const v1::Worker& worker) {
  std::string out;
  if (IsPrivate(worker)) {
    out = absl::StrCat("only the work of ", OneLine(worker.owner(), 64));
  } else if (!worker.owner().empty()) {
    out = absl::StrCat("everybody's work, shared by ", OneLine(worker.owner(), 64));
  }
  if (worker.repos_size() > 0) {
    absl::StrAppend(&out, out.empty() ? "" : ", ", "only repositories like ", RepoPatterns(worker));
  }
  return out;
}

// The last one that somebody asked for.
void AddTurn(const v1::Worker& worker, const std::string& agent, const View& view, Fields& fields) {
  for (const v1::AgentTurn& turn : worker.turns()) {
    if (turn.agent() != agent) continue;
    const bool worked = turn.has_at() && turn.failure() == v1::Failure::NONE;
    fields.AddMore(absl::StrCat("  one turn: ", TurnWords(turn, view.now)),
                   worked ? Colour::kNone : Colour::kYellow);
  }
}

Colour ColourOf(Finding::Kind kind) {
  return kind == Finding::kOk     ? Colour::kGreen
         : kind == Finding::kNote ? Colour::kYellow
                                  : Colour::kRed;
}

}  // namespace

std::string RenderWorkers(const v1::ListWorkersResponse& workers, const View& view) {
  std::vector<std::vector<Cell>> rows;
  for (const v1::Worker& worker : workers.workers()) {
    rows.push_back(
        {{OneLine(worker.name(), 64)},
         WorkerState(worker),
         {worker.slots() > 0 ? absl::StrCat(worker.slots_used(), "/", worker.slots()) : ""},
         {Holders(worker)},
         {TakesInShort(worker)},
         {worker.has_enclosure() ? AccountWords(worker.enclosure()) : ""},
         {ReadyAgents(worker)},
         {LabelWords(worker)},
         {worker.disk_free_bytes() > 0 ? HumanBytes(worker.disk_free_bytes()) : ""},
         {Age(TimeOf(worker.last_seen()), view.now)},
         {OneLine(worker.version(), 32)},
         {WorkerReason(worker)}});
  }
  return RenderTable({{"WORKER", 8},
                      {"STATE"},
                      {"SLOTS", 0, 0, true},
                      {"HELD BY", 8, 6},
                      {"TAKES", 12, 7},
                      {"RUNS AS", 8, 3},
                      {"AGENTS", 8},
                      {"LABELS", 10, 3},
                      {"FREE", 0, 2, true},
                      {"SEEN", 0, 4, true},
                      {"VERSION", 0, 1},
                      {"REASON", 24, 5}},
                     rows, view.width, view.colour);
}

std::string AgentWords(const v1::AgentOffer& offer) {
  return absl::StrCat(OneLine(offer.name(), 32), " ", OfferWord(offer.state()),
                      offer.version().empty() ? "" : ", version ", OneLine(offer.version(), 80),
                      offer.account().empty() ? "" : ", ", OneLine(offer.account(), 120),
                      offer.max_parallel() > 0
                          ? absl::StrCat(", at most ", offer.max_parallel(), " at a time")
                          : "");
}

std::string RenderWorker(const v1::Worker& worker, const View& view) {
  Fields fields(view);
  const Cell state = WorkerState(worker);
  fields.Line(absl::StrCat(Paint(state.text, state.colour, view.colour), "  ",
                           Paint(OneLine(worker.name(), 64), Colour::kBold, view.colour)));
  const std::string reason = WorkerReason(worker);
  if (!reason.empty()) fields.Line(absl::StrCat("  ", Wrap(reason, view.width, 2)));
  fields.Blank();
  fields.Add("Slots", absl::StrCat(worker.slots_used(), " of ", worker.slots(), " in use"));
  AddHeld(worker, fields);
  fields.Add("Takes", Takes(worker));
  if (worker.has_enclosure()) AddEnclosure(worker.enclosure(), fields);
  AddAccess(worker, view, fields);
  fields.Add("Seen", Relative(TimeOf(worker.last_seen()), view.now));
  if (!worker.ssh().empty()) fields.Add("Reach", absl::StrCat("ssh ", OneLine(worker.ssh(), 255)));
  fields.Add("Labels", LabelWords(worker));
  fields.Add("Free disk", HumanBytes(worker.disk_free_bytes()));
  for (const v1::AgentOffer& offer : worker.agents()) {
    const bool ready = offer.state() == v1::AgentOffer::READY;
    fields.Add(&offer == &*worker.agents().begin() ? "Agents" : " ", AgentWords(offer),
               ready ? Colour::kNone : Colour::kYellow);
    if (!offer.message().empty()) fields.AddMore(absl::StrCat("  ", OneLine(offer.message(), 400)));
    AddTurn(worker, offer.name(), view, fields);
  }
  for (const v1::Hold& hold : worker.holds()) {
    fields.Add(
        "Hold",
        absl::StrCat(OneLine(hold.key(), 200), " since ", Relative(TimeOf(hold.since()), view.now),
                     ": ", OneLine(hold.reason(), 400), "; next probe ",
                     Relative(TimeOf(hold.next_probe()), view.now)),
        Colour::kYellow);
  }
  fields.Add("Version", OneLine(worker.version(), 32));
  fields.Add("Identity", absl::StrCat(OneLine(worker.uuid(), 64), ", known since ",
                                      Relative(TimeOf(worker.registered_at()), view.now)));
  return fields.Take();
}

std::string FindingToJsonLine(const Finding& finding) {
  const nlohmann::ordered_json json = {{"kind", finding.kind == Finding::kOk     ? "OK"
                                                : finding.kind == Finding::kNote ? "NOTE"
                                                                                 : "PROBLEM"},
                                       {"what", finding.what},
                                       {"detail", finding.detail},
                                       {"advice", finding.advice}};
  // Paths of a repository may be of any bytes.
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string RenderFindings(const std::vector<Finding>& findings, const View& view) {
  std::string out;
  for (const Finding& finding : findings) {
    const char* mark = finding.kind == Finding::kOk     ? "ok     "
                       : finding.kind == Finding::kNote ? "note   "
                                                        : "problem";
    absl::StrAppend(
        &out, Paint(mark, ColourOf(finding.kind), view.colour), "  ",
        Wrap(absl::StrCat(finding.what, ": ", OneLine(finding.detail, 600)), view.width, 9), "\n");
    if (!finding.advice.empty()) {
      absl::StrAppend(&out, "         ", Wrap(OneLine(finding.advice, 600), view.width, 9), "\n");
    }
  }
  return out;
}

}  // namespace handoff
