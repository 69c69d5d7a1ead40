// handoff return

#include <CLI/CLI.hpp>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/get_work.h"
#include "cli/give_back.h"
#include "cli/leaving.h"
#include "cli/send_object.h"
#include "cli/settings.h"
#include "cli/submit_follow.h"
#include "cli/submit_task.h"
#include "cli/taken_document.h"
#include "cli/text/json.h"
#include "cli/text/render.h"
#include "cli/verb.h"
#include "cli/wait_reason.h"
#include "common/file.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

struct ReturnFlags {
  std::string id;
  std::string text, file, directory;
  std::vector<std::string> surplus, include;
  bool has_text = false;
  bool done = false, unchanged = false, follow = false, wait = false;
};

absl::Status CheckFlags(const ReturnFlags& flags) {
  if (!flags.surplus.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the message is one argument, and '",
                                                   OneLine(flags.surplus[0], 60),
                                                   "' is a second one: put the message in quotes"));
  }
  if (flags.has_text && !flags.file.empty()) {
    return absl::InvalidArgumentError("give the message once: as an argument or with --file");
  }
  if (flags.done && (flags.has_text || !flags.file.empty())) {
    return absl::InvalidArgumentError(
        "--done ends it, so no agent would read the message; nothing was returned. Leave one of "
        "them out");
  }
  if (flags.unchanged && !flags.include.empty()) {
    return absl::InvalidArgumentError(
        "--include is about what you changed, and --unchanged gives back none of that");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadMessage(const ReturnFlags& flags) {
  if (!flags.file.empty()) return ReadTextFile(flags.file, "nothing was returned");
  if (flags.text == "-") return ReadStandardInput("message", "256 KiB");
  return flags.text;
}

absl::Status CheckIsTaken(const v1::Handoff& handoff, const std::string& message) {
  if (handoff.status() != v1::Handoff::INTERACTIVE) {
    const bool stopping = !handoff.taken_by().empty();
    return absl::FailedPreconditionError(absl::StrCat(
        handoff.id(),
        stopping ? " is not yours before its attempt has ended"
                 : " is not taken over, so there is nothing to give back",
        ". Nothing was returned; 'handoff show ", handoff.id(), "' says how it stands"));
  }
  if (handoff.agent() != "command" || message.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(handoff.id(), " runs a command, which reads no message; nothing was returned"));
}

void SayHeldBack(const PersonState& state, Context& context) {
  for (const std::string& held : state.held_back) {
    context.terminal.Say(absl::StrCat("held back: ", OneLine(EscapeInvalidUtf8(held), 300),
                                      "; --include PATH returns it"));
  }
  for (const std::string& note : state.notes) {
    context.terminal.Say(absl::StrCat("note: ", OneLine(EscapeInvalidUtf8(note), 300)));
  }
}

int LastAttempt(const v1::Handoff& handoff) {
  return std::max(handoff.attempt_count(), handoff.attempts_size());
}

// Absent: there is no work tree to look at.
absl::StatusOr<std::optional<GivenBack>> ReadWork(const ReturnFlags& flags,
                                                  const v1::Handoff& handoff,
                                                  const std::string& temp) {
  if (!handoff.taken_on().empty()) {
    if (flags.directory.empty() && flags.include.empty()) return std::nullopt;
    return absl::InvalidArgumentError(absl::StrCat(
        handoff.id(), " was taken over in its workspace on ", OneLine(handoff.taken_on(), 64),
        ", where your work stays; --dir and --include make no sense. Nothing was returned"));
  }
  if (flags.unchanged) return std::nullopt;
  ASSIGN_OR_RETURN(const std::string root, FindTakenTree(handoff.id(), flags.directory));
  const std::set<std::string> include(flags.include.begin(), flags.include.end());
  ASSIGN_OR_RETURN(GivenBack given, ReadGivenBack(handoff, root, include, temp));
  return given;
}

std::string MessageFor(const v1::Handoff& handoff, const std::optional<GivenBack>& given,
                       const std::string& actor, const std::string& text) {
  // A command reads none, and after --done nobody does.
  if (handoff.agent() == "command") return "";
  const bool on_host = !handoff.taken_on().empty();
  std::string message =
      on_host ? absl::StrCat(actor, " went on with this by hand in this workspace and gave it ",
                             "back. Look at what is there before you change it.\n")
              : ChangesText(given.has_value() ? given->changes : PersonChanges(), actor,
                            LastAttempt(handoff));
  const absl::string_view said = absl::StripAsciiWhitespace(text);
  if (!said.empty()) absl::StrAppend(&message, "\n", actor, " says:\n\n", said, "\n");
  return message;
}

// Whether what we asked for before is done, although the answer was lost: the handoff goes on, with
// the attempt that comes after those we know.
bool WasReturned(const v1::Handoff& before, const v1::Handoff& now) {
  return now.taken_by().empty() && LastAttempt(now) == LastAttempt(before) + 1;
}

// Again while the coordinator is away. It knows work that it has; of a return without any only the
// record tells.
absl::StatusOr<v1::Handoff> ReturnOnce(const v1::Handoff& before, const v1::ReturnRequest& request,
                                       Client& client, Context& context) {
  v1::Handoff returned;
  bool lost = false;
  RETURN_IF_ERROR(RetryWhileAway(context.terminal, [&]() -> absl::Status {
    auto answer = client.Return(request);
    if (lost && absl::IsFailedPrecondition(answer.status())) {
      auto now = client.Get(before.id());
      if (now.ok() && WasReturned(before, *now)) answer = std::move(now);
    }
    lost = lost || absl::IsUnavailable(answer.status());
    if (answer.ok()) returned = *std::move(answer);
    return answer.status();
  }));
  return returned;
}

// Sends what was read, and gives it back.
absl::StatusOr<v1::Handoff> GiveBack(const ReturnFlags& flags, const v1::Handoff& handoff,
                                     const std::optional<GivenBack>& given, const std::string& text,
                                     Context& context, Leaving& leaving) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  v1::ReturnRequest request;
  request.set_id(handoff.id());
  request.set_done(flags.done);
  if (!flags.done) request.set_message(MessageFor(handoff, given, context.User(), text));
  if (given.has_value()) {
    SayHeldBack(given->state, context);
    request.set_based_on(given->based_on);
    if (!given->unchanged) {
      RETURN_IF_ERROR(Annotate(SendObject(given->pack, *client, context.terminal),
                               "nothing was returned: sending your work failed"));
      *request.mutable_checkpoint() = CheckpointOf(handoff, *given, absl::Now());
    }
    // Before the next attempt begins, which reads it.
    SendTakenDocument(handoff.id(), given->root, context);
  }
  leaving.Leaves(absl::StrCat("the coordinator had not answered: 'handoff show ", handoff.id(),
                              "' says whether it is still yours"));
  ASSIGN_OR_RETURN(v1::Handoff returned, ReturnOnce(handoff, request, *client, context));
  if (given.has_value()) RememberReturned(handoff.id(), context.User(), *given);
  return returned;
}

void SayReturned(const ReturnFlags& flags, const std::optional<GivenBack>& given,
                 const v1::Handoff& handoff, Context& context) {
  Terminal& terminal = context.terminal;
  if (given.has_value()) {
    const PersonChanges& changes = given->changes;
    terminal.Say(given->unchanged
                     ? absl::StrCat("handoff: nothing was changed in ", given->root)
                     : absl::StrCat("handoff: returned ", changes.commit_count,
                                    changes.commit_count == 1 ? " commit, " : " commits, ",
                                    changes.file_count,
                                    changes.file_count == 1 ? " file changed" : " files changed"));
    terminal.Say(absl::StrCat("handoff: ", given->root, " stays as it is; 'git worktree remove' ",
                              "removes it when you need it no more"));
  }
  if (IsSettled(handoff)) {
    terminal.Say(RenderVerdict(handoff, terminal.ErrView()));
    return;
  }
  terminal.Say(absl::StrCat(handoff.id(), ": attempt ", LastAttempt(handoff), " is queued",
                            flags.done ? " and runs its checks alone" : "", "; 'handoff logs -f ",
                            handoff.id(), "' follows it"));
}

VerbResult Return(const ReturnFlags& flags, Context& context) {
  RETURN_IF_ERROR(CheckFlags(flags));
  ReturnFlags resolved = flags;
  ASSIGN_OR_RETURN(resolved.id, context.ResolveId(flags.id));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::Handoff handoff, client->Get(resolved.id));
  ASSIGN_OR_RETURN(const std::string text, ReadMessage(flags));
  RETURN_IF_ERROR(CheckIsTaken(handoff, text));
  ASSIGN_OR_RETURN(const TempDir temp, TempDir::Make("handoff-return-"));
  std::optional<Leaving> leaving(std::in_place, context, temp.path(),
                                 absl::StrCat(handoff.id(), " is yours as before"));
  ASSIGN_OR_RETURN(const std::optional<GivenBack> given, ReadWork(resolved, handoff, temp.path()));
  ASSIGN_OR_RETURN(const v1::Handoff returned,
                   GiveBack(resolved, handoff, given, text, context, *leaving));
  leaving.reset();
  const bool stays = flags.follow || flags.wait;
  if (context.json && !stays) context.terminal.Out(ToJsonLine(returned));
  if (!context.json) SayReturned(flags, given, returned, context);
  if (flags.follow) return FollowToEnd(handoff.id(), context, LastAttempt(returned));
  if (flags.wait) return WaitToEnd(handoff.id(), context);
  if (!context.json) SayWhyItWaits(handoff.id(), context);
  return Exit::kDone;
}

void DefineThen(CLI::App& app, ReturnFlags& flags) {
  const auto follow =
      app.add_flag("--follow", flags.follow, "Show the log until it ended; Ctrl-C only leaves");
  app.add_flag("--wait", flags.wait, "Stay until it ended; the exit status says how")
      ->excludes(follow);
}

}  // namespace

VerbRun DefineReturn(CLI::App& app) {
  const auto flags = std::make_shared<ReturnFlags>();
  app.add_option("ID", flags->id, "A part of the id that no other has; - is your last one here")
      ->required();
  const auto text = app.add_option("MESSAGE", flags->text,
                                   "What the agent is told beside what you changed; - reads it "
                                   "from standard input");
  app.add_option("SURPLUS", flags->surplus, "")->group("");
  app.add_option("--file", flags->file, "Read the message from here")->type_name("F");
  app.add_flag("--done", flags->done, "No agent goes on: its checks run, and it ends");
  const auto directory =
      app.add_option("--dir", flags->directory, "The work tree, when you are not in its repository")
          ->type_name("DIR");
  app.add_option("--include", flags->include, "Return this path although it was held back")
      ->type_name("PATH")
      ->allow_extra_args(false);
  app.add_flag("--unchanged", flags->unchanged,
               "Give it back as it was taken; what you did stays where it is")
      ->excludes(directory);
  DefineThen(app, *flags);
  return [flags, text](Context& context) {
    flags->has_text = text->count() > 0;
    return Return(*flags, context);
  };
}

}  // namespace handoff
