// handoff user add | list | role | disable | enable | revoke

#include <CLI/CLI.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/give_lines.h"
#include "cli/text/json.h"
#include "cli/text/render_identity.h"
#include "cli/text/words.h"
#include "cli/verb.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/identity.pb.h"

namespace handoff {
namespace {

struct UserFlags {
  std::string name, role = "member", ttl, reason, device;
  std::vector<std::string> repos;
  bool any_repo = false;
};

v1::User::Role RoleFrom(const std::string& word) {
  v1::User::Role role = v1::User::ROLE_UNSPECIFIED;
  // The parser took the words of the help only.
  v1::User::Role_Parse(absl::AsciiStrToUpper(word), &role);
  return role;
}

VerbResult Add(const UserFlags& flags, Context& context) {
  v1::CreateTokensRequest line;
  line.set_purpose(v1::Token::LOGIN);
  line.set_user(flags.name);
  RETURN_IF_ERROR(SetTtl(flags.ttl, line));
  v1::AddUserRequest request;
  request.set_name(flags.name);
  request.set_role(RoleFrom(flags.role));
  request.mutable_repos()->Assign(flags.repos.begin(), flags.repos.end());
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  const auto user = client->AddUser(request);
  const std::string again =
      absl::StrCat("'handoff login --link --user ", OneLine(flags.name, 64), "' prints a line");
  if (absl::IsAlreadyExists(user.status())) {
    return absl::AlreadyExistsError(
        absl::StrCat(user.status().message(), "; ", again, " for another machine of theirs"));
  }
  RETURN_IF_ERROR(user.status());
  const std::string added =
      absl::StrCat(user->name(), " has the role ", RoleWord(user->role()), " now. ");
  auto given = GiveLines(
      line, {absl::StrCat(added, "On their machine: handoff login, then paste this line"), ""},
      context);
  if (given.ok()) return given;
  return Annotate(given.status(), absl::StrCat(added, "No line was made (", again, " later)"));
}

VerbResult ListUsers(Context& context) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::ListUsersResponse users, client->ListUsers(""));
  if (context.json) {
    for (const v1::User& user : users.users()) context.terminal.Out(ToJsonLine(user));
  } else {
    context.terminal.Out(RenderUsers(users, context.terminal.OutView()));
  }
  return Exit::kDone;
}

// Pipelines stop by it, and people wait for a line that is good no more.
std::string WentWith(const v1::ChangeUserResponse& change) {
  std::string went;
  if (change.revoked_tokens() > 0) {
    absl::StrAppend(&went, Plural(change.revoked_tokens(), "line"), " that nobody had used yet");
  }
  if (change.revoked_credentials() > 0) {
    absl::StrAppend(&went, went.empty() ? "" : " and ",
                    Plural(change.revoked_credentials(), "token"), " of pipelines");
  }
  if (went.empty()) return "";
  return absl::StrCat(". Revoked for good, since they had them made before: ", went);
}

VerbResult Change(const v1::ChangeUserRequest& request, absl::string_view what, Context& context) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::ChangeUserResponse change, client->ChangeUser(request));
  if (context.json) {
    context.terminal.Out(ToJsonLine(change));
  } else {
    context.terminal.Say(absl::StrCat(OneLine(change.user().name(), 64), what, WentWith(change)));
  }
  return Exit::kDone;
}

VerbResult SetRole(const UserFlags& flags, Context& context) {
  v1::ChangeUserRequest request;
  request.set_name(flags.name);
  request.set_role(RoleFrom(flags.role));
  request.mutable_repos()->Assign(flags.repos.begin(), flags.repos.end());
  request.set_set_repos(flags.any_repo || !flags.repos.empty());
  return Change(request, absl::StrCat(" has the role ", flags.role, " now"), context);
}

VerbResult SetDisabled(const std::string& name, bool disabled, Context& context) {
  v1::ChangeUserRequest request;
  request.set_name(name);
  request.set_disabled(disabled);
  return Change(request,
                disabled ? absl::StrCat(" can do nothing from now on; what they have comes back "
                                        "with: handoff user enable ",
                                        name)
                         : absl::StrCat(" can use what they had again, but for what was revoked; "
                                        "a new line for a machine of theirs: handoff login "
                                        "--link --user ",
                                        name),
                context);
}

VerbResult Revoke(const UserFlags& flags, Context& context) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  v1::RevokeRequest request;
  if (flags.device.empty()) {
    request.set_user(flags.name);
  } else {
    request.mutable_device()->set_user(flags.name);
    request.mutable_device()->set_name(flags.device);
  }
  request.set_reason(flags.reason);
  ASSIGN_OR_RETURN(const v1::RevokeResponse answer, client->Revoke(request));
  if (context.json) {
    context.terminal.Out(ToJsonLine(answer));
    return Exit::kDone;
  }
  const std::string what =
      flags.device.empty()
          ? absl::StrCat(OneLine(flags.name, 64), " with all that they have and made")
          : absl::StrCat("device ", OneLine(flags.device, 64), " of ", OneLine(flags.name, 64));
  context.terminal.Say(
      absl::StrCat(what, answer.already() ? ": was revoked before" : ": revoked, and cut off"));
  if (flags.device.empty()) {
    context.terminal.Say(absl::StrCat("What they handed over goes on; see: handoff list --owner ",
                                      OneLine(flags.name, 64)));
  }
  return Exit::kDone;
}

void AddName(CLI::App& app, UserFlags& flags) {
  app.add_option("NAME", flags.name, "What the pool calls them")->required();
}

CLI::Option* AddRole(CLI::App& app, const std::string& flag, UserFlags& flags) {
  return app.add_option(flag, flags.role, "admin, operator, member or viewer")
      ->check(CLI::IsMember({"admin", "operator", "member", "viewer"}).description(""))
      ->type_name("");
}

void AddRepos(CLI::App& app, UserFlags& flags) {
  app.add_option("--repo", flags.repos,
                 "Only in repositories that this pattern fits; may be repeated")
      ->type_name("GLOB")
      ->allow_extra_args(false);
}

}  // namespace

VerbRun DefineUserAdd(CLI::App& app) {
  const auto flags = std::make_shared<UserFlags>();
  AddName(app, *flags);
  AddRole(app, "--role", *flags)->type_name("ROLE")->capture_default_str();
  AddRepos(app, *flags);
  app.add_option("--ttl", flags->ttl, "How long the line can be pasted; 15m unless given")
      ->type_name("TIME");
  return [flags](Context& context) { return Add(*flags, context); };
}

VerbRun DefineUserList(CLI::App&) { return ListUsers; }

VerbRun DefineUserRole(CLI::App& app) {
  const auto flags = std::make_shared<UserFlags>();
  AddName(app, *flags);
  AddRole(app, "ROLE", *flags)->required();
  AddRepos(app, *flags);
  app.add_flag("--any-repo", flags->any_repo, "In every repository again")->excludes("--repo");
  return [flags](Context& context) { return SetRole(*flags, context); };
}

VerbRun DefineUserDisable(CLI::App& app) {
  const auto flags = std::make_shared<UserFlags>();
  AddName(app, *flags);
  return [flags](Context& context) { return SetDisabled(flags->name, true, context); };
}

VerbRun DefineUserEnable(CLI::App& app) {
  const auto flags = std::make_shared<UserFlags>();
  AddName(app, *flags);
  return [flags](Context& context) { return SetDisabled(flags->name, false, context); };
}

VerbRun DefineUserRevoke(CLI::App& app) {
  const auto flags = std::make_shared<UserFlags>();
  AddName(app, *flags);
  // Not the empty one of a variable that is not set: that would be the whole user.
  app.add_option("--device", flags->device, "Only this machine of theirs ('handoff user list')")
      ->check(CLI::Validator(
          [](const std::string& name) -> std::string {
            return name.empty() ? "a device has a name" : "";
          },
          ""))
      ->type_name("NAME");
  app.add_option("--reason", flags->reason, "Kept in the audit log")->type_name("TEXT");
  return [flags](Context& context) { return Revoke(*flags, context); };
}

}  // namespace handoff
