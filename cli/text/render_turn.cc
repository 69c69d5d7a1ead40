#include "cli/text/render_turn.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/text/words.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

// "agent_needs_setup"
std::string ClassWord(v1::Failure::Class failure) {
  const std::string name = v1::Failure::Class_Name(failure);
  return name.empty() ? "failed" : absl::AsciiStrToLower(name);
}

std::string Seconds(absl::Duration took) {
  return absl::StrFormat("%.1f s", absl::ToDoubleSeconds(took));
}

// What it took and cost, each with ", " before it.
std::string Cost(const v1::AgentTurn& turn) {
  std::string out;
  if (turn.has_took()) absl::StrAppend(&out, ", ", Seconds(DurationOf(turn.took())));
  if (!turn.model().empty()) absl::StrAppend(&out, ", model ", OneLine(turn.model(), 130));
  const v1::Facts::Usage& usage = turn.usage();
  const uint64_t in = usage.input_tokens() + usage.cache_read_tokens() + usage.cache_write_tokens();
  if (in + usage.output_tokens() > 0) {
    absl::StrAppend(&out, ", ", CountWords(in), " tokens in, ", CountWords(usage.output_tokens()),
                    " out");
  }
  if (usage.cost_usd() > 0) absl::StrAppend(&out, absl::StrFormat(", $%.4f", usage.cost_usd()));
  return out;
}

}  // namespace

std::string TurnWords(const v1::AgentTurn& turn, absl::Time now) {
  if (!turn.has_at())
    return absl::StrCat("asked ", Relative(TimeOf(turn.asked_at()), now), ", no answer yet");
  const std::string when = Relative(TimeOf(turn.at()), now);
  if (turn.failure() == v1::Failure::NONE) return absl::StrCat("worked ", when, Cost(turn));
  return absl::StrCat(ClassWord(turn.failure()), " ", when, Cost(turn),
                      turn.message().empty() ? "" : ": ", OneLine(turn.message(), 500));
}

std::string TurnAdvice(const v1::AgentTurn& turn, const std::string& worker, absl::Time now) {
  const std::string agent = OneLine(turn.agent(), 32), host = OneLine(worker, 64);
  const std::string again =
      absl::StrCat("; then 'handoff doctor --worker ", host, " --turn --agent ", agent, "' again");
  switch (turn.failure()) {
    case v1::Failure::NONE:
      return "";
    case v1::Failure::AGENT_MISSING:
      return absl::StrCat("install ", agent, " on ", host, " for the account that runs its agents",
                          again);
    case v1::Failure::AGENT_NEEDS_SETUP:
      return absl::StrCat("set it up on ", host, ", as the account that runs its agents", again);
    case v1::Failure::QUOTA:
      return absl::StrCat(
          "its account is used up",
          turn.has_retry_at()
              ? absl::StrCat("; it can be used ", Relative(TimeOf(turn.retry_at()), now), " again")
              : "",
          ": wait, or use another agent or worker");
    case v1::Failure::RATE_LIMITED:
      return absl::StrCat("its service asks for fewer requests: wait a minute", again);
    case v1::Failure::NETWORK:
      return absl::StrCat("look at the way from ", host,
                          " to the service of its model: names, proxy, firewall", again);
    case v1::Failure::TIMED_OUT:
      return absl::StrCat("run ", agent, " by hand on ", host,
                          ": it may wait for a question, a login or the network");
    default:
      return absl::StrCat("run ", agent, " by hand on ", host, " and see what it says");
  }
}

}  // namespace handoff
