#include "coordinator/service/documents.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/handoff/describe.h"
#include "common/handoff/document_edits.h"
#include "common/handoff/sections.h"
#include "common/hash.h"
#include "common/status.h"
#include "common/text.h"
#include "coordinator/core/limits.h"
#include "coordinator/service/convert.h"
#include "coordinator/service/show.h"
#include "coordinator/service/validate.h"

namespace handoff {
namespace {

// Of the sections that say how far it is; the takeover prompt and the outcome are made anew.
constexpr absl::string_view kImported[] = {"Latest Summary",         "What It Tried",
                                           "Files Or Areas Touched", "Errors Or Blockers",
                                           kNextStepSection,         kResumePromptSection};

// How many attempts the document tells of, so that the next one has a number, and a log, of its
// own.
int AttemptsIn(const Document& document) {
  int last = 1;
  const auto see = [&last](absl::string_view number) {
    int n = 0;
    if (absl::SimpleAtoi(number, &n)) last = std::max(last, n);
  };
  see(document.Field("Current attempt"));
  for (absl::string_view log : document.logs) {
    if (absl::ConsumePrefix(&log, "attempt-") && absl::ConsumeSuffix(&log, ".log")) see(log);
  }
  return last;
}

}  // namespace

absl::StatusOr<v1::Document> RenderDocument(const std::string& id, const ServiceParts& parts) {
  // The revision first: a document may be newer than it says, never older.
  ASSIGN_OR_RETURN(const uint64_t revision, parts.reader.LastRevision());
  ASSIGN_OR_RETURN(const v1::Handoff handoff, Show(id, parts));
  v1::Document document;
  document.set_markdown(Render(Describe(handoff)));
  document.set_revision(revision);
  document.set_edit_version(handoff.edits_size());
  return document;
}

absl::StatusOr<core::EditSections> ToEdit(const v1::EditDocumentRequest& request,
                                          const std::string& id, const std::string& actor) {
  RETURN_IF_ERROR(Validate(request));
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
  edit.actor = actor;
  for (const SectionText& section : changed)
    edit.sections.push_back({section.section, section.text});
  return edit;
}

absl::StatusOr<core::Submit> ToImport(const v1::ImportRequest& request, const std::string& owner,
                                      absl::Time now) {
  RETURN_IF_ERROR(Validate(request));
  v1::HandoffSpec spec = request.spec();
  Normalise(spec);
  RETURN_IF_ERROR(Validate(spec));
  if (spec.agent() == "command") {
    return absl::InvalidArgumentError("a command has no handoff.md that could be imported");
  }
  ASSIGN_OR_RETURN(const Document document, Parse(request.markdown()));
  core::Imported imported;
  imported.attempts = AttemptsIn(document);
  if (!request.logs().empty())
    imported.attempts = std::max(imported.attempts, request.logs().rbegin()->attempt());
  if (imported.attempts >= core::kMaxAttempts) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the document tells of ", imported.attempts, " attempts; a handoff has at most ",
        core::kMaxAttempts, ", and there must be one left"));
  }
  Document nothing;
  nothing.id = document.id;
  Document theirs = nothing;
  for (const absl::string_view heading : kImported) {
    const Section& section = *FindSection(heading);
    theirs.*section.text = document.*section.text;
  }
  ASSIGN_OR_RETURN(const std::vector<SectionText> sections,
                   ChangedSections(Normalise(nothing), Normalise(theirs)));
  for (const SectionText& section : sections)
    imported.sections.push_back({section.section, section.text});
  core::Submit submit = ToCore(spec, owner, now);
  // With the same key neither another document nor a submit of the same spec is the same call.
  std::string& hash = submit.handoff.content_hash;
  std::string logs;
  for (const v1::ImportRequest::Log& log : request.logs())
    absl::StrAppend(&logs, log.attempt(), " ", log.sha256(), "\n");
  hash = Sha256Hex(absl::StrCat("import\n", hash, "\n", logs, request.markdown()));
  submit.imported = std::move(imported);
  return submit;
}

}  // namespace handoff
