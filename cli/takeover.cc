// handoff takeover

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "cli/claim.h"
#include "cli/get_work.h"
#include "cli/leaving.h"
#include "cli/settings.h"
#include "cli/taken/taken_directory.h"
#include "cli/takeover_host.h"
#include "cli/takeover_tree.h"
#include "cli/text/checkpoints.h"
#include "cli/text/interactive.h"
#include "cli/text/json.h"
#include "cli/text/render_takeover.h"
#include "cli/verb.h"
#include "common/file.h"
#include "common/status.h"
#include "common/subprocess.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

// Linux takes 128 KiB as one argument.
constexpr size_t kMostPrompt = 100 << 10;

struct TakeoverFlags {
  std::string id;
  std::string directory;
  bool stop = false, here = false, on_host = false, open = false;
};

// The agent's program on this machine, or its name where there is none.
struct Program {
  std::string name, path;
};
Program FindProgram(const std::string& agent, const Context& context) {
  const std::vector<std::string> names = ProgramsOf(agent);
  const std::string path = FromEnvironment(context.environment, "PATH");
  for (const std::string& name : names) {
    const auto found = FindInPath(name, path);
    if (found.ok()) return {name, *found};
  }
  return {names.empty() ? "" : names[0], ""};
}

absl::Status CheckOpen(const TakeoverFlags& flags, const v1::Handoff& handoff,
                       const Context& context) {
  if (!flags.open) return absl::OkStatus();
  if (!context.terminal.in_is_terminal() || context.json) {
    return absl::InvalidArgumentError(
        "--open starts the agent in this terminal, and this is none (or --json is given). Nothing "
        "was changed: leave --open out, and the command to start it is printed");
  }
  if (flags.on_host) return absl::OkStatus();
  const std::string agent(handoff.agent());
  if (!FindProgram(agent, context).path.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--open finds no program of agent ", agent,
                   " in your PATH. Nothing was changed: leave --open out and open what you like"));
}

VerbResult Open(const std::vector<std::string>& argv, const std::string& directory,
                const std::string& id, Context& context) {
  SpawnOptions options;
  options.argv = argv;
  options.env = context.environment;
  options.cwd = directory;
  options.fds = {{0, STDIN_FILENO}, {1, STDOUT_FILENO}, {2, STDERR_FILENO}};
  options.new_session = false;
  {
    // Ctrl-C is the agent's.
    const Interrupt::NotOurs opened(context.interrupt);
    ASSIGN_OR_RETURN(Subprocess process, Subprocess::Spawn(options));
    RETURN_IF_ERROR(process.Wait());
  }
  context.terminal.Say(absl::StrCat("handoff: ", id, " is still yours; 'handoff return ", id,
                                    " MESSAGE' gives it back, '--done' ends it"));
  return Exit::kDone;
}

// The prompt, or where it is when it is too long for an argument.
std::string PromptFor(const HandoffFiles& files, const std::string& id) {
  if (files.prompt.size() <= kMostPrompt) return files.prompt;
  return absl::StrCat("Read ", TakenPath(id), "/", kPromptFile, " and go on with what it says.");
}

std::string OpenWords(const v1::Handoff& handoff, const HandoffFiles& files, const Taken& taken,
                      const Program& program) {
  if (program.name.empty()) return "";
  const std::string cd = absl::StrCat("cd ", ShellQuote(taken.path), " && ");
  if (files.prompt.size() > kMostPrompt) {
    return cd + ShellJoin(OpenWithPrompt(handoff.agent(), program.name, handoff.model(),
                                         PromptFor(files, handoff.id())));
  }
  return cd + OpenWithPromptFile(handoff.agent(), program.name, handoff.model(),
                                 absl::StrCat(TakenPath(handoff.id()), "/", kPromptFile));
}

// What is so of one that is the person's, until there is a tree of it; of one that they have it
// goes on as it is.
std::string YoursWithout(const v1::Handoff& handoff, const TakeoverPlace& place) {
  if (place.kind == TakeoverPlace::kTaken) {
    return absl::StrCat(handoff.id(), " is yours as before, and its work tree ", place.path,
                        " as you left it");
  }
  return absl::StrCat(handoff.id(), " is yours by now, without a work tree: 'handoff takeover ",
                      handoff.id(), "' goes on, 'handoff return ", handoff.id(),
                      " --unchanged' gives it back");
}

// It is the person's by now.
VerbResult BringIntoTree(const TakeoverFlags& flags, const v1::Handoff& handoff, Ready& ready,
                         const std::string& temp, Context& context) {
  std::optional<Leaving> leaving(std::in_place, context, temp, YoursWithout(handoff, ready.place));
  ASSIGN_OR_RETURN(const TakeoverBase base, ChooseBase(handoff));
  ASSIGN_OR_RETURN(const HandoffFiles files, BringFiles(handoff, temp, context));
  ASSIGN_OR_RETURN(Taken taken, MakeTree(handoff, base, ready, temp, context, *leaving));
  PutBeside(files, handoff, base, ready.repo.get(), taken);
  leaving.reset();
  const Program program = FindProgram(handoff.agent(), context);
  taken.open = OpenWords(handoff, files, taken, program);
  if (context.json) {
    context.terminal.Out(ToJsonLine(handoff));
  } else if (!flags.open) {
    // A pipe gets it as it is.
    context.terminal.Out(absl::StrCat(
        context.terminal.out_is_terminal() ? StripControls(files.prompt) : files.prompt, "\n"));
  }
  for (const std::string& line : RenderTaken(handoff, taken, context.terminal.ErrView())) {
    context.terminal.Say(line);
  }
  if (!flags.open) return Exit::kDone;
  return Open(OpenWithPrompt(handoff.agent(), program.path, handoff.model(),
                             PromptFor(files, handoff.id())),
              taken.path, handoff.id(), context);
}

VerbResult TakeIntoTree(const TakeoverFlags& flags, const v1::Handoff& before, Context& context) {
  ASSIGN_OR_RETURN(const TempDir temp, TempDir::Make("handoff-takeover-"));
  std::optional<Leaving> leaving(std::in_place, context, temp.path(), "nothing was changed");
  WantedPlace wanted;
  wanted.here = flags.here;
  if (!flags.directory.empty()) wanted.directory = std::filesystem::absolute(flags.directory);
  ASSIGN_OR_RETURN(Ready ready, GetReady(wanted, before, temp.path()));
  leaving.reset();  // claiming has one of its own
  ASSIGN_OR_RETURN(const std::optional<v1::Handoff> handoff,
                   Claim(before, {flags.id, flags.stop, /*on_host=*/false, temp.path()}, context));
  if (!handoff.has_value()) return Exit::kInterrupted;
  const VerbResult brought = BringIntoTree(flags, *handoff, ready, temp.path(), context);
  if (!brought.ok()) {
    context.terminal.Say(absl::StrCat("handoff: ", YoursWithout(*handoff, ready.place)));
  }
  return brought;
}

VerbResult TakeOnHost(const TakeoverFlags& flags, const v1::Handoff& before, Context& context) {
  ASSIGN_OR_RETURN(const std::optional<v1::Handoff> handoff,
                   Claim(before, {flags.id, flags.stop, /*on_host=*/true, /*temp=*/""}, context));
  if (!handoff.has_value()) return Exit::kInterrupted;
  ASSIGN_OR_RETURN(const HostWork work, FindHostWork(*handoff, context));
  if (context.json) {
    context.terminal.Out(ToJsonLine(*handoff));
  } else if (!flags.open) {
    context.terminal.Out(absl::StrCat(ShellJoin(work.command), "\n"));
  }
  const View view = context.terminal.ErrView();
  for (const std::string& line : RenderTakenOnHost(*handoff, work.workspace, view)) {
    context.terminal.Say(line);
  }
  return flags.open ? Open(work.command, "", handoff->id(), context) : Exit::kDone;
}

VerbResult TakeOver(const TakeoverFlags& flags, Context& context) {
  TakeoverFlags resolved = flags;
  ASSIGN_OR_RETURN(resolved.id, context.ResolveId(flags.id));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::Handoff handoff, client->Get(resolved.id));
  RETURN_IF_ERROR(CheckOpen(flags, handoff, context));
  return flags.on_host ? TakeOnHost(resolved, handoff, context)
                       : TakeIntoTree(resolved, handoff, context);
}

}  // namespace

VerbRun DefineTakeover(CLI::App& app) {
  const auto flags = std::make_shared<TakeoverFlags>();
  app.add_option("ID", flags->id, "A part of the id that no other has; - is your last one here")
      ->required();
  app.add_flag("--stop", flags->stop,
               "Of a running one: have its work saved and its agent ended first");
  const auto here =
      app.add_flag("--here", flags->here,
                   "In the work tree where you are, while it still is what was submitted");
  const auto directory =
      app.add_option("--dir", flags->directory,
                     "Where the work tree is made; beside the repository unless given")
          ->type_name("DIR")
          ->excludes(here);
  app.add_flag("--on-host", flags->on_host,
               "In the workspace itself: prints the ssh command that leads there")
      ->excludes(here)
      ->excludes(directory);
  app.add_flag("--open", flags->open, "Start the agent there, in this terminal");
  return [flags](Context& context) { return TakeOver(*flags, context); };
}

}  // namespace handoff
