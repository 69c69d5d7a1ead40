#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/text/checkpoints.h"
#include "cli/text/exit_status.h"
#include "cli/text/fields.h"
#include "cli/text/render.h"
#include "cli/text/render_checks.h"
#include "cli/text/render_messages.h"
#include "cli/text/render_places.h"
#include "cli/text/render_summary.h"
#include "cli/text/render_takeover.h"
#include "cli/text/table.h"
#include "cli/text/words.h"
#include "common/handoff/describe_attached.h"
#include "common/handoff/describe_push.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

constexpr size_t kSentence = 600;
constexpr int kMostFiles = 12;
constexpr int kMostNotes = 5;

const v1::Facts& FactsOf(const v1::Attempt& attempt) {
  return attempt.has_facts() ? attempt.facts() : attempt.end().facts();
}

std::string FileMark(v1::Facts::FileChange::Kind kind) {
  switch (kind) {
    case v1::Facts::FileChange::ADDED:
      return "A";
    case v1::Facts::FileChange::DELETED:
      return "D";
    case v1::Facts::FileChange::RENAMED:
      return "R";
    case v1::Facts::FileChange::TYPE_CHANGED:
      return "T";
    default:
      return "M";
  }
}

void AddFiles(const v1::Handoff& handoff, const v1::Facts& facts, bool work_unknown,
              Fields& fields) {
  const uint64_t changed = std::max(handoff.files_changed(), facts.files_changed());
  if (work_unknown) fields.Add("Work", "what changed could not be read from git");
  if (changed == 0) return;
  std::string summary =
      absl::StrCat(Plural(changed, "file"), " changed ",
                   LinesWords(std::max(handoff.lines_added(), facts.lines_added()),
                              std::max(handoff.lines_deleted(), facts.lines_deleted())));
  if (facts.commits_size() > 0) {
    absl::StrAppend(&summary, ", ", Plural(static_cast<uint64_t>(facts.commits_size()), "commit"));
  }
  if (!handoff.branch().empty()) absl::StrAppend(&summary, " on ", OneLine(handoff.branch(), 120));
  fields.Add("Files", summary);
  const int shown = std::min(kMostFiles, facts.files_size());
  for (int i = 0; i < shown; ++i) {
    const v1::Facts::FileChange& file = facts.files(i);
    fields.AddMore(absl::StrCat(FileMark(file.kind()), " ", OneLine(file.path(), 200), "  ",
                                LinesWords(file.added(), file.deleted()),
                                file.committed() ? "" : "  (not committed)"));
  }
  if (changed > static_cast<uint64_t>(shown) && shown > 0) {
    fields.AddMore(
        absl::StrCat("… and ", changed - static_cast<uint64_t>(shown), " more: handoff show --md"));
  }
}

std::string SessionWords(const v1::Attempt& attempt) {
  std::string words;
  switch (attempt.session_kind()) {
    case v1::Attempt::NEW:
      words = "new session";
      break;
    case v1::Attempt::SAME:
      words = "same session";
      break;
    case v1::Attempt::RESTORED:
      words = "restored session";
      break;
    case v1::Attempt::FRESH:
      words = "fresh session";
      break;
    default:
      return "";
  }
  if (attempt.session().empty()) return "";
  absl::StrAppend(&words, " ", OneLine(attempt.session(), 80));
  if (attempt.session_kind() == v1::Attempt::NEW) return words;
  const char* verified = attempt.session_verified() == v1::Attempt::YES  ? "yes"
                         : attempt.session_verified() == v1::Attempt::NO ? "no"
                                                                         : "unknown";
  return absl::StrCat(words, ", verified: ", verified);
}

std::string UsageWords(const v1::Facts::Usage& usage) {
  if (usage.input_tokens() == 0 && usage.output_tokens() == 0) return "";
  std::string words = absl::StrCat(CountWords(usage.input_tokens()), " in, ",
                                   CountWords(usage.output_tokens()), " out");
  if (usage.cache_read_tokens() > 0) {
    absl::StrAppend(&words, ", ", CountWords(usage.cache_read_tokens()), " from cache");
  }
  if (usage.cost_usd() > 0) {
    absl::StrAppend(&words, absl::StrFormat(", %.2f USD", usage.cost_usd()));
  }
  return words;
}

// The first line that says something; the whole task is in handoff.md.
std::string TaskWords(absl::string_view task) {
  task = absl::StripLeadingAsciiWhitespace(task);
  const size_t newline = task.find('\n');
  const std::string first = OneLine(task.substr(0, newline), 300);
  const bool more = newline != absl::string_view::npos &&
                    !absl::StripAsciiWhitespace(task.substr(newline)).empty();
  return more ? absl::StrCat(first, " …") : first;
}

std::string NowWords(const v1::Handoff& handoff, const v1::Attempt& attempt, const View& view) {
  if (handoff.status() == v1::Handoff::QUEUED) {
    const absl::Time until = TimeOf(handoff.not_before());
    std::string words = absl::StrCat("queued, ", Relative(TimeOf(handoff.created_at()), view.now));
    if (until > view.now) absl::StrAppend(&words, "; next try ", Relative(until, view.now));
    return words;
  }
  if (IsSettled(handoff) || attempt.worker().empty()) return "";
  std::string words =
      absl::StrCat("attempt ", attempt.number(), " ", AttemptStateCell(attempt).text, " on ",
                   OneLine(attempt.worker(), 64));
  const absl::Time started = TimeOf(attempt.started_at());
  if (started != absl::InfinitePast()) {
    absl::StrAppend(&words, ", started ", Relative(started, view.now));
  }
  if (!attempt.stop_reason().empty()) {
    absl::StrAppend(&words, "; stopping: ", OneLine(attempt.stop_reason(), 200));
  }
  if (attempt.unreachable()) {
    absl::StrAppend(&words, "; the worker is silent, the attempt is given away ",
                    Relative(TimeOf(attempt.lease_until()), view.now), " unless it comes back");
  }
  return words;
}

// What is known of an attempt that is over: "12 s, ended 3 min ago, exit 3".
void AddEnd(const v1::Handoff& handoff, const v1::Attempt& attempt, const View& view,
            Fields& fields) {
  if (!IsSettled(handoff)) return;
  const absl::Time started = TimeOf(attempt.started_at());
  const absl::Time ended = TimeOf(attempt.has_ended_at() ? attempt.ended_at() : handoff.ended_at());
  if (started == absl::InfinitePast() || ended == absl::InfinitePast()) {
    fields.Add("Ended", Relative(ended, view.now));
    return;
  }
  std::string words =
      absl::StrCat(HumanDuration(ended - started), ", ended ", Relative(ended, view.now));
  if (attempt.has_exit_code()) absl::StrAppend(&words, ", exit ", attempt.exit_code());
  if (attempt.signal() != 0) absl::StrAppend(&words, ", signal ", attempt.signal());
  fields.Add("Took", words);
}

// Where the attempt began and what is held of itself; of each attempt, what came late and is
// unused.
void AddCheckpoint(const v1::Handoff& handoff, const v1::Attempt& attempt, const View& view,
                   Fields& fields) {
  fields.Add("Goes on", StartWords(attempt));
  fields.Add("Saved", CheckpointWords(attempt, view.now));
  const auto& notes =
      (attempt.has_late_checkpoint() ? attempt.late_checkpoint() : attempt.checkpoint()).notes();
  const int shown = std::min(kMostNotes, notes.size());
  for (int i = 0; i < shown; ++i) {
    fields.AddMore(absl::StrCat("not in it: ", OneLine(notes[i], 300)));
  }
  if (notes.size() > shown) fields.AddMore(absl::StrCat("… and ", notes.size() - shown, " more"));
  for (const v1::Attempt& each : handoff.attempts()) {
    fields.Add("Late", LateWords(handoff, each), Colour::kYellow);
  }
}

void AddAttempt(const v1::Handoff& handoff, const v1::Attempt& attempt, const View& view,
                Fields& fields) {
  const v1::Facts& facts = FactsOf(attempt);
  const std::string& said =
      facts.last_message().empty() ? attempt.last_line() : facts.last_message();
  fields.Add("Said", OneLine(attempt.last_line().empty() ? said : attempt.last_line(), 300));
  AddFiles(handoff, facts, attempt.end().work_unknown(), fields);
  AddChecks(handoff, attempt, facts, fields);
  fields.Add("Session", SessionWords(attempt));
  AddCheckpoint(handoff, attempt, view, fields);
  fields.Add("Push", PushWords(handoff, attempt,
                               [](absl::string_view text) { return OneLine(text, kSentence); }));
  if (!attempt.worker().empty()) {
    fields.Add("Host",
               absl::StrCat(OneLine(attempt.worker(), 64), attempt.workspace().empty() ? "" : ":",
                            OneLine(attempt.workspace(), 300)));
  }
  if (attempt.has_enclosure()) AddEnclosure(attempt.enclosure(), fields);
  fields.Add("Account", OneLine(attempt.account(), 120));
  fields.Add("Isolation", OneLine(attempt.isolation(), 120));
  fields.Add("Tokens", UsageWords(facts.usage()));
  AddSummary(attempt, fields);
  if (!IsSettled(handoff)) fields.Add("Ends", OneLine(attempt.will_end(), 200));
  const absl::Time active = TimeOf(handoff.last_activity_at());
  if (!IsSettled(handoff) && handoff.status() != v1::Handoff::QUEUED) {
    fields.Add("Active", Relative(active, view.now));
  }
}

void AddAttempts(const v1::Handoff& handoff, const View& view, Fields& fields) {
  if (handoff.attempts_size() < 2) return;
  fields.Blank();
  std::vector<std::vector<Cell>> rows;
  for (const v1::Attempt& attempt : handoff.attempts()) {
    const absl::Time started = TimeOf(attempt.started_at());
    const absl::Time ended = attempt.has_ended_at() ? TimeOf(attempt.ended_at()) : view.now;
    rows.push_back({{absl::StrCat(attempt.number())},
                    AttemptStateCell(attempt),
                    {OneLine(attempt.worker(), 64)},
                    {started == absl::InfinitePast() ? "" : HumanDuration(ended - started)},
                    {attempt.has_exit_code() ? absl::StrCat(attempt.exit_code()) : ""},
                    {HumanBytes(attempt.log_bytes())},
                    {OneLine(attempt.failure_message(), 300)}});
  }
  fields.Text(RenderTable({{"ATTEMPT", 0, 0, true},
                           {"STATE", 10},
                           {"WORKER", 8, 4},
                           {"TIME"},
                           {"EXIT", 0, 3, true},
                           {"LOG", 0, 2, true},
                           {"REASON", 16, 1}},
                          rows, view.width, view.colour));
}

// What a person may want to type, by status.
std::vector<std::pair<std::string, std::string>> NextCommands(const v1::Handoff& handoff) {
  const std::string& id = handoff.id();
  switch (handoff.status()) {
    case v1::Handoff::QUEUED:
      return {{"why " + id, "what it waits for"}, {"cancel " + id, "give it up"}};
    case v1::Handoff::RUNNING:
      if (handoff.agent() == "command")
        return {{"logs -f " + id, "follow it"}, {"cancel " + id, "stop it"}};
      return {{"logs -f " + id, "follow it"},
              {"send " + id + " MESSAGE", "tell it what comes next"},
              {"takeover " + id + " --stop", "go on with it yourself"},
              {"cancel " + id, "stop it"}};
    case v1::Handoff::STALLED:
      return {{"why " + id, "why it is silent"},
              {"logs " + id, "the last lines"},
              {"cancel " + id, "stop it"}};
    case v1::Handoff::SUCCEEDED:
      return {{"show --md " + id, "handoff.md"}, {"logs " + id, "the whole log"}};
    case v1::Handoff::FAILED:
      return {{"why " + id, "why it is not tried again"},
              handoff.failure() == v1::Failure::CHECKS_FAILED
                  ? std::pair("logs --checks " + id, std::string("what the checks wrote"))
                  : std::pair("logs " + id, std::string("the log")),
              {"resume " + id, "go on with another attempt"},
              {"takeover " + id, "go on with it yourself"}};
    case v1::Handoff::WAITING:
      return {{"send " + id + " ANSWER", "answer it"},
              {"resume " + id, "let it decide by itself"},
              {"cancel " + id, "give it up"}};
    case v1::Handoff::INTERACTIVE:
      return {{"return " + id + " MESSAGE", "give it back with what was changed"},
              {"return " + id + " --done", "end it: its checks decide"},
              {"takeover " + id, "where its work tree is"}};
    default:
      return {{"show --md " + id, "handoff.md"}, {"resume " + id, "go on with another attempt"}};
  }
}

void AddNext(const v1::Handoff& handoff, const View& view, Fields& fields) {
  fields.Blank();
  size_t widest = 0;
  auto commands = NextCommands(handoff);
  if (IsSettled(handoff) && ChooseCheckpoint(handoff, 0).ok()) {
    commands.insert(commands.begin(), {{"diff " + handoff.id(), "what it changed"},
                                       {"fetch " + handoff.id(), "its work as a branch here"}});
  }
  for (const auto& [command, why] : commands) widest = std::max(widest, command.size());
  for (const auto& [command, why] : commands) {
    fields.Line(absl::StrCat("  handoff ", command, std::string(widest - command.size() + 2, ' '),
                             Paint(absl::StrCat("# ", why), Colour::kDim, view.colour)));
  }
}

// A silent worker is no event, so no record says it.
std::string ListReason(const v1::Handoff& handoff, const View& view) {
  if (handoff.deleted()) return OneLine(absl::StrCat("Deleted. ", handoff.reason()), 300);
  if (!handoff.reason().empty()) return OneLine(handoff.reason(), 300);
  if (handoff.private_() && handoff.task().empty()) return "Private.";  // somebody else's
  if (handoff.status() == v1::Handoff::INTERACTIVE) return TakenWords(handoff, view);
  if (handoff.attempts().empty()) return "";
  const v1::Attempt& attempt = *handoff.attempts().rbegin();
  if (!attempt.unreachable()) return "";
  return absl::StrCat("The worker is silent; given away ",
                      Relative(TimeOf(attempt.lease_until()), view.now), " unless it comes back.");
}

}  // namespace

std::string RenderList(const std::vector<v1::Handoff>& handoffs, bool owners, const View& view) {
  std::vector<std::vector<Cell>> rows;
  for (const v1::Handoff& handoff : handoffs) {
    const int attempts = std::max(handoff.attempt_count(), handoff.attempts_size());
    const absl::Time active =
        std::max({TimeOf(handoff.last_activity_at()), TimeOf(handoff.updated_at()),
                  TimeOf(handoff.created_at())});
    rows.push_back({{OneLine(handoff.id(), 80)},
                    StateCell(handoff),
                    {owners ? OneLine(handoff.owner(), 40) : ""},
                    {RepoWords(handoff)},
                    {OneLine(handoff.worker(), 64)},
                    {attempts > 0 ? absl::StrCat(attempts) : ""},
                    ChecksCell(handoff),
                    {LinesWords(handoff.lines_added(), handoff.lines_deleted())},
                    {Age(active, view.now)},
                    {ListReason(handoff, view)}});
  }
  return RenderTable({{"ID", 24, 0, false, true},
                      {"STATE", 22},
                      {"OWNER", 6, 2},
                      {"REPO", 12, 3},
                      {"WORKER", 8, 7},
                      {"ATT", 0, 1, true},
                      {"CHECKS", 0, 5, true},
                      {"+/−", 0, 4, true},
                      {"AGO", 0, 6, true},
                      {"REASON", 20, 8}},
                     rows, view.width, view.colour);
}

std::string RenderVerdict(const v1::Handoff& handoff, const View& view) {
  const Cell state = VerdictCell(handoff);
  const std::string reason = OneLine(handoff.reason(), kSentence);
  return absl::StrCat(handoff.id(), ": ", Paint(state.text, state.colour, view.colour),
                      reason.empty() ? "" : ". ", reason);
}

std::string RenderProgress(const v1::Handoff& handoff) {
  std::string words = absl::StrCat(handoff.id(), ": ", StateCell(handoff).text);
  if (!IsSettled(handoff) && handoff.status() != v1::Handoff::QUEUED && !handoff.worker().empty()) {
    absl::StrAppend(&words, " on ", OneLine(handoff.worker(), 64));
  }
  if (handoff.status() == v1::Handoff::QUEUED && !handoff.reason().empty()) {
    absl::StrAppend(&words, ": ", OneLine(handoff.reason(), 200));
  }
  return words;
}

std::string RenderShow(const v1::Handoff& handoff, const View& view) {
  Fields fields(view);
  const Cell state = VerdictCell(handoff);
  fields.Line(absl::StrCat(Paint(state.text, state.colour, view.colour), "  ",
                           Paint(handoff.id(), Colour::kBold, view.colour)));
  const std::string reason = OneLine(handoff.reason(), kSentence);
  if (!reason.empty()) fields.Line(absl::StrCat("  ", Wrap(reason, view.width, 2)));
  if (handoff.deleted()) fields.Line("  Deleted: no list shows it unless asked for.");
  fields.Blank();

  static const auto* const none = new v1::Attempt();
  const v1::Attempt& attempt = handoff.attempts_size() > 0 ? *handoff.attempts().rbegin() : *none;
  fields.Add("Now", NowWords(handoff, attempt, view));
  AddTaken(handoff, view, fields);
  AddMessages(handoff, view, fields);
  AddWritten(handoff, fields);
  AddEnd(handoff, attempt, view, fields);
  AddAttempt(handoff, attempt, view, fields);
  fields.Add("Task", TaskWords(handoff.task()));
  fields.Add("Attached", AttachedWords(handoff.spec(), /*code=*/false));
  fields.Add("Agent",
             absl::StrCat(OneLine(handoff.agent(), 40), handoff.model().empty() ? "" : ", ",
                          OneLine(handoff.model(), 130),
                          handoff.spec().child() ? ", may hand off further tasks" : ""));
  fields.Add("From", RepoWords(handoff));
  std::string labels;
  for (const auto& [key, value] :
       std::map<std::string, std::string>(handoff.labels().begin(), handoff.labels().end())) {
    absl::StrAppend(&labels, labels.empty() ? "" : ", ", OneLine(key, 64), "=",
                    OneLine(value, 260));
  }
  fields.Add("Labels", labels);
  fields.Add("Owner", absl::StrCat(OneLine(handoff.owner(), 64), ", submitted ",
                                   Relative(TimeOf(handoff.created_at()), view.now)));
  fields.Add("Stored", StoredWords(handoff));
  AddAttempts(handoff, view, fields);
  AddNext(handoff, view, fields);
  return fields.Take();
}

std::string RenderWhy(const v1::Handoff& handoff, const v1::WhyResponse& why, const View& view) {
  Fields fields(view);
  const Cell state = VerdictCell(handoff);
  fields.Line(absl::StrCat(Paint(state.text, state.colour, view.colour), "  ",
                           Paint(handoff.id(), Colour::kBold, view.colour)));
  fields.Line(absl::StrCat("  ", Wrap(OneLine(why.summary(), kSentence), view.width, 2)));
  for (const std::string& detail : why.details()) {
    fields.Line(absl::StrCat("  - ", Wrap(OneLine(detail, kSentence), view.width, 4)));
  }
  if (why.commands_size() > 0) fields.Blank();
  for (const std::string& command : why.commands()) {
    fields.Line(absl::StrCat("  ", OneLine(command, 400)));
  }
  return fields.Take();
}

std::string RenderEvent(const v1::Event& event, const View& view) {
  const std::string at =
      absl::FormatTime(view.width > 0 ? "%H:%M:%S" : "%Y-%m-%dT%H:%M:%E3SZ", TimeOf(event.at()),
                       view.width > 0 ? view.zone : absl::UTCTimeZone());
  std::string about = event.handoff_id();
  if (event.attempt() > 0) absl::StrAppend(&about, "/", event.attempt());
  std::string line = absl::StrCat(at, "  ", OneLine(event.kind(), 40));
  if (!about.empty()) absl::StrAppend(&line, "  ", OneLine(about, 100));
  if (!event.worker().empty()) absl::StrAppend(&line, "  ", OneLine(event.worker(), 64));
  if (!event.message().empty()) absl::StrAppend(&line, "  ", OneLine(event.message(), kSentence));
  return absl::StrCat(view.width > 0 ? FitTo(line, view.width) : line, "\n");
}

}  // namespace handoff
