// Where the command writes: stdout for what was asked, stderr for everything about it. Knows
// whether each is a terminal, how wide, and whether colour is wanted. One thread.
#pragma once

#include <concepts>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/text/view.h"

namespace handoff {

class Terminal {
 public:
  Terminal();

  // False when it cannot be written: whoever follows something stops then.
  bool Out(absl::string_view text);
  // Of a line that perhaps could not be made: then nothing is written, and the command fails with
  // why. What comes after it can be written.
  bool Out(const std::same_as<absl::StatusOr<std::string>> auto& line) {
    if (!line.ok()) out_error_.Update(line.status());
    return line.ok() && Out(absl::string_view(*line));
  }
  // What went wrong with stdout; OK also when its reader went away, which is no error.
  const absl::Status& out_error() const { return out_error_; }
  // A line about what happens; ends a progress line first. Wrapped on a terminal.
  void Say(absl::string_view line);
  // The same by another thread: over a progress line, which may come again.
  void SayAside(absl::string_view line) const;
  // Lines of an agent's, as they are.
  void Relay(absl::string_view lines);

  // What happens right now. On a terminal one line that is rewritten, with a spinner; otherwise a
  // plain line each time when `text` changed.
  void Progress(absl::string_view text);
  void EndProgress();

  View OutView() const;  // of stdout
  View ErrView() const;  // of stderr
  int OutRows() const;   // of stdout; 0: not a terminal, or it does not say
  bool out_is_terminal() const { return out_is_terminal_; }
  bool err_is_terminal() const { return err_is_terminal_; }
  bool in_is_terminal() const { return in_is_terminal_; }

 private:
  bool out_is_terminal_, err_is_terminal_, in_is_terminal_, coloured_;
  bool broken_ = false;
  absl::Status out_error_;
  std::string progress_;
  bool progress_shown_ = false;
  int frame_ = 0;
};

}  // namespace handoff
