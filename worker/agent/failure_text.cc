#include "worker/agent/failure_text.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/text.h"

namespace handoff {
namespace {

struct Words {
  FailureClass failure;
  absl::string_view text;  // lower case
};
// In order: a quota message often says "rate limit" too, and both may name an HTTP status.
constexpr Words kWords[] = {
    {FailureClass::kAgentNeedsSetup, "workspace trust required"},
    {FailureClass::kAgentNeedsSetup, "not logged in"},
    {FailureClass::kAgentNeedsSetup, "authentication required"},
    {FailureClass::kAgentNeedsSetup, "authentication failed"},
    {FailureClass::kAgentNeedsSetup, "agent login"},
    {FailureClass::kAgentNeedsSetup, "please log in"},
    {FailureClass::kAgentNeedsSetup, "unauthenticated"},
    {FailureClass::kAgentNeedsSetup, "unauthorized"},
    {FailureClass::kAgentNeedsSetup, "invalid api key"},
    {FailureClass::kAgentNeedsSetup, "api key is invalid"},
    {FailureClass::kAgentNeedsSetup, "api key not valid"},
    {FailureClass::kAgentNeedsSetup, "api key not found"},
    {FailureClass::kAgentNeedsSetup, "api key expired"},
    {FailureClass::kAgentNeedsSetup, "failed to authenticate"},
    {FailureClass::kAgentNeedsSetup, "oauth token has expired"},
    {FailureClass::kQuota, "usage limit"},
    {FailureClass::kQuota, "hit your limit"},
    {FailureClass::kQuota, "session limit"},
    {FailureClass::kQuota, "weekly limit"},
    {FailureClass::kQuota, "credit balance is too low"},
    {FailureClass::kQuota, "spend limit"},
    {FailureClass::kQuota, "spending limit"},
    {FailureClass::kQuota, "out of credits"},
    {FailureClass::kQuota, "insufficient credits"},
    {FailureClass::kQuota, "insufficient_quota"},
    {FailureClass::kQuota, "quota exceeded"},
    {FailureClass::kQuota, "current quota"},
    {FailureClass::kQuota, "exhausted your daily quota"},
    {FailureClass::kQuota, "exhausted your capacity"},
    {FailureClass::kContextOverflow, "context length"},
    {FailureClass::kContextOverflow, "context_length"},
    {FailureClass::kContextOverflow, "context window"},
    {FailureClass::kContextOverflow, "maximum context"},
    {FailureClass::kContextOverflow, "prompt is too long"},
    {FailureClass::kContextOverflow, "too many tokens"},
    {FailureClass::kRateLimited, "rate limit"},
    {FailureClass::kRateLimited, "rate_limit"},
    {FailureClass::kRateLimited, "too many requests"},
    {FailureClass::kRateLimited, "status 429"},
    {FailureClass::kRateLimited, "resource_exhausted"},
    {FailureClass::kRateLimited, "overloaded"},
    {FailureClass::kRateLimited, "experiencing high demand"},
    {FailureClass::kNetwork, "enotfound"},
    {FailureClass::kNetwork, "econnrefused"},
    {FailureClass::kNetwork, "econnreset"},
    {FailureClass::kNetwork, "etimedout"},
    {FailureClass::kNetwork, "eai_again"},
    {FailureClass::kNetwork, "getaddrinfo"},
    {FailureClass::kNetwork, "fetch failed"},
    {FailureClass::kNetwork, "network error"},
    {FailureClass::kNetwork, "socket hang up"},
    {FailureClass::kNetwork, "connection refused"},
    {FailureClass::kNetwork, "connection reset"},
    {FailureClass::kNetwork, "connection lost"},
    {FailureClass::kNetwork, "unable to connect"},
    {FailureClass::kNetwork, "stream disconnected"},
    {FailureClass::kNetwork, "error sending request"},
    {FailureClass::kNetwork, "service unavailable"},
    {FailureClass::kNetwork, "bad gateway"},
    {FailureClass::kNetwork, "gateway timeout"},
    {FailureClass::kNetwork, "[unavailable]"},
    {FailureClass::kAgentError, "cannot use this model"},
    {FailureClass::kAgentError, "invalid model"},
    {FailureClass::kAgentError, "unknown model"},
    {FailureClass::kAgentError, "model not found"},
};

absl::string_view LineAround(absl::string_view text, size_t at) {
  const size_t begin = at == 0 ? absl::string_view::npos : text.rfind('\n', at - 1);
  const size_t first = begin == absl::string_view::npos ? 0 : begin + 1;
  return text.substr(first, text.find('\n', at) - first);
}

bool ReadTime(const std::string& token, absl::Time* time) {
  if (absl::ParseTime(absl::RFC3339_full, token, time, nullptr)) return true;
  for (const char* format : {"%Y-%m-%d", "%m/%d/%Y"}) {
    if (token.size() >= 8 && absl::ParseTime(format, token, time, nullptr)) {
      *time += absl::Hours(24);
      return true;
    }
  }
  int64_t seconds = 0;
  if (token.size() == 10 && absl::SimpleAtoi(token, &seconds) && seconds > 1'500'000'000) {
    *time = absl::FromUnixSeconds(seconds);
    return true;
  }
  return false;
}

// 2000 to 2099. Without a clock that is all that can be said, and enough for a time that can be
// sent, shown and computed with.
constexpr int64_t kFirstReset = 946'684'800;
constexpr int64_t kEndOfResets = 4'102'444'800;

}  // namespace

Verdict ClassifyErrorText(absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(text);
  for (const Words& words : kWords) {
    const size_t at = lower.find(std::string(words.text));
    if (at == std::string::npos) continue;
    const absl::string_view line = LineAround(text, at);
    Verdict verdict{words.failure, OneLine(line, 500)};
    if (words.failure == FailureClass::kQuota) verdict.retry_at = ResetTime(line);
    return verdict;
  }
  return {};
}

FailureClass ClassOfStatus(int64_t status) {
  if (status == 401 || status == 403) return FailureClass::kAgentNeedsSetup;
  if (status == 402) return FailureClass::kQuota;
  if (status == 429 || status == 529) return FailureClass::kRateLimited;
  return status >= 500 && status < 600 ? FailureClass::kNetwork : FailureClass::kNone;
}

bool IsRefusedKey(absl::string_view message) {
  for (const char* begin : {"API key not valid.", "API key not found.", "API key expired."}) {
    if (absl::StartsWithIgnoreCase(message, begin)) return true;
  }
  return false;
}

absl::Time ResetTime(absl::string_view text) {
  for (absl::string_view token : absl::StrSplit(
           text.substr(0, 4096), absl::ByAnyChar(" \t\n|()[]\"',;"), absl::SkipEmpty())) {
    absl::Time time;
    while (absl::ConsumeSuffix(&token, ".")) {
    }
    if (!ReadTime(std::string(token), &time)) continue;
    if (SaneReset(time) != absl::InfinitePast()) return time;
  }
  return absl::InfinitePast();
}

absl::Time SaneReset(absl::Time time) {
  const bool sane =
      time >= absl::FromUnixSeconds(kFirstReset) && time < absl::FromUnixSeconds(kEndOfResets);
  return sane ? time : absl::InfinitePast();
}

}  // namespace handoff
