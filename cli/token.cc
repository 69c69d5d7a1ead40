// handoff token create | list | revoke

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "cli/give_lines.h"
#include "cli/text/json.h"
#include "cli/text/render_identity.h"
#include "cli/verb.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/identity.pb.h"

namespace handoff {
namespace {

struct TokenFlags {
  std::string role = "ci", name, ttl, id, reason;
  std::vector<std::string> repos;
};

VerbResult Create(const TokenFlags& flags, Context& context) {
  v1::CreateTokensRequest request;
  request.set_purpose(v1::Token::CI);
  request.set_user(flags.name);
  request.mutable_repos()->Assign(flags.repos.begin(), flags.repos.end());
  RETURN_IF_ERROR(SetTtl(flags.ttl, request));
  return GiveLines(request,
                   {"Keep this as the secret HANDOFF_TOKEN of the pipeline",
                    "There: handoff submit --wait \"…\". To take it back: handoff token list"},
                   context);
}

VerbResult ListTokens(Context& context) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::ListTokensResponse tokens, client->ListTokens());
  if (context.json) {
    for (const v1::Token& token : tokens.tokens()) context.terminal.Out(ToJsonLine(token));
  } else if (tokens.tokens().empty()) {
    context.terminal.Say(
        "There is no token. 'handoff worker invite', 'handoff user add' and "
        "'handoff token create' make some.");
  } else {
    context.terminal.Out(RenderTokens(tokens, context.terminal.OutView()));
  }
  return Exit::kDone;
}

VerbResult Revoke(const TokenFlags& flags, Context& context) {
  v1::RevokeRequest request;
  request.set_token(flags.id);
  request.set_reason(flags.reason);
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::RevokeResponse answer, client->Revoke(request));
  if (context.json) {
    context.terminal.Out(ToJsonLine(answer));
  } else {
    context.terminal.Say(absl::StrCat(
        "token ", OneLine(flags.id, 64),
        answer.already() ? ": it or what it bought was revoked before, so nobody is in by it"
                         : ": revoked; it lets nobody in from now on"));
  }
  return Exit::kDone;
}

}  // namespace

VerbRun DefineTokenCreate(CLI::App& app) {
  const auto flags = std::make_shared<TokenFlags>();
  app.add_option("--role", flags->role, "ci: submit, read, cancel and send to what it submitted")
      ->check(CLI::IsMember({"ci"}).description(""))
      ->type_name("ROLE")
      ->capture_default_str();
  app.add_option("--repo", flags->repos,
                 "Repositories that this pattern fits; may be repeated, one is needed")
      ->required()
      ->type_name("GLOB")
      ->allow_extra_args(false);
  app.add_option("--ttl", flags->ttl, "How long it is good, at most 7d; 1h unless given")
      ->type_name("TIME");
  app.add_option("--name", flags->name, "What its handoffs are listed under: ci/NAME")
      ->type_name("NAME");
  return [flags](Context& context) { return Create(*flags, context); };
}

VerbRun DefineTokenList(CLI::App&) { return ListTokens; }

VerbRun DefineTokenRevoke(CLI::App& app) {
  const auto flags = std::make_shared<TokenFlags>();
  app.add_option("ID", flags->id, "As 'handoff token list' shows it")->required();
  app.add_option("--reason", flags->reason, "Kept in the audit log")->type_name("TEXT");
  return [flags](Context& context) { return Revoke(*flags, context); };
}

}  // namespace handoff
