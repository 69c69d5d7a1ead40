// handoff cancel

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "cli/each_id.h"
#include "cli/text/json.h"
#include "cli/text/render.h"
#include "cli/verb.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

struct CancelFlags {
  std::vector<std::string> ids;
  std::string reason;
};

VerbResult CancelOne(const std::string& typed, const CancelFlags& flags, Context& context) {
  ASSIGN_OR_RETURN(const std::string id, context.ResolveId(typed));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  v1::CancelRequest request;
  request.set_id(id);
  request.set_reason(flags.reason);
  ASSIGN_OR_RETURN(const v1::Handoff handoff, client->Cancel(request));
  if (context.json) {
    context.terminal.Out(ToJsonLine(handoff));
  } else if (IsSettled(handoff)) {
    context.terminal.Say(RenderVerdict(handoff, context.terminal.ErrView()));
  } else {
    context.terminal.Say(absl::StrCat(handoff.id(), ": stopping; 'handoff wait ", handoff.id(),
                                      "' tells when its processes are gone"));
  }
  return Exit::kDone;
}

}  // namespace

VerbRun DefineCancel(CLI::App& app) {
  const auto flags = std::make_shared<CancelFlags>();
  app.add_option("ID", flags->ids, "A part of an id that no other has; - is your last one here")
      ->required();
  app.add_option("--reason", flags->reason, "Kept with the handoff")->type_name("TEXT");
  return [flags](Context& context) {
    return TryEach(flags->ids, context,
                   [&](const std::string& id) { return CancelOne(id, *flags, context); });
  };
}

}  // namespace handoff
