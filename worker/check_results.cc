#include "worker/check_results.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/handoff/describe_checks.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"
#include "worker/proto_time.h"
#include "worker/run_end.h"

namespace handoff::worker {
namespace {

constexpr absl::Duration kLimit = absl::Minutes(30);
constexpr size_t kMostNamedFiles = 16;
constexpr size_t kCommandBytes = 300;
constexpr size_t kReasonBytes = 1000;
constexpr size_t kReasonInOutput = 150;
constexpr char kStopped[] = "It was ended with the attempt, which was stopped.";

std::string WhyNotStarted(const std::string& error) {
  return absl::StrCat("It could not be started: ", OneLine(EscapeInvalidUtf8(error), kReasonBytes),
                      ".");
}

// By whom else than itself it was ended.
std::string WhyEnded(EndedBy ended_by, absl::Duration limit) {
  switch (ended_by) {
    case EndedBy::kItself:
    case EndedBy::kAfterResult:
      return "";
    case EndedBy::kHardCap:
      return absl::StrCat("It reached its time limit of ", HumanDuration(limit),
                          " and was ended; --check-timeout sets the limit.");
    case EndedBy::kOrphaned:
      return "Nobody renewed the lease for so long that the worker ended it.";
    case EndedBy::kShimLost:
      return "Its watcher was killed, so its exit status is unknown.";
    case EndedBy::kHostRebooted:
      return "The worker's host was restarted while it ran.";
    default:
      return kStopped;
  }
}

std::string WhyFailed(const ShimExit& exit) {
  if (exit.exit_code) return absl::StrCat("It exited with status ", *exit.exit_code, ".");
  const char* name = ::strsignal(exit.signal);
  return absl::StrCat("It was killed by signal ", exit.signal, name == nullptr ? "" : " (",
                      name == nullptr ? "" : name, name == nullptr ? "" : ")", ".");
}

// "The check `ninja test` failed: exit status 1 after 3.2 s".
std::string HowItFailed(const v1::CheckResult& result) {
  const bool plain = result.has_exit_code() || result.signal() != 0 || result.timed_out();
  return absl::StrCat(
      "The check `", OneLine(result.command(), kCommandBytes), "` failed: ", HowCheckEnded(result),
      plain ? "" : absl::StrCat(" (", Clip(result.message(), kReasonInOutput), ")"));
}

// The last `max_bytes` from the begin of a character on.
absl::string_view Last(absl::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  text.remove_prefix(text.size() - max_bytes);
  while (!text.empty() && (static_cast<unsigned char>(text.front()) & 0xc0U) == 0x80U) {
    text.remove_prefix(1);
  }
  return text;
}

}  // namespace

absl::Duration LimitOf(const v1::Check& check) {
  return check.has_timeout() ? FromProto(check.timeout()) : kLimit;
}

v1::CheckResult JudgeCheck(const v1::Check& check, const CheckEnd& end) {
  v1::CheckResult result;
  result.set_command(check.command());
  if (end.took) ToProto(std::max(*end.took, absl::ZeroDuration()), result.mutable_duration());
  const EndedBy ended_by = end.exit ? end.exit->ended_by : end.lost_as;
  result.set_timed_out(ended_by == EndedBy::kHardCap && !end.stopped);
  result.set_message(end.stopped ? kStopped : WhyEnded(ended_by, LimitOf(check)));
  if (!end.exit) return result;
  if (!end.exit->spawn_error.empty()) {
    result.clear_duration();
    result.set_message(WhyNotStarted(end.exit->spawn_error));
    return result;
  }
  if (result.timed_out()) return result;
  if (end.exit->exit_code) result.set_exit_code(*end.exit->exit_code);
  result.set_signal(end.exit->signal);
  // A status after we ended it says nothing of the work.
  result.set_passed(result.message().empty() && end.exit->exit_code == 0);
  if (!result.passed() && result.message().empty()) result.set_message(WhyFailed(*end.exit));
  return result;
}

std::vector<std::string> NamedFiles(absl::string_view command, const std::string& folder,
                                    const v1::Facts& facts) {
  std::set<std::string> words;
  for (absl::string_view word :
       absl::StrSplit(command, absl::ByAnyChar(" \t\r\n'\"`;|&()<>=:,{}$"), absl::SkipEmpty())) {
    while (absl::ConsumePrefix(&word, "./")) {
    }
    words.insert(folder.empty() ? std::string(word) : absl::StrCat(folder, "/", word));
  }
  std::vector<std::string> named;
  for (const v1::Facts::FileChange& file : facts.files()) {
    if (words.contains(file.path()) && named.size() < kMostNamedFiles) named.push_back(file.path());
  }
  return named;
}

std::string TailOf(absl::string_view bytes, size_t max_bytes) {
  const std::string text = StripControls(EscapeInvalidUtf8(bytes));
  absl::string_view tail = Last(text, max_bytes);
  const size_t newline = tail.find('\n');
  // The begin of a line that was cut is left out, unless it is all that there is.
  if (tail.size() < text.size() && newline + 1 < tail.size()) tail.remove_prefix(newline + 1);
  return std::string(absl::StripTrailingAsciiWhitespace(tail));
}

void FillChecks(const std::vector<v1::CheckResult>& results, const std::vector<std::string>& tails,
                int declared, RunEnd& run, v1::AttemptEnd& end) {
  end.mutable_facts()->clear_checks();
  end.mutable_facts()->mutable_checks()->Add(results.begin(), results.end());
  const auto failed = static_cast<size_t>(std::count_if(
      results.begin(), results.end(), [](const v1::CheckResult& r) { return !r.passed(); }));
  run.checks_passed = failed == 0 && static_cast<int>(results.size()) == declared && declared > 0;
  std::string output;
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].passed()) continue;
    const std::string how = HowItFailed(results[i]);
    if (run.failed_check.empty()) {
      run.failed_check = failed == 1
                             ? absl::StrCat(how, ".")
                             : absl::StrCat(how, "; ", failed, " of ", declared, " checks failed.");
    }
    const size_t room = std::min(kCheckTailBytes, kCheckOutputBytes / failed - kCommandBytes - 300);
    const std::string tail = TailOf(tails[i], room);
    absl::StrAppend(&output, output.empty() ? "" : "\n\n", how,
                    tail.empty() ? ". It wrote nothing."
                                 : absl::StrCat(". The last of its output:\n```\n", tail, "\n```"));
  }
  end.set_check_output(Clip(output, kCheckOutputBytes));
}

}  // namespace handoff::worker
