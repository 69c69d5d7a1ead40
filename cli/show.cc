// handoff show

#include <CLI/CLI.hpp>

#include "absl/strings/match.h"
#include "cli/text/json.h"
#include "cli/text/render.h"
#include "cli/verb.h"
#include "cli/wait_reason.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

struct ShowFlags {
  std::string id = "-";
  bool markdown = false;
};

VerbResult ShowMarkdown(const std::string& id, Client& client, Context& context) {
  ASSIGN_OR_RETURN(const v1::Document document, client.GetDocument(id));
  if (context.json) {
    context.terminal.Out(ToJsonLine(document));
  } else if (context.terminal.out_is_terminal()) {
    context.terminal.Out(StripControls(document.markdown()));
  } else {
    // A pipe gets the file as it is.
    context.terminal.Out(document.markdown());
  }
  return Exit::kDone;
}

VerbResult Show(const ShowFlags& flags, Context& context) {
  ASSIGN_OR_RETURN(const std::string id, context.ResolveId(flags.id));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  if (flags.markdown) return ShowMarkdown(id, *client, context);
  ASSIGN_OR_RETURN(v1::Handoff handoff, client->Get(id));
  ExplainWait(*client, &handoff);
  context.terminal.Out(context.json ? ToJsonLine(handoff)
                                    : RenderShow(handoff, context.terminal.OutView()));
  return Exit::kDone;
}

}  // namespace

VerbRun DefineShow(CLI::App& app) {
  const auto flags = std::make_shared<ShowFlags>();
  app.add_option("ID", flags->id, "Any unique part of the id; - (default): your last one here");
  app.add_flag("--md", flags->markdown, "Print handoff.md");
  return [flags](Context& context) { return Show(*flags, context); };
}

}  // namespace handoff
