#include "common/handoff/names.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/text.h"

namespace handoff {
namespace {

bool IsAlnum(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

// First character alphanumeric, the others too or one of `extra`.
bool Matches(absl::string_view text, size_t most, absl::string_view extra) {
  if (text.empty() || text.size() > most || !IsAlnum(text[0])) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return IsAlnum(c) || extra.find(c) != absl::string_view::npos;
  });
}

absl::Status Invalid(absl::string_view what, absl::string_view value, absl::string_view rule) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, " '", OneLine(EscapeInvalidUtf8(value.substr(0, 200)), 80),
                   "' is not allowed: ", rule));
}

bool HasControls(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

absl::Status InvalidUrl(absl::string_view url, absl::string_view rule) {
  return Invalid("repository", url, rule);
}

// "[user@]host[:port]". A password, or any user of a scheme that takes a token for one, is refused.
absl::Status ValidateAuthority(absl::string_view url, absl::string_view authority, bool is_ssh) {
  const size_t at = authority.rfind('@');
  absl::string_view host = authority;
  if (at != absl::string_view::npos) {
    host = authority.substr(at + 1);
    const absl::string_view user = authority.substr(0, at);
    if (!is_ssh || user.find(':') != absl::string_view::npos) {
      return absl::InvalidArgumentError(
          "the repository's URL has credentials in it: remove them and give the worker access "
          "instead (an ssh key, or a token in its configuration)");
    }
    if (!Matches(user, 64, "._-")) return InvalidUrl(url, "its user name is not valid");
  }
  const bool host_ok =
      !host.empty() && host[0] != '-' && host.size() <= 255 &&
      std::all_of(host.begin(), host.end(), [](char c) {
        return IsAlnum(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
      });
  return host_ok ? absl::OkStatus() : InvalidUrl(url, "its host name is not valid");
}

absl::Status ValidateUrlWithScheme(absl::string_view url, size_t colon) {
  const std::string scheme = absl::AsciiStrToLower(url.substr(0, colon));
  const absl::string_view rest = url.substr(colon + 3);
  if (scheme == "file") {
    return absl::StartsWith(rest, "/") ? absl::OkStatus()
                                       : InvalidUrl(url, "a file URL needs an absolute path");
  }
  if (scheme != "https" && scheme != "http" && scheme != "ssh" && scheme != "git") {
    return InvalidUrl(url, "use https, http, ssh, git or file");
  }
  const size_t slash = rest.find('/');
  if (slash == absl::string_view::npos || slash + 1 == rest.size()) {
    return InvalidUrl(url, "it names a host but no repository there");
  }
  return ValidateAuthority(url, rest.substr(0, slash), scheme == "ssh");
}

bool HasUpper(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), absl::ascii_isupper);
}

}  // namespace

absl::Status ValidateId(absl::string_view id) {
  if (Matches(id, kMaxIdBytes, "-") && !HasUpper(id)) return absl::OkStatus();
  return Invalid("id", id, "use 1 to 80 of a-z, 0-9 and '-', not starting with '-'");
}

absl::Status ValidateModel(absl::string_view model) {
  if (model.empty() || Matches(model, 128, "._:/-")) return absl::OkStatus();
  return Invalid("model", model,
                 "use letters, digits and . _ : / -, starting with a letter or digit, at most 128");
}

absl::Status ValidateAgentName(absl::string_view name) {
  if (Matches(name, 32, "_-") && !HasUpper(name)) return absl::OkStatus();
  return Invalid("agent", name, "use 1 to 32 of a-z, 0-9, '_' and '-'");
}

absl::Status ValidateNotifyKey(absl::string_view key) {
  if (Matches(key, 32, "_-") && !HasUpper(key)) return absl::OkStatus();
  return Invalid("notify key", key, "use 1 to 32 of a-z, 0-9, '_' and '-'");
}

bool IsKnownAgent(absl::string_view name) {
  return std::find(kAgents.begin(), kAgents.end(), name) != kAgents.end();
}

absl::Status NoSuchAgent(absl::string_view name, const std::set<std::string>& offered,
                         absl::string_view not_done) {
  std::vector<absl::string_view> names(kAgents.begin(), kAgents.end());
  for (const std::string& offer : offered) {
    if (!IsKnownAgent(offer)) names.push_back(offer);
  }
  return absl::InvalidArgumentError(absl::StrCat("no agent is called '", name, "'; there are ",
                                                 absl::StrJoin(names, ", "), "; ", not_done));
}

absl::Status ValidateWorkerName(absl::string_view name) {
  if (Matches(name, 64, "._-")) return absl::OkStatus();
  return Invalid("worker name", name, "use 1 to 64 letters, digits and . _ -");
}

absl::Status ValidateSshTarget(absl::string_view target) {
  const bool fine = !target.empty() && target.size() <= 255 &&
                    std::all_of(target.begin(), target.end(), [](char c) {
                      return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                             absl::StrContains("._@:%+/-", c);
                    });
  if (fine && target[0] != '-') return absl::OkStatus();
  return Invalid("ssh target", target,
                 "use USER@HOST as ssh takes it: 1 to 255 letters, digits and . _ @ : % + / -");
}

absl::Status ValidateLabel(absl::string_view key, absl::string_view value) {
  if (!Matches(key, 63, "._/-")) {
    return Invalid("label key", key,
                   "use 1 to 63 letters, digits and . _ / -, starting with a letter or digit");
  }
  const bool printable = std::none_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (value.size() <= 256 && printable && IsValidUtf8(value)) return absl::OkStatus();
  return Invalid(absl::StrCat("value of label ", key), value,
                 "use at most 256 bytes of printable text on one line");
}

absl::Status ValidateEnvName(absl::string_view name) {
  const bool shape =
      !name.empty() && name.size() <= 128 && !absl::ascii_isdigit(name[0]) &&
      std::all_of(name.begin(), name.end(), [](char c) { return IsAlnum(c) || c == '_'; });
  if (!shape)
    return Invalid("environment variable", name,
                   "use letters, digits and '_', not starting with a digit");
  static constexpr std::array<absl::string_view, 13> kRefused = {
      "PATH",       "HOME",         "BASH_ENV",      "ENV",      "PROMPT_COMMAND",
      "GCONV_PATH", "NODE_OPTIONS", "PYTHONSTARTUP", "PERL5OPT", "SSH_AUTH_SOCK",
      "SHELLOPTS",  "IFS",          "TMPDIR"};
  const bool refused = std::find(kRefused.begin(), kRefused.end(), name) != kRefused.end() ||
                       absl::StartsWith(name, "LD_") || absl::StartsWith(name, "GIT_") ||
                       absl::StartsWith(name, "HANDOFF_");
  if (refused) {
    return Invalid("environment variable", name,
                   "it changes how programs are found or run; set it on the worker instead");
  }
  return absl::OkStatus();
}

absl::Status ValidateTask(absl::string_view task) {
  if (absl::StripAsciiWhitespace(task).empty()) {
    return absl::InvalidArgumentError("the task is empty: say what the agent is to do");
  }
  if (task.size() > kMaxTaskBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the task has ", HumanBytes(task.size()),
        "; at most 1 MiB is allowed. Put long material into a file of the repository"));
  }
  if (!IsValidUtf8(task) || task.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError("the task is not UTF-8 text without NUL");
  }
  return absl::OkStatus();
}

absl::Status ValidateRepoUrl(absl::string_view url) {
  if (url.empty() || url.size() > 2048) return InvalidUrl(url, "use 1 to 2048 bytes");
  if (HasControls(url) || !IsValidUtf8(url)) {
    return InvalidUrl(url, "it has control characters or is not UTF-8");
  }
  if (url[0] == '-') return InvalidUrl(url, "it begins with '-'");
  if (url[0] == '/') return absl::OkStatus();
  const size_t colon = url.find(':');
  const absl::string_view before = url.substr(0, colon);
  if (colon == absl::string_view::npos || before.find('/') != absl::string_view::npos) {
    return InvalidUrl(url, "use a URL, HOST:PATH or an absolute path");
  }
  if (absl::StartsWith(url.substr(colon), "::")) {
    return InvalidUrl(url, "remote helpers are not run");
  }
  if (absl::StartsWith(url.substr(colon), "://")) return ValidateUrlWithScheme(url, colon);
  const absl::string_view path = url.substr(colon + 1);
  if (path.empty() || path[0] == '-') return InvalidUrl(url, "its path is not valid");
  return ValidateAuthority(url, before, true);
}

absl::Status ValidateRef(absl::string_view ref) {
  constexpr absl::string_view kRule = "git does not allow such a branch or tag";
  if (ref.empty() || ref.size() > 255 || ref[0] == '-' || ref == "@" || ref.back() == '.' ||
      HasControls(ref) || !IsValidUtf8(ref) || absl::StrContains(ref, "..") ||
      absl::StrContains(ref, "@{") || ref.find_first_of(" ~^:?*[\\") != absl::string_view::npos) {
    return Invalid("ref", ref, kRule);
  }
  for (const absl::string_view part : absl::StrSplit(ref, '/')) {
    if (part.empty() || part[0] == '.' || absl::EndsWith(part, ".lock")) {
      return Invalid("ref", ref, kRule);
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateCommit(absl::string_view commit) {
  const bool hex =
      commit.size() == 40 && std::all_of(commit.begin(), commit.end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c)) || (c >= 'a' && c <= 'f');
      });
  return hex ? absl::OkStatus() : Invalid("commit", commit, "use 40 lower-case hex digits");
}

std::string MakeId(absl::Time now, absl::string_view task) {
  constexpr size_t kMost = 60;
  std::string id = absl::FormatTime("%Y%m%d", now, absl::UTCTimeZone());
  std::string word;
  const auto flush = [&] {
    if (!word.empty() && id.size() + 1 + word.size() <= kMost) absl::StrAppend(&id, "-", word);
    word.clear();
  };
  int words = 0;
  for (const char c : task.substr(0, 400)) {
    if (IsAlnum(c)) {
      word.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
    } else if (!word.empty()) {
      flush();
      if (++words == 6) break;
    }
  }
  if (words < 6) flush();
  return id.size() == 8 ? id + "-task" : id;
}

}  // namespace handoff
