#include "cli/text/render_identity.h"

#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/text/table.h"
#include "cli/text/words.h"
#include "common/text.h"
#include "handoff/v1/identity.pb.h"

namespace handoff {
namespace {

constexpr size_t kNameBytes = 64;

template <typename Strings>
std::string Listed(const Strings& values) {
  std::string out;
  for (const std::string& value : values) {
    absl::StrAppend(&out, out.empty() ? "" : ", ", OneLine(value, 200));
  }
  return out;
}

bool IsGood(const v1::Credential& credential, absl::Time now) {
  return !credential.has_revoked_at() && TimeOf(credential.not_after()) > now;
}

// Each once: those that follow each other by renewal are of one device.
std::map<std::string, absl::Time> Devices(const v1::User& user, absl::Time now) {
  std::map<std::string, absl::Time> devices;
  for (const v1::Credential& credential : user.credentials()) {
    if (!IsGood(credential, now)) continue;
    absl::Time& until = devices[OneLine(credential.device(), kNameBytes)];
    until = std::max(until, TimeOf(credential.not_after()));
  }
  return devices;
}

std::string DeviceWords(const v1::User& user, absl::Time now) {
  std::string out;
  for (const auto& [device, until] : Devices(user, now)) {
    absl::StrAppend(&out, out.empty() ? "" : ", ", device, " (", Age(now, until), ")");
  }
  return out;
}

Cell TokenState(const v1::Token& token, absl::Time now) {
  if (token.has_revoked_at()) return {"revoked", Colour::kRed};
  if (TimeOf(token.expires_at()) <= now) return {"expired", Colour::kDim};
  // A pipeline's is used as often as it likes.
  if (token.purpose() == v1::Token::CI) return {"good", Colour::kGreen};
  if (token.has_used_at()) return {"used", Colour::kDim};
  return {"open", Colour::kYellow};
}

std::string TokenWords(const v1::Token& token) {
  switch (token.purpose()) {
    case v1::Token::WORKER:
      return absl::StrCat("worker of ", OneLine(token.owner(), kNameBytes),
                          token.shared() ? ", shared" : "");
    case v1::Token::LOGIN:
      return absl::StrCat("login of ", OneLine(token.user(), kNameBytes));
    case v1::Token::CI:
      return OneLine(token.user(), kNameBytes);
    default:
      return "unknown";
  }
}

}  // namespace

std::string RoleWord(int role) {
  if (!v1::User::Role_IsValid(role) || role == v1::User::ROLE_UNSPECIFIED) return "unknown";
  return absl::AsciiStrToLower(v1::User::Role_Name(static_cast<v1::User::Role>(role)));
}

std::string RenderUsers(const v1::ListUsersResponse& users, const View& view) {
  std::vector<std::vector<Cell>> rows;
  for (const v1::User& user : users.users()) {
    rows.push_back({{OneLine(user.name(), kNameBytes)},
                    {RoleWord(user.role())},
                    user.disabled() ? Cell{"disabled", Colour::kRed} : Cell{"active"},
                    {Listed(user.repos())},
                    {Age(TimeOf(user.created_at()), view.now)},
                    {OneLine(user.created_by(), kNameBytes)},
                    {DeviceWords(user, view.now)}});
  }
  return RenderTable({{"USER", 8},
                      {"ROLE"},
                      {"STATE"},
                      {"REPOSITORIES", 12, 3},
                      {"AGE", 0, 1, true},
                      {"BY", 8, 2},
                      {"DEVICES (GOOD FOR)", 20}},
                     rows, view.width, view.colour);
}

std::string RenderTokens(const v1::ListTokensResponse& tokens, const View& view) {
  std::vector<std::vector<Cell>> rows;
  for (const v1::Token& token : tokens.tokens()) {
    rows.push_back({{OneLine(token.id(), kNameBytes)},
                    TokenState(token, view.now),
                    {TokenWords(token)},
                    {Relative(TimeOf(token.expires_at()), view.now)},
                    {OneLine(token.created_by(), kNameBytes)},
                    {Listed(token.repos())}});
  }
  return RenderTable(
      {{"TOKEN"}, {"STATE"}, {"FOR", 12}, {"EXPIRES", 0, 3}, {"BY", 8, 1}, {"REPOSITORIES", 12, 2}},
      rows, view.width, view.colour);
}

std::string RenderAudit(const std::vector<v1::AuditEntry>& entries, const View& view) {
  std::vector<std::vector<Cell>> rows;
  for (const v1::AuditEntry& entry : entries) {
    rows.push_back({{absl::StrCat(entry.seq())},
                    {absl::FormatTime("%Y-%m-%d %H:%M:%S", TimeOf(entry.at()), view.zone)},
                    {entry.actor().empty() ? "-" : OneLine(entry.actor(), kNameBytes)},
                    {OneLine(entry.address(), kNameBytes)},
                    {OneLine(entry.action(), kNameBytes)},
                    entry.refused() ? Cell{"refused", Colour::kRed} : Cell{"done"},
                    {OneLine(entry.object(), 200)},
                    {OneLine(entry.detail(), 400)}});
  }
  return RenderTable({{"SEQ", 0, 0, true},
                      {"TIME"},
                      {"WHO", 8},
                      {"FROM", 0, 1},
                      {"WHAT"},
                      {"OUTCOME"},
                      {"OF", 10},
                      {"DETAIL", 20}},
                     rows, view.width, view.colour);
}

}  // namespace handoff
