#include "cli/text/log_part.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace handoff {
namespace {

// The number before `end`, which are both taken away.
template <typename Number>
bool TakeNumber(absl::string_view* text, absl::string_view end, Number* number) {
  const size_t at = text->find(end);
  if (at == absl::string_view::npos || !absl::SimpleAtoi(text->substr(0, at), number)) return false;
  text->remove_prefix(at + end.size());
  return true;
}

}  // namespace

bool HasPart(absl::string_view data, uint64_t most, bool raw) {
  if (data.size() < most) return false;
  return raw || data.size() >= kMostPartLine || data.find('\n') != absl::string_view::npos;
}

uint64_t PartOf(absl::string_view data, uint64_t most, bool over, bool raw) {
  const bool all = data.size() <= most;
  if (raw || (all && over)) return std::min<uint64_t>(data.size(), most);
  const size_t last = data.substr(0, most).rfind('\n');
  if (last != absl::string_view::npos) return last + 1;
  if (all) return 0;  // a line of which the rest is still to come
  const size_t first = data.find('\n');
  return first == absl::string_view::npos ? data.size() : first + 1;
}

std::string RenderLogPart(const LogPart& part) {
  return absl::StrCat(
      "attempt ", part.attempt, ": bytes ", part.from, " to ", part.to, " of ", part.size,
      part.to < part.size ? absl::StrCat("; --from ", part.to, " goes on") : ", its present end");
}

std::optional<LogPart> ParseLogPart(absl::string_view line) {
  LogPart part;
  if (!absl::ConsumePrefix(&line, "attempt ") || !TakeNumber(&line, ": bytes ", &part.attempt) ||
      !TakeNumber(&line, " to ", &part.from) || !TakeNumber(&line, " of ", &part.to)) {
    return std::nullopt;
  }
  const size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
  if (!absl::SimpleAtoi(line.substr(0, digits), &part.size)) return std::nullopt;
  return part;
}

}  // namespace handoff
