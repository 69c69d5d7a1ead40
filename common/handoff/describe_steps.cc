// The one next step of each status and failure.
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/handoff/describe_sections.h"
#include "common/handoff/markdown.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

std::string LogName(const HandoffView& view, absl::string_view end = ".log") {
  const int number = view.latest() == nullptr ? 1 : view.latest()->number();
  return absl::StrCat("`attempt-", number, end, "`");
}

std::string AfterSuccess(const HandoffView& view) {
  const v1::Handoff& handoff = view.handoff();
  if (handoff.branch().empty()) {
    return absl::StrCat("Read the end of ", LogName(view), "; nothing is left to do for the pool.");
  }
  const std::string where = view.latest() == nullptr || view.latest()->workspace().empty()
                                ? ""
                                : absl::StrCat(" in ", InlineCode(view.latest()->workspace(), 300),
                                               " on ", InlineCode(view.latest()->worker(), 80));
  if (view.work_unknown()) {
    return absl::StrCat("Look at the work", where, ": what changed could not be read from git.");
  }
  if (!handoff.changed()) {
    return "Read the agent's last message: nothing was changed, so decide whether anything is left "
           "to do.";
  }
  return absl::StrCat("Review branch ", InlineCode(handoff.branch(), 120), where, ".");
}

std::string AfterFailure(const HandoffView& view, const std::string& resume) {
  switch (view.handoff().failure()) {
    case v1::Failure::AGENT_MISSING:
    case v1::Failure::AGENT_NEEDS_SETUP:
      return absl::StrCat("Mend the worker as said under Errors Or Blockers, then ", resume, ".");
    case v1::Failure::CHECKOUT_FAILED:
    case v1::Failure::ENVIRONMENT_FAILED:
      return absl::StrCat("Make the repository reachable as said under Errors Or Blockers, then ",
                          resume, ".");
    case v1::Failure::QUOTA:
    case v1::Failure::RATE_LIMITED:
    case v1::Failure::NETWORK:
    case v1::Failure::WORKER_LOST:
      return absl::StrCat("When the cause under Errors Or Blockers is gone, ", resume, ".");
    case v1::Failure::TIMED_OUT:
      return absl::StrCat("Decide whether the work needs more time, then ", resume, ".");
    case v1::Failure::CHECKS_FAILED:
      return absl::StrCat("Read ", LogName(view, ".checks.log"), ", then ", resume, ".");
    default:
      return absl::StrCat("Read the end of ", LogName(view), ", then ", resume, ".");
  }
}

std::string LastFailedCommand(const HandoffView& view) {
  const auto& tools = view.facts().tools();
  if (tools.empty()) return "";
  const auto& last = *tools.rbegin();
  const bool failed = last.has_exit_code() && last.exit_code() != 0 && !last.command().empty();
  return failed ? InlineCode(last.command(), 300) : "";
}

std::string InHands(const v1::Handoff& handoff) {
  const std::string who = HandsText(handoff);
  return absl::StrCat(
      who.empty() ? "" : absl::StrCat("It is in the hands of ", who, ". "),
      "Go on in the interactive session; the Headed Takeover Prompt is its start. `handoff return ",
      handoff.id(), " MESSAGE` gives it back to an agent, `handoff return ", handoff.id(),
      " --done` has its checks decide.");
}

}  // namespace

std::string StepForPerson(const HandoffView& view) {
  const v1::Handoff& handoff = view.handoff();
  const std::string resume = absl::StrCat("`handoff resume ", handoff.id(), "`");
  switch (handoff.status()) {
    case v1::Handoff::QUEUED:
      return absl::StrCat("Wait for a worker; `handoff why ", handoff.id(), "` says for what.");
    case v1::Handoff::RUNNING:
      if (!handoff.taken_by().empty()) {
        return absl::StrCat("Wait for the end of its attempt: it goes to ", HandsText(handoff),
                            " then.");
      }
      return absl::StrCat("Wait for the end, or follow it with `handoff logs -f ", handoff.id(),
                          "`.");
    case v1::Handoff::STALLED:
      return absl::StrCat("Look with `handoff logs -f ", handoff.id(),
                          "` whether the agent still works; `handoff cancel ", handoff.id(),
                          "` ends it.");
    case v1::Handoff::WAITING:
      return absl::StrCat("Answer the agent's question: `handoff send ", handoff.id(),
                          " ANSWER` goes on with it.");
    case v1::Handoff::INTERACTIVE:
      return InHands(handoff);
    case v1::Handoff::SUCCEEDED:
      return AfterSuccess(view);
    case v1::Handoff::FAILED:
      return AfterFailure(view, resume);
    case v1::Handoff::CANCELLED:
      return absl::StrCat("If the work is still wanted, ", resume, " goes on from here.");
    default:
      return "";
  }
}

std::string StepForAgent(const HandoffView& view) {
  // From the attempt, not the handoff: that one may be queued again already.
  if (view.latest() == nullptr) return "Begin with the task: nothing was done yet.";
  if (view.latest()->state() == v1::Attempt::SUCCEEDED) {
    return "Compare the work tree with the task, and do only what is missing.";
  }
  if (view.latest()->failure() == v1::Failure::CHECKS_FAILED) {
    return "Run the declared checks, mend what fails, and finish the task.";
  }
  const std::string failed = LastFailedCommand(view);
  if (!failed.empty()) {
    return absl::StrCat("Find out why ", failed, " failed, mend it, and finish the task.");
  }
  return "Look at the state of the work (git status, git log), go on from there, and finish the "
         "task.";
}

}  // namespace handoff
