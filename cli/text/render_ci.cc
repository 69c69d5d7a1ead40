#include "cli/text/render_ci.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/text/exit_status.h"
#include "cli/text/words.h"
#include "common/handoff/describe.h"
#include "common/handoff/describe_checks.h"
#include "common/handoff/describe_push.h"
#include "common/handoff/markdown.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr size_t kSentence = 600;
constexpr int kMostFiles = 20;
constexpr int kMostChecks = 16;

bool IsPlain(absl::string_view text, absl::string_view extra) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           extra.find(c) != absl::string_view::npos;
  });
}

// Nothing that could begin another line or another value.
std::string Plain(const std::string& text) { return IsPlain(text, "._/-") ? text : ""; }

const v1::Attempt& LastAttempt(const v1::Handoff& handoff) {
  return handoff.attempts().empty() ? v1::Attempt::default_instance()
                                    : *handoff.attempts().rbegin();
}

const v1::Facts& FactsOf(const v1::Attempt& attempt) {
  return attempt.has_facts() ? attempt.facts() : attempt.end().facts();
}

// The page of the branch where its system has one; empty elsewhere.
std::string BranchPage(const v1::Handoff& handoff, CiSystem system) {
  absl::string_view url = handoff.repo();
  const bool known = system == CiSystem::kGitHub || system == CiSystem::kGitLab;
  if (!known || !absl::StartsWith(url, "https://") || !IsPlain(url, ":/._-~")) return "";
  absl::ConsumeSuffix(&url, "/");
  absl::ConsumeSuffix(&url, ".git");
  return absl::StrCat(url, system == CiSystem::kGitLab ? "/-/tree/" : "/tree/", handoff.branch());
}

void AddChecks(const v1::Facts& facts, std::string& out) {
  const auto& checks = facts.checks();
  const auto passed = std::count_if(checks.begin(), checks.end(),
                                    [](const v1::CheckResult& check) { return check.passed(); });
  if (checks.empty()) return;
  absl::StrAppend(&out, "- Checks: ", passed, " of ", checks.size(), " passed\n");
  for (int i = 0; i < std::min(kMostChecks, checks.size()); ++i) {
    absl::StrAppend(&out, "  - ", InlineCode(checks[i].command(), 300), ": ",
                    checks[i].passed() ? "passed" : HowCheckEnded(checks[i]), "\n");
  }
}

void AddWork(const v1::Handoff& handoff, const v1::Facts& facts, std::string& out) {
  const uint64_t changed = std::max(handoff.files_changed(), facts.files_changed());
  if (changed == 0) return;
  absl::StrAppend(&out, "- Work: ", Plural(changed, "file"), " changed ",
                  LinesWords(std::max(handoff.lines_added(), facts.lines_added()),
                             std::max(handoff.lines_deleted(), facts.lines_deleted())),
                  "\n");
  const int shown = std::min(kMostFiles, facts.files_size());
  for (int i = 0; i < shown; ++i) {
    absl::StrAppend(&out, "  - ", InlineCode(facts.files(i).path(), 300), " ",
                    LinesWords(facts.files(i).added(), facts.files(i).deleted()), "\n");
  }
  if (shown > 0 && changed > static_cast<uint64_t>(shown)) {
    absl::StrAppend(&out, "  - and ", changed - static_cast<uint64_t>(shown), " more\n");
  }
}

bool IsPushed(const v1::Attempt& attempt) {
  return attempt.push().state() == v1::PushResult::PUSHED ||
         attempt.push().state() == v1::PushResult::UP_TO_DATE;
}

// Of the branch as it is at origin, where it was pushed: what the agent left uncommitted is a
// commit there.
std::string Head(const v1::Handoff& handoff) {
  const bool pushed =
      handoff.attempts_size() > 0 && IsPushed(handoff.attempts(handoff.attempts_size() - 1));
  return Plain(pushed ? handoff.attempts(handoff.attempts_size() - 1).push().commit()
                      : handoff.head_commit());
}

void AddBranch(const v1::Handoff& handoff, const v1::Attempt& attempt, CiSystem system,
               std::string& out) {
  const std::string branch = Plain(handoff.branch()), head = Head(handoff);
  if (branch.empty()) return;
  const std::string page = IsPushed(attempt) ? BranchPage(handoff, system) : "";
  absl::StrAppend(&out, "- Branch: ",
                  page.empty() ? InlineCode(branch, 200)
                               : absl::StrCat("[", InlineCode(branch, 200), "](", page, ")"),
                  head.empty() ? "" : absl::StrCat(", head ", InlineCode(head.substr(0, 10), 10)),
                  "\n");
  const std::string words = PushWords(
      handoff, attempt, [](absl::string_view text) { return InlineCode(text, kSentence); });
  if (!words.empty()) absl::StrAppend(&out, "- Push: ", words, "\n");
}

std::string Commands(const v1::Handoff& handoff) {
  const std::string& id = handoff.id();
  std::string out = absl::StrCat("\n```sh\nhandoff show ", id, "\n");
  switch (handoff.status()) {
    case v1::Handoff::SUCCEEDED:
      return absl::StrCat(out, "handoff diff ", id, "\nhandoff fetch ", id, "\n```\n");
    case v1::Handoff::WAITING:
      return absl::StrCat(out, "handoff send ", id, " ANSWER\n```\n");
    case v1::Handoff::FAILED:
      return absl::StrCat(out, "handoff why ", id, "\nhandoff logs ", id, "\nhandoff takeover ", id,
                          "\n```\n");
    default:
      return absl::StrCat(out, "handoff logs -f ", id, "\n```\n");
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> CiOutputs(const v1::Handoff& handoff) {
  const std::string status = absl::AsciiStrToLower(v1::Handoff::Status_Name(handoff.status()));
  return {{"id", Plain(handoff.id())},
          {"status", status},
          {"branch", Plain(handoff.branch())},
          {"head", Head(handoff)}};
}

std::string CiOutputLines(CiSystem system, const v1::Handoff& handoff) {
  // HANDOFF_ID would tell the next job's commands that an agent runs them.
  const bool ours = system != CiSystem::kGitHub;
  std::string lines;
  for (const auto& [name, value] : CiOutputs(handoff)) {
    absl::StrAppend(&lines,
                    ours ? absl::StrCat("HANDOFF_RESULT_", absl::AsciiStrToUpper(name)) : name, "=",
                    value, "\n");
  }
  return lines;
}

std::string RenderCiSummary(const v1::Handoff& handoff, CiSystem system, bool existing) {
  const v1::Attempt& attempt = LastAttempt(handoff);
  const v1::Facts& facts = FactsOf(attempt);
  std::string out = absl::StrCat("### Handoff ", InlineCode(handoff.id(), 100), ": ",
                                 StatusText(handoff), "\n\n");
  if (existing) absl::StrAppend(&out, "An equivalent one was there; nothing new was started.\n\n");
  if (!handoff.reason().empty()) {
    absl::StrAppend(&out, "- Reason: ", InlineCode(handoff.reason(), kSentence), "\n");
  }
  if (!handoff.question().empty()) {
    absl::StrAppend(&out, "- Asks: ", InlineCode(handoff.question(), kSentence), "\n");
  }
  absl::StrAppend(&out, "- Task: ", InlineCode(handoff.task(), 300), "\n");
  if (!handoff.worker().empty()) {
    absl::StrAppend(&out, "- Attempt ", attempt.number(), " of ", InlineCode(handoff.agent(), 40),
                    " on ", InlineCode(handoff.worker(), 64), "\n");
  }
  AddChecks(facts, out);
  AddWork(handoff, facts, out);
  AddBranch(handoff, attempt, system, out);
  return absl::StrCat(out, Commands(handoff));
}

std::string CiStyle(const v1::Handoff& handoff) {
  if (!IsSettled(handoff)) return "info";
  switch (ExitFor(handoff)) {
    case Exit::kDone:
      return "success";
    case Exit::kCancelled:
    case Exit::kPersonNeeded:
      return "warning";
    default:
      return "error";
  }
}

}  // namespace handoff
