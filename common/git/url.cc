#include "common/git/url.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/text.h"

namespace handoff {
namespace {

// scheme://user:password@host:port/path, or user@host:path with an empty scheme.
struct Parts {
  absl::string_view scheme, user_info, host, rest;
};

Parts Split(absl::string_view url) {
  Parts parts;
  const auto scheme_end = url.find("://");
  if (scheme_end != absl::string_view::npos) {
    parts.scheme = url.substr(0, scheme_end);
    absl::string_view tail = url.substr(scheme_end + 3);
    const auto slash = tail.find('/');
    absl::string_view authority = tail.substr(0, slash);
    if (slash != absl::string_view::npos) parts.rest = tail.substr(slash);
    const auto at = authority.rfind('@');
    if (at != absl::string_view::npos) {
      parts.user_info = authority.substr(0, at);
      authority.remove_prefix(at + 1);
    }
    parts.host = authority;
    return parts;
  }
  const auto colon = url.find(':');
  if (absl::StartsWith(url, "/") || colon == absl::string_view::npos) {
    parts.rest = url;
    return parts;
  }
  absl::string_view authority = url.substr(0, colon);
  parts.rest = url.substr(colon);
  const auto at = authority.rfind('@');
  if (at != absl::string_view::npos) {
    parts.user_info = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  parts.host = authority;
  return parts;
}

bool IsHttp(absl::string_view scheme) {
  return absl::EqualsIgnoreCase(scheme, "https") || absl::EqualsIgnoreCase(scheme, "http");
}

std::string PercentDecoded(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    uint32_t byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        absl::SimpleHexAtoi(text.substr(i + 1, 2), &byte)) {
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace

absl::Status ValidateRepositoryUrl(absl::string_view url) {
  const auto refuse = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("the repository address '",
                                                   OneLine(WithoutCredentials(url), 200),
                                                   "' cannot be used: ", why));
  };
  if (url.empty()) return refuse("it is empty");
  if (url.size() > 4096) return refuse("it is longer than 4096 bytes");
  for (const char c : url) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      return refuse("it contains a control character");
    }
  }
  if (url[0] == '-') return refuse("it begins with '-'");
  const Parts parts = Split(url);
  const auto colons = url.find("::");
  if (colons != absl::string_view::npos && url[0] != '/' &&
      url.substr(0, colons).find_first_of("/@[") == absl::string_view::npos) {
    return refuse("remote helpers are not run; use https, ssh, git, file or a path");
  }
  if (parts.scheme.empty() && parts.host.empty()) {
    if (url[0] == '/') return absl::OkStatus();
    return refuse("a path must be absolute");
  }
  if (!parts.scheme.empty()) {
    if (absl::EqualsIgnoreCase(parts.scheme, "file")) {
      if (!LocalPathOf(url).empty()) return absl::OkStatus();
      return refuse("a file URL needs an absolute path on this host");
    }
    if (!IsHttp(parts.scheme) && !absl::EqualsIgnoreCase(parts.scheme, "ssh") &&
        !absl::EqualsIgnoreCase(parts.scheme, "git")) {
      return refuse("its scheme is none of https, http, ssh, git and file");
    }
  }
  if (parts.host.empty()) return refuse("it names no host");
  if (parts.host[0] == '-' || absl::StartsWith(parts.user_info, "-")) {
    return refuse("its host or user begins with '-'");
  }
  if (parts.user_info.find(':') != absl::string_view::npos) {
    return refuse("it contains a password; give the worker a token file for this host instead");
  }
  return absl::OkStatus();
}

std::string WithoutCredentials(absl::string_view url) {
  const Parts parts = Split(url);
  if (parts.user_info.empty()) return std::string(url);
  if (parts.scheme.empty()) {
    return absl::StrCat(parts.user_info.substr(0, parts.user_info.find(':')), "@", parts.host,
                        parts.rest);
  }
  std::string user;
  if (!IsHttp(parts.scheme)) {
    user = absl::StrCat(parts.user_info.substr(0, parts.user_info.find(':')), "@");
  }
  return absl::StrCat(parts.scheme, "://", user, parts.host, parts.rest);
}

std::string ResolveSubmoduleUrl(absl::string_view base, absl::string_view url) {
  if (!absl::StartsWith(url, "./") && !absl::StartsWith(url, "../")) return std::string(url);
  absl::string_view rest = absl::StripSuffix(base, "/");
  char separator = '/';
  while (true) {
    if (absl::ConsumePrefix(&url, "../")) {
      const auto slash = rest.rfind('/');
      const auto cut = slash != absl::string_view::npos ? slash : rest.rfind(':');
      if (cut == absl::string_view::npos) break;
      separator = rest[cut];
      rest = rest.substr(0, cut);
    } else if (!absl::ConsumePrefix(&url, "./")) {
      break;
    }
  }
  return absl::StrCat(rest, std::string(1, separator), absl::StripSuffix(url, "/"));
}

std::string LocalPathOf(absl::string_view url) {
  if (absl::StartsWith(url, "/")) return std::string(url);
  const Parts parts = Split(url);
  if (!absl::EqualsIgnoreCase(parts.scheme, "file")) return "";
  if (!parts.host.empty() && !absl::EqualsIgnoreCase(parts.host, "localhost")) return "";
  return PercentDecoded(parts.rest);
}

std::string HostOf(absl::string_view url) {
  return LocalPathOf(url).empty() ? absl::AsciiStrToLower(Split(url).host) : "";
}

}  // namespace handoff
