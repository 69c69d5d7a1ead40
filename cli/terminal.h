// Where the command writes: stdout for what was asked, stderr for everything about it. Knows
// whether each is a terminal, how wide, and whether colour is wanted. One thread.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff {

// How text for a person is laid out; what the renderer gets.
struct View {
  absl::Time now;
  absl::TimeZone zone;
  int width = 0;  // columns; 0: not a terminal, nothing is cut
  bool colour = false;
};

class Terminal {
 public:
  Terminal();

  // False when the reader went away: whoever follows something stops then.
  bool Out(absl::string_view text);
  // A line about what happens; ends a progress line first.
  void Say(absl::string_view line);

  // What happens right now. On a terminal one line that is rewritten, with a spinner; otherwise a
  // plain line each time when `text` changed.
  void Progress(absl::string_view text);
  void EndProgress();

  View OutView() const;  // of stdout
  View ErrView() const;  // of stderr
  bool out_is_terminal() const { return out_is_terminal_; }
  bool err_is_terminal() const { return err_is_terminal_; }
  bool in_is_terminal() const { return in_is_terminal_; }

 private:
  bool out_is_terminal_, err_is_terminal_, in_is_terminal_, colour_, err_colour_;
  bool broken_ = false;
  std::string progress_;
  bool progress_shown_ = false;
  int frame_ = 0;
};

}  // namespace handoff
