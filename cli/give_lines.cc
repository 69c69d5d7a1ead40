#include "cli/give_lines.h"

#include "absl/strings/str_cat.h"
#include "cli/text/json.h"
#include "cli/text/options.h"
#include "cli/text/words.h"
#include "common/status.h"
#include "handoff/v1/identity.pb.h"

namespace handoff {
namespace {

// "once, until 14:32"; a token of a pipeline may be used more often.
std::string GoodFor(const v1::Token& token, const View& view) {
  const absl::Time until = TimeOf(token.expires_at());
  const char* const format = until - view.now > absl::Hours(20) ? "%Y-%m-%d %H:%M" : "%H:%M";
  return absl::StrCat(token.purpose() == v1::Token::CI ? "until " : "once, until ",
                      absl::FormatTime(format, until, view.zone));
}

}  // namespace

absl::Status SetTtl(const std::string& ttl, v1::CreateTokensRequest& request) {
  if (ttl.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const absl::Duration parsed, ParseDuration("--ttl", ttl));
  SetDuration(parsed, request.mutable_ttl());
  return absl::OkStatus();
}

VerbResult GiveLines(const v1::CreateTokensRequest& request, const LineWords& words,
                     Context& context) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::CreateTokensResponse made, client->CreateTokens(request));
  Terminal& terminal = context.terminal;
  if (context.json) {
    terminal.Out(ToJsonLine(made));
    return Exit::kDone;
  }
  if (made.tokens().empty()) return absl::InternalError("the coordinator made no line");
  terminal.Say(absl::StrCat(words.before, " (good ", GoodFor(made.tokens(0), terminal.ErrView()),
                            made.lines_size() > 1 ? ", each" : "", "; shown only now):"));
  for (const std::string& line : made.lines()) terminal.Out(absl::StrCat(line, "\n"));
  if (!words.after.empty()) terminal.Say(words.after);
  return Exit::kDone;
}

}  // namespace handoff
