// handoff diff

#include <CLI/CLI.hpp>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/fetched/work_branch.h"
#include "cli/fetched/work_diff.h"
#include "cli/get_work.h"
#include "cli/leaving.h"
#include "cli/snapshot/repository.h"
#include "cli/text/checkpoints.h"
#include "cli/text/table.h"
#include "cli/verb.h"
#include "common/file.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr int kPlainWidth = 80;

struct DiffFlags {
  std::string id = "-";
  std::optional<int> attempt;
  bool base = false, stat = false, raw = false;
};

// The commit to compare with.
std::string FromOf(const v1::Handoff& handoff, const v1::Checkpoint& checkpoint, bool base) {
  const v1::Repository& repository = handoff.spec().repository();
  if (base) return repository.commit();
  if (!checkpoint.submitted_commit().empty()) return checkpoint.submitted_commit();
  return repository.worktree_commit().empty() ? repository.commit() : repository.worktree_commit();
}

absl::StatusOr<GitRepository> OpenIfAny() {
  GitLibraryOptions options;
  options.user_config = true;
  options.validate_owner = true;
  RETURN_IF_ERROR(InitGit(options));
  auto repo = OpenAround(".");
  if (absl::IsNotFound(repo.status())) return GitRepository();
  return repo;
}

Colour ColourOf(char kind) {
  switch (kind) {
    case GIT_DIFF_LINE_ADDITION:
      return Colour::kGreen;
    case GIT_DIFF_LINE_DELETION:
      return Colour::kRed;
    case GIT_DIFF_LINE_HUNK_HDR:
      return Colour::kBlue;
    case GIT_DIFF_LINE_FILE_HDR:
      return Colour::kBold;
    default:
      return Colour::kNone;
  }
}

// Of several lines each is painted for itself, so that a pager may show any of them.
std::string Painted(absl::string_view lines, Colour colour, bool enabled) {
  std::string out;
  while (!lines.empty()) {
    const size_t end = lines.find('\n');
    out += Paint(lines.substr(0, end), colour, enabled);
    if (end == absl::string_view::npos) break;
    out.push_back('\n');
    lines.remove_prefix(end + 1);
  }
  return out;
}

// A pipe gets the bytes: a patch must apply.
bool IsCleaned(const DiffFlags& flags, const Terminal& terminal) {
  return terminal.out_is_terminal() && !flags.raw;
}

absl::Status Print(git_diff* diff, const DiffFlags& flags, Terminal& terminal) {
  const View view = terminal.OutView();
  const bool clean = IsCleaned(flags, terminal);
  const auto shown = [&](absl::string_view text) {
    return clean ? StripControls(text) : std::string(text);
  };
  if (flags.stat) {
    ASSIGN_OR_RETURN(const std::string text,
                     PrintStat(diff, view.width > 0 ? view.width : kPlainWidth));
    terminal.Out(shown(text));
    return absl::OkStatus();
  }
  return PrintPatch(diff, [&](char kind, absl::string_view text) {
    return terminal.Out(Painted(shown(text), ColourOf(kind), view.colour && !flags.raw));
  });
}

VerbResult Diff(const DiffFlags& flags, Context& context) {
  if (flags.attempt.value_or(1) < 1) return absl::InvalidArgumentError("--attempt counts from 1");
  ASSIGN_OR_RETURN(const std::string id, context.ResolveId(flags.id));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::Handoff handoff, client->Get(id));
  ASSIGN_OR_RETURN(const ChosenCheckpoint chosen,
                   ChooseCheckpoint(handoff, flags.attempt.value_or(0)));
  ASSIGN_OR_RETURN(const GitRepository own, OpenIfAny());
  ASSIGN_OR_RETURN(const TempDir temp, TempDir::Make("handoff-diff-"));
  const Leaving leaving(context, temp.path(), "the diff is not whole");
  ASSIGN_OR_RETURN(FetchedObjects objects,
                   FetchedObjects::Make(absl::StrCat(temp.path(), "/objects"), own.get()));
  GitDiff diff;
  const bool binaries = !flags.stat && !IsCleaned(flags, context.terminal);
  const auto complete = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const git_oid before,
                     ParseOid(FromOf(handoff, *chosen.checkpoint, flags.base)));
    ASSIGN_OR_RETURN(const git_oid after, ParseOid(chosen.checkpoint->commit()));
    ASSIGN_OR_RETURN(const GitTree from, TreeOfCommit(objects.repo(), before));
    ASSIGN_OR_RETURN(const GitTree to, TreeOfCommit(objects.repo(), after));
    ASSIGN_OR_RETURN(diff, CompareTrees(objects.repo(), *git_tree_id(from.get()),
                                        *git_tree_id(to.get()), binaries));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(GetWork(handoff, *chosen.checkpoint, temp.path(), static_cast<bool>(own), context,
                          objects, complete));
  if (FilesIn(diff.get()) == 0) {
    context.terminal.Say(absl::StrCat(
        chosen.returned ? "handoff: what was returned after attempt " : "handoff: attempt ",
        chosen.attempt, " of ", handoff.id(), " left no file changed"));
  }
  RETURN_IF_ERROR(Print(diff.get(), flags, context.terminal));
  return Exit::kDone;
}

}  // namespace

VerbRun DefineDiff(CLI::App& app) {
  const auto flags = std::make_shared<DiffFlags>();
  app.add_option("ID", flags->id, "Any unique part of the id; - (default): your last one here");
  app.add_option("--attempt", flags->attempt,
                 "Of this attempt; the newest that counts unless given")
      ->type_name("N");
  app.add_flag("--base", flags->base,
               "Against the commit that you were on, so that your own uncommitted work shows");
  app.add_flag("--stat", flags->stat, "Only which files, and how much");
  app.add_flag("--raw", flags->raw, "On a terminal, too, the exact bytes");
  return [flags](Context& context) { return Diff(*flags, context); };
}

}  // namespace handoff
