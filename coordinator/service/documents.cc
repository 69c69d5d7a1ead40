#include "coordinator/service/documents.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/handoff/describe.h"
#include "common/handoff/document_edits.h"
#include "common/status.h"
#include "common/text.h"
#include "coordinator/service/show.h"
#include "coordinator/service/validate.h"

namespace handoff {

v1::Document RenderDocument(const v1::Handoff& handoff, uint64_t revision) {
  v1::Document document;
  document.set_markdown(Render(Describe(handoff)));
  document.set_revision(revision);
  document.set_edit_version(handoff.edits_size());
  return document;
}

absl::StatusOr<v1::Document> RenderDocument(const std::string& id, const ServiceParts& parts) {
  // The revision first: a document may be newer than it says, never older.
  ASSIGN_OR_RETURN(const uint64_t revision, parts.reader.LastRevision());
  ASSIGN_OR_RETURN(const v1::Handoff handoff, Show(id, parts));
  return RenderDocument(handoff, revision);
}

absl::StatusOr<core::EditSections> ToEdit(const v1::EditDocumentRequest& request,
                                          const ServiceParts& parts) {
  RETURN_IF_ERROR(Validate(request));
  ASSIGN_OR_RETURN(const std::string id, ResolveId(request.id(), parts, IdRule::kOnlyOne));
  const absl::StatusOr<Document> base = Parse(request.base());
  RETURN_IF_ERROR(Annotate(base.status(), "what the edit is based on"));
  ASSIGN_OR_RETURN(const Document edited, Parse(request.markdown()));
  if (edited.id != id) {
    return absl::InvalidArgumentError(absl::StrCat("this is the handoff.md of ",
                                                   OneLine(edited.id, 80), ", not of ", id,
                                                   ". Nothing was stored"));
  }
  ASSIGN_OR_RETURN(const std::vector<SectionText> changed, ChangedSections(*base, edited));
  core::EditSections edit;
  edit.id = id;
  edit.base_version = request.version();
  edit.actor = request.actor();
  for (const SectionText& section : changed)
    edit.sections.push_back({section.section, section.text});
  return edit;
}

}  // namespace handoff
