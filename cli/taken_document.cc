#include "cli/taken_document.h"

#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/document_folder.h"
#include "cli/send_document.h"
#include "cli/taken/taken_directory.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

std::string Headings(const std::vector<SectionText>& sections) {
  return absl::StrJoin(sections, ", ", [](std::string* out, const SectionText& section) {
    absl::StrAppend(out, section.section);
  });
}

// Sections that were sent; "" when the person changed nothing.
absl::StatusOr<std::string> Send(const std::string& id, const LocalDocument& local,
                                 Context& context) {
  ASSIGN_OR_RETURN(const std::optional<std::string> mine, local.Read());
  if (!mine.has_value()) return "";
  ASSIGN_OR_RETURN(const std::optional<DocumentBase> base, local.ReadBase());
  if (!base.has_value()) {
    return absl::FailedPreconditionError("on what it is based is not known");
  }
  if (*mine == base->markdown) return "";
  if (local.HasTheirs()) {
    return absl::FailedPreconditionError(
        absl::StrCat(local.theirs(),
                     " waits for you: bring what you want of it into yours and "
                     "remove it"));
  }
  const auto sent = SendDocument(id, *base, *mine, context);
  if (absl::IsAborted(sent.status())) {
    return KeepConflict(id, *base, local, sent.status(), context);
  }
  RETURN_IF_ERROR(sent.status());
  if (sent->changed.empty()) return "";
  ASSIGN_OR_RETURN(const std::optional<std::string> still, local.Read());
  if (still != mine) {
    RETURN_IF_ERROR(local.WriteBase({base->markdown, sent->newest.version}));
  } else {
    RETURN_IF_ERROR(local.Write(sent->newest.markdown));
    RETURN_IF_ERROR(local.WriteBase(sent->newest));
  }
  return Headings(sent->changed);
}

// A look that makes and locks nothing.
bool MayBeChanged(const std::string& root, const std::string& path, const std::string& id) {
  const auto there = LocalDocument::Open(root, "");
  if (!there.ok() || absl::IsNotFound(there->root().OpenForRead(path).status())) return false;
  const auto local = LocalDocument::Open(root, TakenPath(id));
  if (!local.ok()) return true;
  const auto mine = local->Read();
  const auto base = local->ReadBase();
  return !mine.ok() || !base.ok() || !base->has_value() || *mine != (*base)->markdown;
}

}  // namespace

absl::StatusOr<std::string> PutDocument(const DocumentBase& newest, const LocalDocument& local,
                                        const std::string& id) {
  ASSIGN_OR_RETURN(const std::optional<std::string> mine, local.Read());
  ASSIGN_OR_RETURN(const std::optional<DocumentBase> base, local.ReadBase());
  const bool untouched = !mine.has_value() || *mine == newest.markdown ||
                         (base.has_value() && *mine == base->markdown);
  if (untouched) {
    RETURN_IF_ERROR(local.RemoveTheirs());
    RETURN_IF_ERROR(local.Write(newest.markdown));
    RETURN_IF_ERROR(local.WriteBase(newest));
    return "";
  }
  if (base.has_value() && base->markdown == newest.markdown) return "";
  RETURN_IF_ERROR(local.WriteTheirs(newest.markdown));
  return absl::StrCat(local.path(), " has changes of yours and is as you left it; the newest is ",
                      local.theirs(), ". Bring what you want of it into yours and remove it; ",
                      "'handoff sync ", id, "' or the return then sends what you wrote");
}

void SendTakenDocument(const std::string& id, const std::string& root, Context& context) {
  const std::string path = absl::StrCat(TakenPath(id), "/handoff.md");
  if (!MayBeChanged(root, path, id)) return;
  const auto folder = DocumentFolder::Open(root, id);
  const auto sent = folder.ok() ? Send(id, folder->document(), context)
                                : absl::StatusOr<std::string>(folder.status());
  if (!sent.ok()) {
    context.terminal.Say(absl::StrCat("handoff: what you wrote in ", root, "/", path,
                                      " was not sent: ", StripControls(sent.status().message()),
                                      "; then 'handoff sync ", id, " --dir ", ShellQuote(root),
                                      "' sends it"));
  } else if (!sent->empty()) {
    context.terminal.Say(absl::StrCat("handoff: sent what you wrote in handoff.md: ", *sent));
  }
}

}  // namespace handoff
