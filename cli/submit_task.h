// Where the text of a task, or of a message, comes from.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cli/submit_spec.h"
#include "cli/verb.h"
#include "common/file.h"

namespace handoff {

// The argument, a file, standard input for "-", or the words behind "--".
absl::StatusOr<std::string> ReadTask(const SubmitFlags& flags, const Context& context);

// Whether there is none of these but a terminal: then the person writes the task in their editor.
bool AsksEditor(const SubmitFlags& flags, const Context& context);

// All of it. `what` is "task" or "message", `most` what is allowed in the end.
absl::StatusOr<std::string> ReadStandardInput(absl::string_view what, absl::string_view most);
absl::StatusOr<std::string> ReadTextFile(const std::string& file, absl::string_view not_done);

// What a person is asked to write.
struct DraftWords {
  absl::string_view file;  // its name
  absl::string_view what;  // "task"
  absl::string_view form;  // what stands in the file at first; lines that begin with "# " go
  std::string again;       // the command that takes the file, up to its name
};
DraftWords TaskDraft();

// A text that a person wrote in their editor. Its file goes with it unless it is kept.
class Draft {
 public:
  static absl::StatusOr<Draft> Write(const DraftWords& words, Context& context);
  const std::string& text() const { return text_; }
  // Leaves the file and says where it is; "" for an empty one, which goes.
  std::string Keep();
  // The same as an end of `status`'s sentence.
  absl::Status Kept(const absl::Status& status);

 private:
  Draft(TempDir temp, const DraftWords& words) : temp_(std::move(temp)), words_(words) {}
  std::string path() const;
  TempDir temp_;
  DraftWords words_;
  std::string text_;
};

}  // namespace handoff
