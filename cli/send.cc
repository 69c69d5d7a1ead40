// handoff send

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/submit_task.h"
#include "cli/text/json.h"
#include "cli/text/render.h"
#include "cli/verb.h"
#include "cli/wait_reason.h"
#include "common/status.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

struct SendFlags {
  std::string id;
  std::string file;
  std::string text;
  std::vector<std::string> surplus;
  bool has_text = false;
  bool now = false;
  int drop = 0;
};

constexpr absl::string_view kTemplate =
    "\n"
    "# Say what the agent is to do next. Lines that begin with '# ' at the end of this file are "
    "dropped.\n"
    "# An empty message sends nothing.\n";

absl::Status CheckFlags(const SendFlags& flags) {
  if (!flags.surplus.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the message is one argument, and '",
                                                   flags.surplus[0],
                                                   "' is a second one: put the message in quotes"));
  }
  const bool says = flags.has_text || !flags.file.empty();
  if (flags.drop < 0) return absl::InvalidArgumentError("--drop takes a message's number, from 1");
  if (flags.drop > 0 && (says || flags.now)) {
    return absl::InvalidArgumentError("--drop takes a message back and goes with nothing else");
  }
  if (flags.has_text && !flags.file.empty())
    return absl::InvalidArgumentError("give the message once: as an argument or with --file");
  return absl::OkStatus();
}

VerbResult Answer(const SendFlags& flags, const v1::Handoff& handoff, Context& context) {
  if (context.json) {
    context.terminal.Out(ToJsonLine(handoff));
    return Exit::kDone;
  }
  context.terminal.Say(flags.drop > 0
                           ? absl::StrCat(handoff.id(), ": message ", flags.drop, " is taken back")
                           : RenderSent(handoff));
  if (flags.drop == 0) SayWhyItWaits(handoff.id(), context);
  return Exit::kDone;
}

VerbResult SendText(const SendFlags& flags, const std::string& text, Context& context) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  v1::SendRequest request;
  ASSIGN_OR_RETURN(*request.mutable_id(), context.ResolveId(flags.id));
  request.set_text(text);
  request.set_now(flags.now);
  request.set_drop(flags.drop);
  ASSIGN_OR_RETURN(const v1::Handoff handoff, client->Send(request));
  return Answer(flags, handoff, context);
}

// What a person wrote is kept when it could not be sent.
VerbResult SendDraft(const SendFlags& flags, Context& context) {
  ASSIGN_OR_RETURN(Draft draft, Draft::Write({"MESSAGE.md", "message", kTemplate,
                                              absl::StrCat("handoff send ", flags.id, " --file ")},
                                             context));
  if (draft.text().empty()) {
    return absl::InvalidArgumentError("the message is empty; nothing was sent");
  }
  const VerbResult sent = SendText(flags, draft.text(), context);
  if (!sent.ok()) return draft.Kept(sent.status());
  return sent;
}

VerbResult Send(const SendFlags& flags, Context& context) {
  RETURN_IF_ERROR(CheckFlags(flags));
  if (flags.drop > 0) return SendText(flags, "", context);
  if (!flags.file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, ReadTextFile(flags.file, "nothing was sent"));
    return SendText(flags, text, context);
  }
  if (flags.text == "-") {
    ASSIGN_OR_RETURN(const std::string text, ReadStandardInput("message", "256 KiB"));
    return SendText(flags, text, context);
  }
  if (flags.has_text) return SendText(flags, flags.text, context);
  if (context.terminal.in_is_terminal() && context.terminal.err_is_terminal())
    return SendDraft(flags, context);
  return absl::InvalidArgumentError(
      "there is no message: give it as an argument, with --file FILE, or '-' to read standard "
      "input");
}

}  // namespace

VerbRun DefineSend(CLI::App& app) {
  const auto flags = std::make_shared<SendFlags>();
  app.add_option("ID", flags->id, "A part of the id that no other has; - is your last one here")
      ->required();
  const auto text = app.add_option("MESSAGE", flags->text,
                                   "What the agent is told; - reads it from standard input; "
                                   "without one your editor opens");
  app.add_option("SURPLUS", flags->surplus, "")->group("");
  app.add_option("--file", flags->file, "Read the message from here")->type_name("F");
  app.add_flag("--now", flags->now,
               "Interrupt the running attempt: the next one goes on with it at once");
  app.add_option("--drop", flags->drop, "Take back message N, which no attempt was given yet")
      ->type_name("N");
  return [flags, text](Context& context) {
    flags->has_text = text->count() > 0;
    return Send(*flags, context);
  };
}

}  // namespace handoff
