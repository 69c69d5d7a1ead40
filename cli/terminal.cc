#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/text/fields.h"
#include "cli/text/table.h"
#include "common/file.h"
#include "common/text.h"

namespace handoff {
namespace {

bool IsSet(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

int WidthOf(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  int columns = 0;
  const char* text = std::getenv("COLUMNS");
  return text != nullptr && absl::SimpleAtoi(text, &columns) && columns > 0 ? columns : 80;
}

bool IsDumb() {
  const char* term = std::getenv("TERM");
  return term == nullptr || absl::string_view(term) == "dumb";
}

}  // namespace

Terminal::Terminal()
    : out_is_terminal_(::isatty(STDOUT_FILENO) == 1),
      err_is_terminal_(::isatty(STDERR_FILENO) == 1 && !IsDumb()),
      in_is_terminal_(::isatty(STDIN_FILENO) == 1),
      coloured_(!IsSet("NO_COLOR") && !IsDumb()) {}

bool Terminal::Out(absl::string_view text) {
  EndProgress();
  if (broken_ || WriteAll(STDOUT_FILENO, text).ok()) return !broken_;
  const int error = errno;
  broken_ = true;
  if (error != EPIPE) {
    out_error_ = absl::InternalError(
        absl::StrCat("writing to standard output failed: ", std::strerror(error)));
  }
  return false;
}

void Terminal::Say(absl::string_view line) {
  Relay(err_is_terminal_ ? WrapLines(line, WidthOf(STDERR_FILENO)) : line);
}

void Terminal::SayAside(absl::string_view line) const {
  // A progress line may stand there; whether is known to the other thread.
  const std::string text = err_is_terminal_
                               ? absl::StrCat("\r\x1b[K", WrapLines(line, WidthOf(STDERR_FILENO)))
                               : std::string(line);
  WriteAll(STDERR_FILENO, text + "\n").IgnoreError();
}

void Terminal::Relay(absl::string_view lines) {
  EndProgress();
  WriteAll(STDERR_FILENO, absl::StrCat(lines, "\n")).IgnoreError();
}

void Terminal::Progress(absl::string_view text) {
  const std::string clean = OneLine(text, 400);
  if (!err_is_terminal_) {
    if (clean != progress_) WriteAll(STDERR_FILENO, absl::StrCat(clean, "\n")).IgnoreError();
    progress_ = clean;
    return;
  }
  static constexpr std::array<absl::string_view, 4> kFrames = {"|", "/", "-", "\\"};
  const std::string line = absl::StrCat(kFrames[frame_++ % kFrames.size()], " ", clean);
  WriteAll(STDERR_FILENO, absl::StrCat("\r", FitTo(line, WidthOf(STDERR_FILENO) - 1), "\x1b[K"))
      .IgnoreError();
  progress_shown_ = true;
}

void Terminal::EndProgress() {
  if (!progress_shown_) return;
  WriteAll(STDERR_FILENO, "\r\x1b[K").IgnoreError();
  progress_shown_ = false;
}

View Terminal::OutView() const {
  return {absl::Now(), absl::LocalTimeZone(), out_is_terminal_ ? WidthOf(STDOUT_FILENO) : 0,
          out_is_terminal_ && coloured_};
}

View Terminal::ErrView() const {
  return {absl::Now(), absl::LocalTimeZone(), err_is_terminal_ ? WidthOf(STDERR_FILENO) : 0,
          err_is_terminal_ && coloured_};
}

int Terminal::OutRows() const {
  winsize size{};
  return out_is_terminal_ && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

}  // namespace handoff
