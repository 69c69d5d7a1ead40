#include "common/handoff/describe_sections.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "common/handoff/describe.h"
#include "common/handoff/describe_checks.h"
#include "common/handoff/markdown.h"
#include "common/handoff/outcome.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr int kMostCommits = 20;
constexpr int kMostFiles = 100;
constexpr int kMostFailures = 10;
constexpr size_t kMessageBytes = 4096;
constexpr size_t kCommandBytes = 300;
constexpr size_t kSentenceBytes = 1000;

const v1::Attempt* LatestStarted(const v1::Handoff& handoff) {
  const auto& attempts = handoff.attempts();
  const auto found = std::find_if(attempts.rbegin(), attempts.rend(), [](const v1::Attempt& a) {
    // Without an agent, but its facts are of the work all the same.
    const bool checked = a.only_checks() && a.end().protocol() == v1::AttemptEnd::NO_PROTOCOL;
    return a.has_started_at() || a.end().has_started_at() || checked;
  });
  return found == attempts.rend() ? nullptr : &*found;
}

bool IsLive(const v1::Attempt& attempt) {
  return attempt.state() != v1::Attempt::SUCCEEDED && attempt.state() != v1::Attempt::FAILED &&
         attempt.state() != v1::Attempt::CANCELLED && attempt.state() != v1::Attempt::LOST;
}

absl::Duration Between(const google::protobuf::Timestamp& from,
                       const google::protobuf::Timestamp& to) {
  return absl::Seconds(to.seconds() - from.seconds()) +
         absl::Nanoseconds(to.nanos() - from.nanos());
}

std::string Plural(uint64_t n, absl::string_view noun) {
  return absl::StrCat(n, " ", noun, n == 1 ? "" : "s");
}

std::string Sentence(absl::string_view text) { return OneLine(text, kSentenceBytes); }

std::string Bullets(const std::vector<std::string>& items) {
  return absl::StrJoin(items, "\n", [](std::string* out, const std::string& item) {
    absl::StrAppend(out, "- ", item);
  });
}

std::string StateName(v1::Attempt::State state) {
  return absl::AsciiStrToLower(v1::Attempt::State_Name(state));
}

std::string FailureText(v1::Failure::Class failure) {
  return std::string(FailureName(static_cast<FailureClass>(failure)));
}

// "attempt 2 on build-7: failed (agent_error), exit status 3, ran 12 min, log 1.2 MB"
std::string AttemptLine(const v1::Attempt& attempt) {
  std::string out = absl::StrCat("Attempt ", attempt.number());
  if (!attempt.worker().empty()) absl::StrAppend(&out, " on ", InlineCode(attempt.worker(), 80));
  if (attempt.only_checks()) absl::StrAppend(&out, ", only its checks");
  absl::StrAppend(&out, ": ", StateName(attempt.state()));
  if (attempt.failure() != v1::Failure::NONE) {
    absl::StrAppend(&out, " (", FailureText(attempt.failure()), ")");
  }
  if (attempt.has_exit_code()) absl::StrAppend(&out, ", exit status ", attempt.exit_code());
  if (attempt.signal() != 0) absl::StrAppend(&out, ", ended by signal ", attempt.signal());
  if (attempt.has_started_at()) {
    absl::StrAppend(&out, ", started ", TimeText(attempt.started_at().seconds()));
    if (attempt.has_ended_at()) {
      absl::StrAppend(&out, ", took ",
                      HumanDuration(Between(attempt.started_at(), attempt.ended_at())));
    }
  }
  if (attempt.log_bytes() != 0) absl::StrAppend(&out, ", log ", HumanBytes(attempt.log_bytes()));
  if (attempt.end().log_tail_lost()) absl::StrAppend(&out, " (its tail was lost)");
  return out;
}

// "Check `ninja test`: failed, exit status 1 after 3.2 s"
std::string CheckLine(const v1::CheckResult& check, bool by_agent) {
  std::string out = absl::StrCat("Check ", InlineCode(check.command(), kCommandBytes), ": ",
                                 check.passed() ? "passed, " : "failed, ", HowCheckEnded(check));
  std::vector<std::string> changed;
  for (const std::string& file : check.changed_files())
    changed.push_back(InlineCode(file, kCommandBytes));
  if (changed.empty()) return out;
  return absl::StrCat(out, by_agent ? "; the agent changed " : "; the work changes ",
                      absl::StrJoin(changed, ", "), ", which it names");
}

// "Checkpoint of attempt 2: `0123456789`, taken 2026-11-20T23:45:49Z, with the agent's session"
std::string CheckpointLine(const v1::Attempt& attempt, const v1::Checkpoint& checkpoint,
                           absl::string_view late) {
  std::string out = absl::StrCat("Checkpoint of attempt ", attempt.number(), late);
  if (!checkpoint.only_on_worker().empty()) {
    return absl::StrCat(out, ": only on ", InlineCode(attempt.worker(), 80), ", ",
                        Sentence(checkpoint.only_on_worker()));
  }
  absl::StrAppend(&out, ": ", InlineCode(checkpoint.commit().substr(0, 10), 10));
  if (checkpoint.has_taken_at()) {
    absl::StrAppend(&out, ", taken ", TimeText(checkpoint.taken_at().seconds()));
  }
  absl::StrAppend(&out, !checkpoint.session().empty() ? ", with the agent's session"
                        : attempt.session().empty()   ? ""  // it has none
                                                      : ", without the agent's session");
  if (checkpoint.notes_size() > 0) {
    absl::StrAppend(&out, "; leaves out ",
                    Plural(static_cast<uint64_t>(checkpoint.notes_size()), "thing"));
  }
  return out;
}

void AppendCheckpoints(const v1::Handoff& handoff, const v1::Attempt& attempt,
                       std::vector<std::string>* items) {
  if (WentOnFromReturned(handoff, attempt)) {
    items->push_back(absl::StrCat("Attempt ", attempt.number(), " went on from ",
                                  InlineCode(attempt.from_commit().substr(0, 10), 10),
                                  ", a person's work after attempt ", attempt.from_attempt()));
  } else if (attempt.from_attempt() != 0) {
    items->push_back(absl::StrCat("Attempt ", attempt.number(), " went on from ",
                                  InlineCode(attempt.from_commit().substr(0, 10), 10),
                                  " of attempt ", attempt.from_attempt()));
  }
  if (attempt.has_checkpoint()) items->push_back(CheckpointLine(attempt, attempt.checkpoint(), ""));
  if (attempt.has_late_checkpoint()) {
    items->push_back(
        CheckpointLine(attempt, attempt.late_checkpoint(), ", which came after its loss"));
  }
  if (handoff.returned_after() == attempt.number()) items->push_back(ReturnedLine(handoff));
}

bool Failed(const v1::Facts::ToolRun& tool) {
  if (tool.has_exit_code()) return tool.exit_code() != 0;
  return !tool.outcome().empty() && tool.outcome() != "success";
}

std::string ToolLine(const v1::Facts::ToolRun& tool) {
  const bool named = !tool.command().empty() || !tool.path().empty();
  std::string out =
      tool.command().empty() ? OneLine(tool.name(), 80) : InlineCode(tool.command(), kCommandBytes);
  if (tool.command().empty() && named) {
    absl::StrAppend(&out, " ", InlineCode(tool.path(), kCommandBytes));
  }
  if (tool.has_exit_code()) {
    absl::StrAppend(&out, ": exit status ", tool.exit_code());
  } else if (!tool.outcome().empty()) {
    absl::StrAppend(&out, ": ", OneLine(tool.outcome(), 80));
  }
  const absl::Duration took =
      absl::Seconds(tool.duration().seconds()) + absl::Nanoseconds(tool.duration().nanos());
  if (took >= absl::Seconds(1)) absl::StrAppend(&out, ", ", HumanDuration(took));
  return out;
}

std::string ChangeKind(v1::Facts::FileChange::Kind kind) {
  switch (kind) {
    case v1::Facts::FileChange::ADDED:
      return "added";
    case v1::Facts::FileChange::DELETED:
      return "deleted";
    case v1::Facts::FileChange::RENAMED:
      return "renamed";
    case v1::Facts::FileChange::TYPE_CHANGED:
      return "type changed";
    default:
      return "modified";
  }
}

std::string Changed(const v1::Facts& facts) {
  return absl::StrCat(Plural(static_cast<uint64_t>(facts.commits_size()), "commit"), " and ",
                      Plural(facts.files_changed(), "changed file"), " (+", facts.lines_added(),
                      " -", facts.lines_deleted(), ")");
}

bool KnowsChanges(const v1::Facts& facts) {
  return facts.files_changed() != 0 || facts.commits_size() != 0;
}

std::string Quoted(const std::string& text) { return InlineCode(text, kCommandBytes); }

bool HasRepository(const HandoffView& view) {
  return !view.handoff().repo().empty() || view.handoff().spec().has_repository();
}

void AppendGitFacts(const HandoffView& view, std::vector<std::string>* items) {
  const v1::Facts& facts = view.facts();
  if (!HasRepository(view)) return;
  if (!facts.base_commit().empty()) {
    items->push_back(absl::StrCat("Base ", InlineCode(facts.base_commit(), 64), ", head ",
                                  InlineCode(facts.head_commit(), 64)));
  }
  if (view.partial()) return;  // what changed is read from git at the end
  if (view.work_unknown()) items->emplace_back(kWorkUnknown);
  for (const std::string& unread : facts.unread()) items->push_back("Not read: " + Quoted(unread));
  if (view.work_unknown() && !KnowsChanges(facts)) return;
  items->push_back(absl::StrCat("Against what was submitted: ", Changed(facts)));
  const int first = std::max(0, facts.commits_size() - kMostCommits);
  for (int i = first; i < facts.commits_size(); ++i) {
    items->push_back(absl::StrCat("Commit ", InlineCode(facts.commits(i).id().substr(0, 12), 12),
                                  " ", InlineCode(facts.commits(i).subject(), 200)));
  }
}

std::vector<std::string> ReportedFacts(const v1::Facts& facts) {
  std::vector<std::string> items;
  if (!facts.model().empty()) items.push_back("Model " + InlineCode(facts.model(), 80));
  if (facts.tools_total() != 0) items.push_back(Plural(facts.tools_total(), "tool call"));
  const v1::Facts::Usage& usage = facts.usage();
  if (usage.input_tokens() != 0 || usage.output_tokens() != 0) {
    items.push_back(absl::StrCat("Tokens: ", usage.input_tokens(), " in, ", usage.output_tokens(),
                                 " out, ", usage.cache_read_tokens(), " read from cache, ",
                                 usage.cache_write_tokens(), " written to cache"));
  }
  if (usage.cost_usd() > 0) items.push_back(absl::StrCat("Cost: $", usage.cost_usd()));
  std::vector<std::pair<std::string, uint64_t>> unknown(facts.unknown_events().begin(),
                                                        facts.unknown_events().end());
  std::sort(unknown.begin(), unknown.end());
  for (const auto& [type, count] : unknown) {
    items.push_back(absl::StrCat("Not understood: ", InlineCode(type, 80), ", ", count, " times"));
  }
  return items;
}

std::vector<std::string> FailedTools(const v1::Facts& facts) {
  std::vector<std::string> failed;
  for (const auto& tool : facts.tools()) {
    if (Failed(tool)) failed.push_back(ToolLine(tool));
  }
  if (failed.size() > kMostFailures) failed.erase(failed.begin(), failed.end() - kMostFailures);
  return failed;
}

// Of the attempt that made the workspace: those that go on in it have none of their own.
std::vector<std::string> CheckoutNotes(const HandoffView& view) {
  const auto& attempts = view.handoff().attempts();
  for (auto a = attempts.rbegin(); view.latest() != nullptr && a != attempts.rend(); ++a) {
    const auto& notes = a->end().has_facts() ? a->end().facts().notes() : a->facts().notes();
    if (a->worker() != view.latest()->worker() || notes.empty()) continue;
    return {notes.begin(), notes.end()};
  }
  return {};
}

}  // namespace

std::string TimeText(int64_t unix_seconds) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(unix_seconds),
                          absl::UTCTimeZone());
}

HandoffView::HandoffView(const v1::Handoff& handoff)
    : handoff_(handoff),
      latest_(LatestStarted(handoff)),
      facts_(latest_ == nullptr           ? v1::Facts::default_instance()
             : latest_->end().has_facts() ? latest_->end().facts()
                                          : latest_->facts()) {}

bool HandoffView::partial() const { return latest_ != nullptr && IsLive(*latest_); }

bool HandoffView::ended() const {
  return handoff_.status() == v1::Handoff::SUCCEEDED || handoff_.status() == v1::Handoff::FAILED ||
         handoff_.status() == v1::Handoff::CANCELLED;
}

bool HandoffView::work_unknown() const {
  if (latest_ == nullptr || partial()) return false;
  // A lost attempt never told.
  return latest_->end().work_unknown() ||
         (latest_->state() == v1::Attempt::LOST && !latest_->has_end());
}

std::string FactsSection(const HandoffView& view) {
  std::vector<std::string> observed;
  for (const v1::Attempt& attempt : view.handoff().attempts()) {
    observed.push_back(AttemptLine(attempt));
    AppendCheckpoints(view.handoff(), attempt, &observed);
  }
  if (view.latest() != nullptr) AppendGitFacts(view, &observed);
  for (const v1::CheckResult& check : view.facts().checks()) {
    const bool by_agent = view.latest() == nullptr || !view.latest()->only_checks();
    observed.push_back(CheckLine(check, by_agent));
  }
  if (observed.empty()) observed.emplace_back("Nothing has run yet");
  std::vector<std::string> reported = ReportedFacts(view.facts());
  if (reported.empty()) reported.emplace_back("Nothing");
  return absl::StrCat("Observed by the worker (git, process, clock):\n\n", Bullets(observed),
                      "\n\nReported by the agent's stream (not checked):\n\n", Bullets(reported));
}

std::string SummarySection(const HandoffView& view) {
  if (view.latest() == nullptr) return "";
  const v1::Attempt& attempt = *view.latest();
  const v1::Facts& facts = view.facts();
  std::vector<std::string> items;
  if (view.partial()) items.emplace_back("Partial: the attempt has not ended.");
  items.push_back(AttemptLine(attempt) + ".");
  if (!attempt.failure_message().empty()) items.push_back(Sentence(attempt.failure_message()));
  if (HasRepository(view) && !view.partial()) {
    if (view.work_unknown()) items.emplace_back(kWorkUnknown);
    if (KnowsChanges(facts)) {
      items.push_back(absl::StrCat("The work has ", Changed(facts), "."));
    } else if (!view.work_unknown()) {
      items.emplace_back("Nothing differs from what was submitted.");
    }
  }
  if (facts.tools_total() != 0) {
    const size_t failed = FailedTools(facts).size();
    items.push_back(absl::StrCat(
        "The agent reported ", Plural(facts.tools_total(), "tool call"),
        failed == 0 ? "." : absl::StrCat("; the failed ones are under Errors Or Blockers.")));
  }
  items.emplace_back("No agent summarised the log: the facts stand alone.");
  std::string out = Bullets(items);
  const std::string message = Clip(StripControls(facts.last_message()), kMessageBytes);
  if (!message.empty()) {
    absl::StrAppend(&out, "\n\nThe agent's last message, as it reported it (not checked):\n\n",
                    Fenced("text", message, [](absl::string_view) { return false; }));
  }
  return out;
}

std::string TriedSection(const HandoffView& view, int most) {
  if (view.latest() == nullptr) return "";
  if (view.latest()->only_checks()) return "- No agent: the work was declared done and checked.";
  const v1::Facts& facts = view.facts();
  std::vector<std::string> items;
  const int first = std::max(0, facts.tools_size() - most);
  const uint64_t shown = static_cast<uint64_t>(facts.tools_size() - first);
  if (facts.tools_total() > shown) {
    items.push_back(
        absl::StrCat(Plural(facts.tools_total() - shown, "earlier tool call"), " in the log"));
  }
  for (int i = first; i < facts.tools_size(); ++i) {
    items.push_back(ToolLine(facts.tools(i)) + " (reported)");
  }
  if (!items.empty()) return Bullets(items);
  const v1::HandoffSpec& spec = view.handoff().spec();
  if (spec.agent() == "command") {
    const std::vector<std::string> argv(spec.argv().begin(), spec.argv().end());
    return "- Ran " + (argv.empty() ? std::string("the task as a script")
                                    : InlineCode(ShellJoin(argv), kCommandBytes));
  }
  return view.partial() ? "" : "- The agent's stream reported no tool call.";
}

std::string FilesSection(const HandoffView& view) {
  if (view.latest() == nullptr || view.partial()) return "";
  if (!HasRepository(view)) return "- None: the handoff has no repository.";
  const v1::Facts& facts = view.facts();
  std::vector<std::string> items;
  for (const auto& file : facts.files()) {
    if (items.size() == kMostFiles) break;
    items.push_back(absl::StrCat(InlineCode(file.path(), kCommandBytes), ": ",
                                 ChangeKind(file.kind()), ", +", file.added(), " -", file.deleted(),
                                 file.committed() ? "" : ", not committed"));
  }
  if (facts.files_changed() > items.size()) {
    items.push_back(absl::StrCat("and ", facts.files_changed() - items.size(), " more"));
  }
  if (view.work_unknown()) items.emplace_back(kWorkUnknown);
  return items.empty() ? "- None." : Bullets(items);
}

std::string ErrorsSection(const HandoffView& view) {
  const v1::Handoff& handoff = view.handoff();
  std::vector<std::string> items;
  for (const std::string& note : handoff.spec().repository().notes()) {
    items.push_back(absl::StrCat("Not carried over: ", Sentence(note)));
  }
  for (const std::string& note : CheckoutNotes(view)) {
    items.push_back(absl::StrCat("Not carried over: ", Quoted(note)));
  }
  if (!handoff.attempts().empty()) {
    const v1::Attempt& last = *handoff.attempts().rbegin();
    const v1::Attempt& told =
        last.failure() == v1::Failure::NONE && view.latest() != nullptr ? *view.latest() : last;
    if (told.failure() != v1::Failure::NONE) {
      items.push_back(absl::StrCat(InlineCode(FailureText(told.failure()), 80), ": ",
                                   Sentence(told.failure_message())));
    }
    if (told.session_verified() == v1::Attempt::NO) {
      items.emplace_back("The agent went on in another session than the one that was asked for.");
    }
  }
  const bool asks = handoff.status() == v1::Handoff::WAITING && !handoff.question().empty();
  const bool waits = !view.ended() && !view.partial() && !handoff.reason().empty() && !asks &&
                     handoff.taken_by().empty();
  if (waits) items.push_back(Sentence(handoff.reason()));
  for (const std::string& tool : FailedTools(view.facts())) items.push_back(tool + " (reported)");
  if (asks) {
    const std::string question = Clip(StripControls(TrimText(handoff.question())), kMessageBytes);
    const std::string quoted = Fenced("text", question, [](absl::string_view) { return false; });
    return absl::StrCat(Bullets(items), items.empty() ? "" : "\n\n",
                        "The agent asks (its own words):\n\n", quoted);
  }
  if (!items.empty()) return Bullets(items);
  return view.ended() ? "- None." : "";
}

std::string OutcomeSection(const HandoffView& view) {
  if (!view.ended()) return "";
  const v1::Handoff& handoff = view.handoff();
  std::vector<std::string> items = {StatusText(handoff)};
  if (!handoff.reason().empty()) items.push_back(Sentence(handoff.reason()));
  if (handoff.has_ended_at()) items.push_back("Ended " + TimeText(handoff.ended_at().seconds()));
  return Bullets(items);
}

}  // namespace handoff
