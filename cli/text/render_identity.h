// Users, tokens and the audit log as text for people. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cli/text/view.h"

namespace handoff {

namespace v1 {
class AuditEntry;
class ListTokensResponse;
class ListUsersResponse;
}  // namespace v1

// "admin", "member"; of a v1::User::Role.
std::string RoleWord(int role);

std::string RenderUsers(const v1::ListUsersResponse& users, const View& view);
std::string RenderTokens(const v1::ListTokensResponse& tokens, const View& view);
std::string RenderAudit(const std::vector<v1::AuditEntry>& entries, const View& view);

}  // namespace handoff
