// handoff delete

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/each_id.h"
#include "cli/text/render.h"
#include "cli/verb.h"
#include "common/handoff/names.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

struct DeleteFlags {
  std::vector<std::string> ids;
  bool purge = false, yes = false;
};

// A line of standard input, without its end.
std::string ReadLine() {
  std::string line;
  for (int c = std::getchar(); c != EOF && c != '\n' && line.size() < 1000; c = std::getchar())
    line.push_back(static_cast<char>(c));
  return std::string(absl::StripAsciiWhitespace(line));
}

// A purge cannot be taken back: whoever sits at a terminal types the id.
absl::Status Confirm(const std::string& id, Terminal& terminal) {
  if (!terminal.in_is_terminal()) {
    return absl::InvalidArgumentError(
        "--purge removes what is kept for good, and nobody can be asked here. Nothing was purged: "
        "give --yes, too");
  }
  terminal.Say(absl::StrCat("The record of ", id,
                            ", its logs, its checkpoints and its workspaces will be gone for good. "
                            "Type its id to go on:"));
  if (ReadLine() == id) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("that is not the id ", id, ". Nothing of it was purged"));
}

// Nobody is asked, so nothing else may be meant than what was typed.
absl::Status CheckIsWhole(const std::string& typed, const std::string& id) {
  if (typed == id) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--purge --yes removes for good without asking, so it takes a whole id, and '",
                   OneLine(typed, 80), "' is none",
                   id.empty() ? "" : absl::StrCat(" (", OneLine(id, 80), " would be meant)"),
                   ". Nothing of it was purged"));
}

// The whole id. An answer may have been lost: what is purged already may be purged again.
absl::StatusOr<std::string> Find(const std::string& typed, const DeleteFlags& flags,
                                 Context& context) {
  const bool unasked = flags.purge && flags.yes;
  if (unasked && typed == "-") return CheckIsWhole(typed, "");
  ASSIGN_OR_RETURN(const std::string part, context.ResolveId(typed));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  const auto known = client->Get(part);
  if (unasked && absl::IsNotFound(known.status()) && ValidateId(part).ok()) return part;
  RETURN_IF_ERROR(known.status());
  if (unasked) RETURN_IF_ERROR(CheckIsWhole(typed, known->id()));
  return known->id();
}

VerbResult DeleteOne(const std::string& typed, const DeleteFlags& flags, Context& context) {
  ASSIGN_OR_RETURN(const std::string id, Find(typed, flags, context));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  if (flags.purge && !flags.yes) RETURN_IF_ERROR(Confirm(id, context.terminal));
  v1::DeleteRequest request;
  request.set_id(id);
  request.set_purge(flags.purge);
  RETURN_IF_ERROR(client->Delete(request));
  if (context.json) {
    context.terminal.Out(DeletedToJsonLine(id, flags.purge));
  } else {
    context.terminal.Say(RenderDeleted(id, flags.purge));
  }
  return Exit::kDone;
}

}  // namespace

VerbRun DefineDelete(CLI::App& app) {
  const auto flags = std::make_shared<DeleteFlags>();
  app.add_option("ID", flags->ids, "A part of an id that no other has; - is your last one here")
      ->required();
  app.add_flag("--purge", flags->purge,
               "Remove record, logs, checkpoints and workspaces for good; asks for the id");
  app.add_flag("--yes", flags->yes, "Do not ask");
  return [flags](Context& context) {
    return TryEach(flags->ids, context,
                   [&](const std::string& id) { return DeleteOne(id, *flags, context); });
  };
}

}  // namespace handoff
