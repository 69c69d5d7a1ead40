// Where the text of a task comes from.
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

// A task that a person wrote in their editor. Its file goes with it unless it is kept.
class Draft {
 public:
  static absl::StatusOr<Draft> Write(Context& context);
  const std::string& text() const { return text_; }
  // Leaves the file and says where it is; "" for an empty one, which goes.
  std::string Keep();
  // The same as an end of `status`'s sentence.
  absl::Status Kept(const absl::Status& status);

 private:
  explicit Draft(TempDir temp) : temp_(std::move(temp)) {}
  std::string path() const;
  TempDir temp_;
  std::string text_;
};

}  // namespace handoff
