// What a person changed in a handoff.md, on its way to the coordinator.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/local_document.h"
#include "cli/verb.h"
#include "common/handoff/document_edits.h"

namespace handoff {

struct SentDocument {
  std::vector<SectionText> changed;  // empty: nothing was, and nothing was sent
  DocumentBase newest;               // with what was sent in it
  absl::StatusOr<std::string> json = std::string();
};

// ABORTED when another person changed one of the same sections meanwhile: nothing was stored.
absl::StatusOr<SentDocument> SendDocument(const std::string& id, const DocumentBase& base,
                                          const std::string& markdown, Context& context);

// Which sections are the person's now, and which are not any more. Lines without a newline at the
// end.
std::vector<std::string> RenderEdited(const std::string& id, const DocumentBase& base,
                                      const SentDocument& sent);

// After ABORTED: the newest goes beside the person's file, and counts as seen, so that what they
// send next takes its place. `conflict` with where it lies.
absl::Status KeepConflict(const std::string& id, const DocumentBase& base,
                          const LocalDocument& local, const absl::Status& conflict,
                          Context& context);

}  // namespace handoff
