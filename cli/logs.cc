// handoff logs

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "cli/follow.h"
#include "cli/json.h"
#include "cli/transcript.h"
#include "cli/verb.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

struct LogFlags {
  std::string id = "-";
  bool follow = false, raw = false;
  int attempt = 0;
  uint64_t tail = 0, from = 0;
};

VerbResult Ended(const absl::Status& status, const LogFlags& flags, const v1::Handoff& handoff,
                 Context& context) {
  if (absl::IsCancelled(status)) {
    if (flags.follow && !IsSettled(handoff)) {
      context.terminal.Say(absl::StrCat("handoff: you left; ", handoff.id(),
                                        " goes on. 'handoff logs -f ", handoff.id(),
                                        "' follows it again"));
    }
    return Exit::kInterrupted;
  }
  RETURN_IF_ERROR(status);
  return Exit::kDone;
}

VerbResult Logs(const LogFlags& flags, Context& context) {
  if (flags.attempt < 0) return absl::InvalidArgumentError("--attempt counts from 1");
  ASSIGN_OR_RETURN(const std::string id, context.ResolveId(flags.id));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::Handoff handoff, client->Get(id));
  StreamCall call;
  const Interrupt::Listener listener(context.interrupt, [&call] { call.Cancel(); });
  FollowOptions options{handoff.id(), flags.attempt, flags.from, flags.follow};
  if (flags.tail > 0) {
    ASSIGN_OR_RETURN(options.offset,
                     OffsetOfTail(*client, call, handoff.id(), flags.attempt, flags.tail));
  }
  Terminal& terminal = context.terminal;
  Transcript transcript(handoff.agent() != "command", terminal.OutView().colour);
  const absl::Status status =
      FollowLog(*client, call, terminal, options, [&](const v1::LogChunk& chunk) {
        if (!chunk.marker().empty()) {
          terminal.Say(absl::StrCat("handoff: ", OneLine(chunk.marker(), 400)));
        }
        if (context.json) return terminal.Out(ToJsonLine(chunk));
        return terminal.Out(flags.raw ? chunk.data() : transcript.Feed(chunk.data()));
      });
  if (!flags.raw && !context.json) terminal.Out(transcript.End());
  return Ended(status, flags, handoff, context);
}

}  // namespace

VerbRun DefineLogs(CLI::App& app) {
  const auto flags = std::make_shared<LogFlags>();
  app.add_option("ID", flags->id, "Any unique part of the id; - (default): your last one here");
  app.add_flag("-f,--follow", flags->follow, "Go on until the attempt ends; Ctrl-C only leaves");
  app.add_option("--attempt", flags->attempt, "This attempt; the latest unless given")
      ->type_name("N");
  app.add_flag("--raw", flags->raw, "The exact bytes that the agent wrote");
  const auto tail = app.add_option("--tail", flags->tail, "Begin with the last N lines");
  tail->type_name("N");
  app.add_option("--from", flags->from, "Begin at this byte")->type_name("OFFSET")->excludes(tail);
  return [flags](Context& context) { return Logs(*flags, context); };
}

}  // namespace handoff
