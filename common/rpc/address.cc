#include "common/rpc/address.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

absl::Status Invalid(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("address '", OneLine(EscapeInvalidUtf8(text.substr(0, 200)), 120), "' ", why,
                   "; use HOST:PORT, [IPV6]:PORT or unix:/path"));
}

bool IsIpv4(const std::string& host) {
  in_addr parsed;
  return inet_pton(AF_INET, host.c_str(), &parsed) == 1;
}
bool IsIpv6(const std::string& host) {
  in6_addr parsed;
  return inet_pton(AF_INET6, host.c_str(), &parsed) == 1;
}
bool IsHostName(absl::string_view host) {
  return !host.empty() && host.size() <= 253 && host[0] != '-' &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' ||
                  c == '_';
         });
}

absl::StatusOr<Address> ParseUnix(absl::string_view text, absl::string_view path) {
  if (path.empty() || path[0] != '/') return Invalid(text, "needs an absolute path");
  if (path.find('\0') != absl::string_view::npos) return Invalid(text, "has a NUL in its path");
  constexpr size_t kMost = sizeof(sockaddr_un{}.sun_path) - 1;
  if (path.size() > kMost) {
    return Invalid(text, absl::StrCat("is longer than the ", kMost,
                                      " bytes that a unix socket's path may have"));
  }
  return Address{"", 0, std::string(path)};
}

}  // namespace

std::string Address::ToString() const {
  if (is_unix()) return absl::StrCat("unix:", path);
  return host.find(':') == std::string::npos ? absl::StrCat(host, ":", port)
                                             : absl::StrCat("[", host, "]:", port);
}

std::string Address::Target() const {
  if (is_unix()) return ToString();
  if (IsIpv4(host)) return absl::StrCat("ipv4:", ToString());
  if (IsIpv6(host)) return absl::StrCat("ipv6:", ToString());
  return absl::StrCat("dns:///", ToString());
}

absl::StatusOr<Address> ParseAddress(absl::string_view text) {
  if (absl::StartsWith(text, "unix:")) return ParseUnix(text, text.substr(5));
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return Invalid(text, "has no port");
  absl::string_view host = text.substr(0, colon);
  const absl::string_view digits = text.substr(colon + 1);
  Address address;
  const bool numeric = !digits.empty() && std::all_of(digits.begin(), digits.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  if (!numeric || !absl::SimpleAtoi(digits, &address.port) || address.port > 65535) {
    return Invalid(text, "has no port from 0 to 65535");
  }
  const bool bracketed = absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]");
  address.host = std::string(host);
  if (bracketed ? !IsIpv6(address.host) : !IsHostName(host)) {
    return Invalid(text, "has no valid host");
  }
  return address;
}

bool IsLoopback(const Address& address) {
  if (address.is_unix() || address.host == "localhost") return true;
  in_addr v4;
  if (inet_pton(AF_INET, address.host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6;
  return inet_pton(AF_INET6, address.host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace handoff
