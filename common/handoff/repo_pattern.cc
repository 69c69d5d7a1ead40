#include "common/handoff/repo_pattern.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace handoff {
namespace {

// Programs differ in what they make of these.
bool IsAmbiguous(absl::string_view url) {
  return std::any_of(url.begin(), url.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= ' ' || byte == 0x7f || c == '%' || c == '?' || c == '#' || c == '\\';
  });
}

// Who resolves it may go where the text does not say.
bool LeadsElsewhere(absl::string_view path) {
  absl::ConsumePrefix(&path, "/");
  for (const absl::string_view segment : absl::StrSplit(path, '/')) {
    if (segment.empty() || segment == "." || segment == "..") return true;
  }
  return false;
}

// "user@host:port" without the user.
std::string HostOf(absl::string_view authority) {
  const size_t at = authority.rfind('@');
  if (at != absl::string_view::npos) authority.remove_prefix(at + 1);
  return absl::AsciiStrToLower(authority);
}

std::string Joined(const std::string& host, absl::string_view path) {
  absl::ConsumePrefix(&path, "/");
  absl::ConsumeSuffix(&path, "/");
  absl::ConsumeSuffix(&path, ".git");
  if (absl::StartsWith(path, "/")) return "";
  const std::string name = host.empty() ? absl::StrCat("/", path) : absl::StrCat(host, "/", path);
  return path.empty() || LeadsElsewhere(name) ? "" : name;
}

}  // namespace

std::string RepoName(absl::string_view url) {
  if (IsAmbiguous(url)) return "";
  const size_t scheme = url.find("://");
  if (scheme != absl::string_view::npos) {
    const absl::string_view rest = url.substr(scheme + 3);
    const size_t slash = rest.find('/');
    if (slash == absl::string_view::npos) return "";
    return Joined(HostOf(rest.substr(0, slash)), rest.substr(slash));
  }
  const size_t colon = url.find(':');
  if (colon != absl::string_view::npos && !absl::StartsWith(url, "root:") &&
      url.substr(0, colon).find('/') == absl::string_view::npos) {
    const std::string host = HostOf(url.substr(0, colon));
    return host.empty() ? "" : Joined(host, url.substr(colon + 1));
  }
  if (absl::StartsWith(url, "/")) return Joined("", url);
  return LeadsElsewhere(url) ? "" : std::string(url);
}

// `reached[i]`: what was read of the pattern so far covers the first i characters of the name.
bool MatchesGlob(absl::string_view pattern, absl::string_view name) {
  std::vector<bool> reached(name.size() + 1, false);
  reached[0] = true;
  for (size_t p = 0; p < pattern.size(); ++p) {
    const bool star = pattern[p] == '*';
    const bool deep = star && p + 1 < pattern.size() && pattern[p + 1] == '*';
    std::vector<bool> next(reached.size(), false);
    if (star) next[0] = reached[0];
    for (size_t i = 0; i < name.size(); ++i) {
      if (star) {
        next[i + 1] = reached[i + 1] || (next[i] && (deep || name[i] != '/'));
      } else {
        next[i + 1] = reached[i] && name[i] == pattern[p];
      }
    }
    reached = std::move(next);
    if (deep) ++p;
  }
  return reached.back();
}

bool MatchesAnyRepo(const std::vector<std::string>& patterns, absl::string_view url) {
  const std::string name = RepoName(url);
  return !name.empty() && std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) {
    return MatchesGlob(pattern, name);
  });
}

}  // namespace handoff
