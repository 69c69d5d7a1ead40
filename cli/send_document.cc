#include "cli/send_document.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/text/json.h"
#include "common/handoff/document.h"
#include "common/handoff/sections.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {

absl::StatusOr<SentDocument> SendDocument(const std::string& id, const DocumentBase& base,
                                          const std::string& markdown, Context& context) {
  if (markdown.size() > kMaxDocumentBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the document has ", HumanBytes(markdown.size()),
                                                   "; at most 1 MiB can be edited. Nothing was "
                                                   "stored"));
  }
  ASSIGN_OR_RETURN(const Document before, Parse(base.markdown));
  ASSIGN_OR_RETURN(const Document after, Parse(markdown));
  SentDocument sent;
  ASSIGN_OR_RETURN(sent.changed, ChangedSections(before, after));
  if (sent.changed.empty()) return sent;
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  v1::EditDocumentRequest request;
  request.set_id(id);
  request.set_base(base.markdown);
  request.set_markdown(markdown);
  request.set_version(base.version);
  ASSIGN_OR_RETURN(v1::Document newest, client->EditDocument(request));
  sent.json = ToJsonLine(newest);
  sent.newest = {std::move(*newest.mutable_markdown()), newest.edit_version()};
  return sent;
}

std::vector<std::string> RenderEdited(const std::string& id, const DocumentBase& base,
                                      const SentDocument& sent) {
  if (sent.changed.empty()) {
    return {absl::StrCat(id, ": nothing was changed, and nothing was sent")};
  }
  if (sent.newest.version == base.version) {
    return {absl::StrCat(id, ": what you wrote stands there already")};
  }
  std::vector<std::string> held, released;
  bool prompt = false;
  for (const SectionText& section : sent.changed) {
    (section.text.empty() ? released : held).push_back(section.section);
    prompt |= section.section == kResumePromptSection && !section.text.empty();
  }
  const std::string version = absl::StrCat(" (edit ", sent.newest.version, ")");
  std::vector<std::string> lines;
  if (!held.empty()) {
    lines.push_back(absl::StrCat(id, ": yours from now on: ", absl::StrJoin(held, ", "), version));
  }
  if (!released.empty()) {
    lines.push_back(
        absl::StrCat(id, ": written by handoff again: ", absl::StrJoin(released, ", "), version));
  }
  const auto document = Parse(sent.newest.markdown);
  if (prompt && document.ok() && document->Field("Agent") != "command") {
    lines.push_back(absl::StrCat("  the next attempt is started with it: handoff resume ", id));
  }
  return lines;
}

absl::Status KeepConflict(const std::string& id, const DocumentBase& base,
                          const LocalDocument& local, const absl::Status& conflict,
                          Context& context) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::Document newest, client->GetDocument(id));
  RETURN_IF_ERROR(local.WriteTheirs(newest.markdown()));
  RETURN_IF_ERROR(local.WriteBase({base.markdown, newest.edit_version()}));
  return absl::Status(conflict.code(),
                      absl::StrCat(conflict.message(), " It lies in ", local.theirs(),
                                   ": bring what you want of it into ", local.path()));
}

}  // namespace handoff
