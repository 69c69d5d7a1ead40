// handoff why

#include <CLI/CLI.hpp>

#include "absl/strings/str_replace.h"
#include "cli/text/json.h"
#include "cli/text/render.h"
#include "cli/verb.h"
#include "common/status.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

VerbResult Why(const std::string& typed, Context& context) {
  ASSIGN_OR_RETURN(const std::string id, context.ResolveId(typed));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::Handoff handoff, client->Get(id));
  ASSIGN_OR_RETURN(v1::WhyResponse why, client->Why(handoff.id()));
  for (std::string& command : *why.mutable_commands()) {
    absl::StrReplaceAll({{"--coordinator ADDRESS", "--coordinator " + client->address()}},
                        &command);
  }
  context.terminal.Out(context.json ? ToJsonLine(why)
                                    : RenderWhy(handoff, why, context.terminal.OutView()));
  return Exit::kDone;
}

}  // namespace

VerbRun DefineWhy(CLI::App& app) {
  const auto id = std::make_shared<std::string>("-");
  app.add_option("ID", *id, "Any unique part of the id; - (default): your last one here");
  return [id](Context& context) { return Why(*id, context); };
}

}  // namespace handoff
