// handoff edit

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/editor.h"
#include "cli/local_document.h"
#include "cli/send_document.h"
#include "cli/submit_task.h"
#include "cli/verb.h"
#include "common/file.h"
#include "common/handoff/document.h"
#include "common/status.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

struct EditFlags {
  std::string id;
  std::string file;
};

struct Current {
  std::string id;  // whole
  DocumentBase base;
};

absl::StatusOr<Current> GetCurrent(const std::string& typed, Context& context) {
  ASSIGN_OR_RETURN(const std::string id, context.ResolveId(typed));
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::Document document, client->GetDocument(id));
  ASSIGN_OR_RETURN(const Document parsed, Parse(document.markdown()));
  return Current{parsed.id, {document.markdown(), document.edit_version()}};
}

VerbResult Answer(const Current& current, const DocumentBase& base, const SentDocument& sent,
                  Context& context) {
  if (context.json && !sent.changed.empty()) context.terminal.Out(sent.json);
  for (const std::string& line : RenderEdited(current.id, base, sent)) context.terminal.Say(line);
  return Exit::kDone;
}

// A file that `sync`, or an edit that failed, left beside what it is based on.
std::optional<LocalDocument> KnownFile(const std::string& file) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(file, error);
  if (error || path.filename() != "handoff.md") return std::nullopt;
  auto local = LocalDocument::Open(path.parent_path().string(), "");
  if (!local.ok()) return std::nullopt;
  return *std::move(local);
}

// Of a file from elsewhere it is not known on what it is based: on the newest, then.
VerbResult EditFromFile(const EditFlags& flags, const Current& current, Context& context) {
  const auto text = flags.file == "-" ? ReadStandardInput("document", "1 MiB")
                                      : ReadTextFile(flags.file, "nothing was stored");
  RETURN_IF_ERROR(text.status());
  const std::optional<LocalDocument> local =
      flags.file == "-" ? std::nullopt : KnownFile(flags.file);
  DocumentBase base = current.base;
  bool known = false;
  if (local.has_value()) {
    ASSIGN_OR_RETURN(const std::optional<DocumentBase> beside, local->ReadBase());
    const auto parsed = Parse(beside.has_value() ? beside->markdown : "");
    known = parsed.ok() && parsed->id == current.id;
    if (known) base = *beside;
  }
  const auto sent = SendDocument(current.id, base, *text, context);
  if (known && absl::IsAborted(sent.status())) {
    const absl::Status kept = KeepConflict(current.id, base, *local, sent.status(), context);
    return absl::Status(kept.code(), absl::StrCat(kept.message(), ", then handoff edit ",
                                                  current.id, " --file ", local->path()));
  }
  RETURN_IF_ERROR(sent.status());
  return Answer(current, base, *sent, context);
}

// What a person wrote is kept when it could not be stored.
absl::Status Kept(const Current& current, const std::string& text, const absl::Status& why,
                  TempDir& temp, const LocalDocument& local, Context& context) {
  if (text == current.base.markdown) return why;
  temp.Release();
  const std::string again = absl::StrCat("handoff edit ", current.id, " --file ", local.path());
  if (absl::IsAborted(why)) {
    const absl::Status kept = KeepConflict(current.id, current.base, local, why, context);
    if (absl::IsAborted(kept)) {
      return absl::Status(kept.code(), absl::StrCat(kept.message(), ", then ", again));
    }
  }
  return absl::Status(why.code(), absl::StrCat(why.message(), ". Your handoff.md is kept in ",
                                               local.path(), ": ", again));
}

VerbResult EditByHand(const Current& current, Context& context) {
  if (!HasEditor(context)) {
    return absl::InvalidArgumentError(
        "there is no terminal for an editor: name one in EDITOR, or give the document with --file "
        "FILE, or --file - to read it from standard input; nothing was stored");
  }
  ASSIGN_OR_RETURN(TempDir temp, TempDir::Make("handoff-edit-"));
  ASSIGN_OR_RETURN(const LocalDocument local, LocalDocument::Open(temp.path(), ""));
  RETURN_IF_ERROR(local.WriteBase(current.base));
  RETURN_IF_ERROR(local.Write(current.base.markdown));
  const absl::Status edited = RunEditor(local.path(), context);
  ASSIGN_OR_RETURN(const std::string text, ReadFile(local.path()));
  if (!edited.ok()) return Kept(current, text, edited, temp, local, context);
  const auto sent = SendDocument(current.id, current.base, text, context);
  if (!sent.ok()) return Kept(current, text, sent.status(), temp, local, context);
  return Answer(current, current.base, *sent, context);
}

VerbResult Edit(const EditFlags& flags, Context& context) {
  ASSIGN_OR_RETURN(const Current current, GetCurrent(flags.id, context));
  return flags.file.empty() ? EditByHand(current, context) : EditFromFile(flags, current, context);
}

}  // namespace

VerbRun DefineEdit(CLI::App& app) {
  const auto flags = std::make_shared<EditFlags>();
  app.add_option("ID", flags->id, "Any unique part of the id; - is your last one here")->required();
  app.add_option("--file", flags->file,
                 "Take the document from here, - is standard input; without it your editor opens")
      ->type_name("F");
  return [flags](Context& context) { return Edit(*flags, context); };
}

}  // namespace handoff
