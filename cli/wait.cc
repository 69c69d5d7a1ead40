// handoff wait

#include <CLI/CLI.hpp>

#include "cli/await.h"
#include "cli/text/json.h"
#include "cli/text/options.h"
#include "cli/text/render.h"
#include "cli/verb.h"
#include "common/status.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

struct WaitFlags {
  std::vector<std::string> ids;
  std::string timeout;
};

VerbResult Wait(const WaitFlags& flags, Context& context) {
  absl::Duration timeout = absl::InfiniteDuration();
  if (!flags.timeout.empty()) {
    ASSIGN_OR_RETURN(timeout, ParseDuration("--timeout", flags.timeout));
  }
  std::vector<std::string> ids;
  for (const std::string& typed : flags.ids) {
    ASSIGN_OR_RETURN(ids.emplace_back(), context.ResolveId(typed));
  }
  const auto done = [&](const v1::Handoff& handoff) {
    if (context.json) {
      context.terminal.Out(ToJsonLine(handoff));
    } else {
      context.terminal.Out(RenderVerdict(handoff, context.terminal.OutView()) + "\n");
    }
  };
  ASSIGN_OR_RETURN(const std::vector<v1::Handoff> handoffs,
                   Await(context, ids, timeout, IsSettled, done));
  for (const v1::Handoff& handoff : handoffs) {
    if (ExitFor(handoff) != Exit::kDone) return ExitFor(handoff);
  }
  return Exit::kDone;
}

}  // namespace

VerbRun DefineWait(CLI::App& app) {
  const auto flags = std::make_shared<WaitFlags>();
  app.add_option("ID", flags->ids, "Any unique part of an id; - is your last one here")->required();
  app.add_option("--timeout", flags->timeout, "Give up after this long (exit 8); they go on")
      ->type_name("D");
  return [flags](Context& context) { return Wait(*flags, context); };
}

}  // namespace handoff
