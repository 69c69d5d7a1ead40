#include "common/handoff/describe.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/handoff/describe_attached.h"
#include "common/handoff/describe_held.h"
#include "common/handoff/describe_sections.h"
#include "common/handoff/describe_summary.h"
#include "common/handoff/markdown.h"
#include "common/handoff/sections.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr int kToolsInDocument = 50;
constexpr int kToolsInPrompt = 15;
constexpr size_t kMessageInPrompt = 2000;
constexpr size_t kQuestionInPrompt = 4096;

std::string OrElse(const std::string& text, absl::string_view otherwise) {
  return text.empty() ? std::string(otherwise) : text;
}

const v1::Attempt& LastAttempt(const v1::Handoff& handoff) {
  return handoff.attempts().empty() ? v1::Attempt::default_instance()
                                    : *handoff.attempts().rbegin();
}

// Of the last attempt that has it: a queued one knows no workspace yet, the one before does.
template <typename Get>
std::string Latest(const v1::Handoff& handoff, const Get& get) {
  const auto& attempts = handoff.attempts();
  for (auto a = attempts.rbegin(); a != attempts.rend(); ++a) {
    if (!get(*a).empty()) return OneLine(get(*a), 1000);
  }
  return "";
}

std::string SessionText(const v1::Attempt& attempt) {
  const auto verified = [&] {
    switch (attempt.session_verified()) {
      case v1::Attempt::YES:
        return " (verified: yes)";
      case v1::Attempt::NO:
        return " (verified: no)";
      default:
        return " (verified: unknown)";
    }
  };
  switch (attempt.session_kind()) {
    case v1::Attempt::NEW:
      return "new session";
    case v1::Attempt::SAME:
      return absl::StrCat("same session", verified());
    case v1::Attempt::RESTORED:
      return absl::StrCat("restored session", verified());
    case v1::Attempt::FRESH:
      return "fresh session";
    default:
      return "none";
  }
}

std::string ChecksText(const v1::Handoff& handoff) {
  const auto& checks = handoff.spec().checks().empty() ? handoff.checks() : handoff.spec().checks();
  if (checks.empty()) return "none";
  const char* state = handoff.verified()                                ? "passed"
                      : handoff.failure() == v1::Failure::CHECKS_FAILED ? "failed"
                                                                        : "not passed yet";
  std::vector<std::string> commands;
  for (const v1::Check& check : checks) commands.push_back(InlineCode(check.command(), 300));
  return absl::StrCat(state, ": ", absl::StrJoin(commands, ", "));
}

// A plain command has no conversation, whatever kind was planned for the attempt.
std::string SessionKindText(const v1::Handoff& handoff) {
  if (OrElse(handoff.spec().agent(), handoff.agent()) == "command") return "none";
  return SessionText(LastAttempt(handoff));
}

std::string StartedText(const v1::Handoff& handoff) {
  for (const v1::Attempt& attempt : handoff.attempts()) {
    if (attempt.has_started_at()) return TimeText(attempt.started_at().seconds());
  }
  return "not yet";
}

std::vector<std::pair<std::string, std::string>> MetadataOf(const v1::Handoff& handoff) {
  const v1::Attempt& last = LastAttempt(handoff);
  const std::string model = OrElse(handoff.spec().model(), handoff.model());
  const std::string base = OrElse(handoff.base_commit(), handoff.spec().repository().commit());
  std::vector<std::pair<std::string, std::string>> metadata = {
      {"Status", StatusText(handoff)},
      {"Task", StripControls(OrElse(handoff.spec().task(), handoff.task()))},
      {"Model", OneLine(OrElse(model, "default"), 200)},
      {"Session ID", OrElse(Latest(handoff, [](auto& a) { return a.session(); }), "none")},
      {"Workspace", OrElse(Latest(handoff, [](auto& a) { return a.workspace(); }), "none yet")},
      {"Started", StartedText(handoff)},
      {"Current attempt", absl::StrCat(last.number())},
      {"Owner", OneLine(handoff.owner(), 200)},
      {"Worker", OrElse(Latest(handoff, [](auto& a) { return a.worker(); }), "none yet")},
      {"Branch", OneLine(OrElse(handoff.branch(), "none"), 300)},
      {"Base commit", OneLine(OrElse(base, "none"), 64)},
      {"Head commit", OneLine(OrElse(handoff.head_commit(), "none yet"), 64)},
      {"Session kind", SessionKindText(handoff)},
      {"Isolation", OrElse(Latest(handoff, [](auto& a) { return a.isolation(); }), "none yet")},
      {"Checks", ChecksText(handoff)},
      {"Agent", OneLine(OrElse(handoff.spec().agent(), handoff.agent()), 80)},
  };
  if (std::string attached = AttachedWords(handoff.spec(), /*code=*/true); !attached.empty()) {
    metadata.emplace_back("Attached", std::move(attached));
  }
  if (std::string held = HeldText(handoff); !held.empty()) {
    metadata.emplace_back("Held by a person", std::move(held));
  }
  return metadata;
}

std::vector<std::string> CommandsOf(const v1::Handoff& handoff) {
  std::vector<std::string> commands;
  const v1::Attempt* last = nullptr;
  for (const v1::Attempt& attempt : handoff.attempts()) {
    if (attempt.command().empty()) continue;
    commands.push_back(absl::StrCat("# attempt ", attempt.number(), " on ",
                                    OneLine(OrElse(attempt.worker(), "an unknown worker"), 80)));
    commands.push_back(StripControls(attempt.command()));
    last = &attempt;
  }
  if (last != nullptr && !last->safe_command().empty()) {
    commands.emplace_back("# to paste on that worker: the next attempt by hand");
    commands.push_back(StripControls(last->safe_command()));
  }
  return commands;
}

std::vector<std::string> LogsOf(const v1::Handoff& handoff) {
  std::vector<std::string> logs;
  for (const v1::Attempt& attempt : handoff.attempts()) {
    const bool has_log =
        attempt.has_started_at() || attempt.log_bytes() != 0 || !attempt.command().empty();
    if (has_log) logs.push_back(absl::StrCat("attempt-", attempt.number(), ".log"));
    if (attempt.end().checks_log_bytes() != 0) {
      logs.push_back(absl::StrCat("attempt-", attempt.number(), ".checks.log"));
    }
  }
  return logs;
}

// With what came along with it.
std::string TaskText(const v1::Handoff& handoff, const std::string& task,
                     AttachedFor reader = AttachedFor::kAgent) {
  const std::string attached = AttachedText(handoff.spec(), handoff.id(), reader);
  return absl::StrCat(task, attached.empty() ? "" : "\n\n", attached);
}

// What is known, for a prompt: facts in sentences, the agent's own words quoted as such.
std::string StateText(const HandoffView& view) {
  const std::string since = SinceThenText(view);
  if (view.latest() == nullptr && since.empty())
    return "No agent has started yet; nothing was changed.";
  std::string out = FactsSection(view);
  absl::StrAppend(&out, since.empty() ? "" : "\n\n", since);
  const std::string message = Clip(StripControls(view.facts().last_message()), kMessageInPrompt);
  if (!message.empty()) {
    absl::StrAppend(&out, "\n\nThe agent's last message (its own words, not checked):\n> ",
                    absl::StrJoin(Lines(TrimText(message)), "\n> "));
  }
  // A person may have given back work before any agent started.
  const std::string summary = view.latest() == nullptr ? "" : SummaryQuote(*view.latest());
  if (!summary.empty()) absl::StrAppend(&out, "\n\n", summary);
  return out;
}

// What the last agent asked, with what to do about it; empty when it asked nothing.
std::string AskedText(const HandoffView& view, absl::string_view what_to_do) {
  if (view.latest() == nullptr) return "";
  const std::string question =
      Clip(StripControls(TrimText(view.latest()->end().question())), kQuestionInPrompt);
  if (question.empty()) return "";
  return absl::StrCat("\n\nThe agent had asked:\n", question, what_to_do);
}

constexpr absl::string_view kNotAnswered =
    "\nNobody has answered that: decide as well as you can, and say what you assumed.";

// What a person wrote goes before ours.
std::string HeldOr(const HandoffView& view, absl::string_view heading, std::string ours) {
  const v1::SectionEdit* const held = HeldEdit(view.handoff(), heading);
  return held == nullptr ? ours : held->text();
}

std::string NextStep(const HandoffView& view) {
  return HeldOr(view, kNextStepSection, StepForAgent(view));
}

std::string KnownState(const HandoffView& view) {
  const std::string blockers = ErrorsSection(view);
  return absl::StrCat(StateText(view), blockers.empty() ? "" : "\n\nErrors or blockers:\n\n",
                      blockers);
}

// `next` is the number of the attempt that it is for, `messages` what that one is told.
std::string ResumePrompt(const HandoffView& view, const std::string& task, int next,
                         const std::string& messages) {
  const std::string earlier = EarlierMessages(view.handoff(), next);
  return absl::StrCat(
      "Continue the delegated task below.\n\nOriginal task:\n", task,
      earlier.empty() ? "" : "\n\nMessages since then, which an earlier attempt was given:\n",
      earlier, "\n\nLatest known state:\n", KnownState(view),
      AskedText(view, messages.empty() ? kNotAnswered : ""),
      messages.empty() ? "" : "\n\nNew messages:\n", messages, "\n\nNext step:\n",
      messages.empty() ? NextStep(view) : "Do what the new messages say, and finish the task.");
}

bool IsBefore(const google::protobuf::Timestamp& a, const google::protobuf::Timestamp& b) {
  return std::pair(a.seconds(), a.nanos()) < std::pair(b.seconds(), b.nanos());
}

// A person's Resume Prompt, whole, and below it what they could not know or may not have said. Of a
// lost attempt nobody knows when it ended.
std::string HeldPrompt(const HandoffView& view, const v1::SectionEdit& held, int next,
                       const std::string& messages) {
  const v1::Attempt* const latest = view.latest();
  const bool seen =
      latest == nullptr || (latest->has_ended_at() && IsBefore(latest->ended_at(), held.at()));
  const std::string earlier = EarlierMessages(view.handoff(), next, &held.at());
  const absl::string_view unanswered =
      seen ? "\nIf what stands above does not answer that, decide as well as you can, and say what "
             "you assumed."
           : kNotAnswered;
  return absl::StrCat(
      TaskText(view.handoff(), held.text()),
      earlier.empty() ? "" : "\n\nMessages since then, which an earlier attempt was given:\n",
      earlier, seen ? "" : "\n\nLatest known state, newer than all above:\n",
      seen ? "" : KnownState(view), AskedText(view, messages.empty() ? unanswered : ""),
      messages.empty() ? "" : "\n\nNew messages:\n", messages);
}

std::string Rules(const v1::Handoff& handoff) {
  return absl::StrCat(
      "\n\n---\nHow this attempt is run (not part of the task):\n"
      "- Nobody watches and nobody can answer meanwhile. When the task is done, or cannot be done, "
      "say so in a few sentences, what is left included, and end.\n"
      "- If only a person can decide how to go on, write the question to "
      ".cursor/agent-handoffs/",
      handoff.id(),
      "/question.md and end. You are started again with the answer.\n"
      "- Work in this work tree. Commit if the task asks for it, otherwise leave the changes "
      "uncommitted: both are kept. Do not push and do not switch to another branch.\n"
      "- Start no server in the foreground. Whatever still runs at the end is ended.\n"
      "- .cursor/agent-handoffs/",
      handoff.id(),
      "/handoff.md is the record of this work. It is kept for you: do not edit it.\n");
}

bool IsInterrupted(const v1::Attempt& attempt) {
  return attempt.end().ended_by() == v1::AttemptEnd::INTERRUPTED && attempt.has_started_at();
}

// The conversation heard all that was said before. One that failed may have ended before its CLI
// kept anything; one that was brought from another host is that of an earlier state. Its last
// attempt; nullptr: it does not know all.
const v1::Attempt* KnowsAll(const v1::Handoff& before, v1::Attempt::SessionKind kind,
                            const AgentMemory& memory) {
  if (kind != v1::Attempt::SAME) return nullptr;
  const auto& attempts = before.attempts();
  // Of one that was lost nothing is known but that its conversation still lies there; and not even
  // that, where it may have been ended in the middle of a turn that is forgotten then.
  const auto last = std::find_if(attempts.rbegin(), attempts.rend(), [&](const v1::Attempt& a) {
    return a.state() != v1::Attempt::LOST || a.has_end() || memory.forgets_interrupted;
  });
  // Of what checks said of a person's work it heard nothing.
  const bool knows =
      last != attempts.rend() && !last->only_checks() &&
      (last->state() == v1::Attempt::SUCCEEDED || last->failure() == v1::Failure::CHECKS_FAILED ||
       (IsInterrupted(*last) && !memory.forgets_interrupted));
  return knows ? &*last : nullptr;
}

// To a conversation that knows all but what is new, unless it is an empty one of that name.
std::string MessagePrompt(const HandoffView& view, const std::string& messages, bool proven) {
  const std::string since = SinceThenText(view);
  const char* const interrupted = "\n\nYour last run was ended before it was done.";
  const std::string unless_empty = absl::StrCat(
      " If you do not know the task, read .cursor/agent-handoffs/", view.handoff().id(),
      "/handoff.md first: it says what the task is and where it stands.");
  return absl::StrCat("Continue the delegated task: what follows is new.",
                      proven ? "" : unless_empty, "\n\n", messages,
                      IsInterrupted(*view.latest()) ? interrupted : "",
                      !since.empty() ? absl::StrCat("\n\n", since)
                      : IsInterrupted(*view.latest())
                          ? " Look at the state of the work (git status, git log) before you go on."
                          : "",
                      proven ? "\n" : Rules(view.handoff()));
}

std::string TakeoverPrompt(const HandoffView& view, const std::string& task) {
  return absl::StrCat(
      "Continue this task in the current interactive Cursor session.\n\nOriginal task:\n", task,
      "\n\nWhat the headless agent already tried:\n",
      HeldOr(view, "What It Tried", OrElse(TriedSection(view, kToolsInPrompt), "- Nothing yet.")),
      "\n\nCurrent state:\n", StateText(view), "\n\nBlockers or open questions:\n",
      HeldOr(view, "Errors Or Blockers", OrElse(ErrorsSection(view), "- None known.")),
      "\n\nNext step to take now:\n", NextStep(view));
}

}  // namespace

std::string StatusText(const v1::Handoff& handoff) {
  std::string name = absl::AsciiStrToLower(v1::Handoff::Status_Name(handoff.status()));
  if (handoff.status() == v1::Handoff::STATUS_UNSPECIFIED) return "unknown";
  if (handoff.status() != v1::Handoff::SUCCEEDED) return name;
  // Without a repository there is nothing that could have changed.
  const bool repository = !handoff.repo().empty() || handoff.spec().has_repository();
  if (repository && !handoff.changed()) return absl::StrCat(name, " (no changes)");
  return handoff.verified() ? name : absl::StrCat(name, " (unchecked)");
}

Document Describe(const v1::Handoff& handoff) {
  const HandoffView view(handoff);
  const std::string bare = StripControls(OrElse(handoff.spec().task(), handoff.task()));
  const std::string task = TaskText(handoff, bare);
  const std::string step = StepForPerson(view);
  Document document;
  document.id = handoff.id();
  document.metadata = MetadataOf(handoff);
  document.commands = CommandsOf(handoff);
  document.logs = LogsOf(handoff);
  document.facts = absl::StrCat(FactsSection(view), ToldSection(view));
  document.latest_summary = SummarySection(view);
  document.what_it_tried = TriedSection(view, kToolsInDocument);
  document.files_touched = FilesSection(view);
  document.errors = ErrorsSection(view);
  document.next_step = absl::StrCat(step.empty() ? "" : "- ", step, PendingSection(view));
  v1::Handoff for_prompts = handoff;
  for_prompts.clear_reason();  // what it waits for is nothing that an agent has to mend
  const HandoffView told(for_prompts);
  document.resume_prompt =
      ResumePrompt(told, task, LastAttempt(handoff).number() + 1, PendingMessages(handoff));
  document.takeover_prompt = TakeoverPrompt(told, TaskText(handoff, bare, AttachedFor::kPerson));
  document.final_outcome = OutcomeSection(view);
  PutHeld(handoff, document);
  return Normalise(std::move(document));
}

std::string PromptFor(const v1::Handoff& handoff, int attempt, const AgentMemory& memory) {
  if (handoff.spec().agent() == "command") return handoff.spec().task();
  v1::Handoff before = handoff;
  before.clear_reason();  // why this attempt waited is nothing that it has to mend
  auto* attempts = before.mutable_attempts();
  const auto later = std::find_if(attempts->begin(), attempts->end(),
                                  [&](const v1::Attempt& a) { return a.number() >= attempt; });
  const v1::Attempt::SessionKind kind =
      later == attempts->end() ? v1::Attempt::SESSION_KIND_UNSPECIFIED : later->session_kind();
  // A conversation that begins now has not heard the rules.
  const bool goes_on = kind == v1::Attempt::SAME || kind == v1::Attempt::RESTORED;
  const bool knows_rules = goes_on && !memory.forgets_interrupted && memory.id_proves_session;
  attempts->erase(later, attempts->end());
  const HandoffView view(before);
  const std::string task = TaskText(handoff, handoff.spec().task());
  const std::string messages = NewMessages(handoff, attempt);
  const v1::Attempt* const knows_all = KnowsAll(before, kind, memory);
  const v1::SectionEdit* const held = HeldEdit(handoff, kResumePromptSection);
  // The attempt before may have been given the held text, then messages are all that is new.
  const bool told = held != nullptr && !messages.empty() && knows_all != nullptr &&
                    IsBefore(held->at(), knows_all->created_at());
  if (held != nullptr && !told) {
    return absl::StrCat(HeldPrompt(view, *held, attempt, messages),
                        knows_rules ? "\n" : Rules(handoff));
  }
  if (view.latest() == nullptr) {
    const std::string since = SinceThenText(view);
    return absl::StrCat(task, since.empty() ? "" : "\n\n", since, messages.empty() ? "" : "\n\n",
                        messages, Rules(handoff));
  }
  if (!messages.empty() && knows_all != nullptr) {
    return MessagePrompt(view, messages, memory.id_proves_session);
  }
  return absl::StrCat(ResumePrompt(view, task, attempt, messages),
                      knows_rules ? "\n" : Rules(handoff));
}

}  // namespace handoff
