#include "cli/text/options.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/handoff/names.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr int64_t kMostSeconds = 30 * 86400;

int64_t SecondsOf(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3600;
    case 'd':
      return 86400;
    default:
      return 0;
  }
}

// Seconds of "1h30m"; -1 for anything else, values above the most included.
int64_t ParseSeconds(absl::string_view text) {
  if (text.empty()) return -1;
  int64_t total = 0;
  while (!text.empty()) {
    int64_t number = 0;
    size_t digits = 0;
    while (digits < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[digits]))) {
      number = std::min<int64_t>(number * 10 + (text[digits] - '0'), kMostSeconds + 1);
      ++digits;
    }
    if (digits == 0 || digits == text.size()) return -1;
    const int64_t unit = SecondsOf(text[digits]);
    if (unit == 0) return -1;
    total = std::min(total + number * unit, kMostSeconds + 1);
    text.remove_prefix(digits + 1);
  }
  return total;
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view flag, absl::string_view text,
                                             absl::Duration least) {
  const int64_t seconds = ParseSeconds(text);
  const auto refuse = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat(flag, " '", OneLine(text, 40), "' ", why));
  };
  if (seconds < 0) {
    return refuse(
        "is not a time: use a number with s, m, h or d, such as 90s, 10m, 2h or 1h30m, of at most "
        "30d");
  }
  if (seconds > kMostSeconds) return refuse("is more than 30d, the most there is");
  if (absl::Seconds(seconds) < least) {
    return refuse(absl::StrCat("is too short: use ", absl::ToInt64Seconds(least), "s to 30d"));
  }
  if (seconds == 0) return refuse("must be more than 0");
  return absl::Seconds(seconds);
}

absl::StatusOr<std::map<std::string, std::string>> ParseLabels(
    absl::string_view flag, const std::vector<std::string>& pairs) {
  std::map<std::string, std::string> labels;
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat(flag, " '", OneLine(pair, 80), "' has no '=': write ", flag, " KEY=VALUE"));
    }
    const std::string key = pair.substr(0, equals);
    const std::string value = pair.substr(equals + 1);
    RETURN_IF_ERROR(ValidateLabel(key, value));
    if (!labels.emplace(key, value).second) {
      return absl::InvalidArgumentError(absl::StrCat(flag, " ", key, " was given twice"));
    }
  }
  return labels;
}

absl::StatusOr<std::map<std::string, std::string>> ParseEnvironment(
    const std::vector<std::string>& entries, const std::vector<std::string>& environment) {
  std::map<std::string, std::string> variables;
  for (const std::string& entry : entries) {
    const size_t equals = entry.find('=');
    const std::string name = entry.substr(0, equals);
    RETURN_IF_ERROR(ValidateEnvName(name));
    std::string value;
    if (equals != std::string::npos) {
      value = entry.substr(equals + 1);
    } else {
      const std::string prefix = absl::StrCat(name, "=");
      const auto found =
          std::find_if(environment.begin(), environment.end(),
                       [&](const std::string& each) { return absl::StartsWith(each, prefix); });
      if (found == environment.end()) {
        return absl::InvalidArgumentError(
            absl::StrCat("--env ", name, " names a variable that is not set here: write --env ",
                         name, "=VALUE"));
      }
      value = found->substr(prefix.size());
    }
    variables[name] = value;
  }
  return variables;
}

absl::Status CheckIdPart(absl::string_view text) {
  const bool fits = !text.empty() && text.size() <= kMaxIdBytes &&
                    std::all_of(text.begin(), text.end(), [](char c) {
                      return absl::ascii_islower(static_cast<unsigned char>(c)) ||
                             absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-';
                    });
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("'", OneLine(EscapeInvalidUtf8(text.substr(0, 200)), 80),
                   "' is not an id or a part of one: those have only a-z, 0-9 and '-'. 'handoff "
                   "list' shows them"));
}

}  // namespace handoff
