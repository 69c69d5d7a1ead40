#include "cli/secret_line.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"
#include "common/subprocess.h"

namespace handoff {
namespace {

constexpr size_t kMostBytes = 8 << 10;

// While it lives, the terminal at standard input shows nothing of what is typed there, and only
// Ctrl-C, which Interrupt tells, leaves it.
class WithoutEcho {
 public:
  WithoutEcho() : known_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!known_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    silent.c_cc[VQUIT] = _POSIX_VDISABLE;
    silent.c_cc[VSUSP] = _POSIX_VDISABLE;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &silent);
  }
  ~WithoutEcho() { Restore(); }
  WithoutEcho(const WithoutEcho&) = delete;
  WithoutEcho& operator=(const WithoutEcho&) = delete;
  // Also from another thread: it writes the same again.
  void Restore() const {
    if (known_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }

 private:
  termios before_{};
  const bool known_;
};

// The first line of `text` that is not blank; absent while its end has not come.
std::optional<absl::string_view> LineIn(absl::string_view text, bool ended) {
  const absl::string_view rest = absl::StripLeadingAsciiWhitespace(text);
  const size_t newline = rest.find('\n');
  if (newline == absl::string_view::npos && !ended) return std::nullopt;
  return absl::StripTrailingAsciiWhitespace(rest.substr(0, newline));
}

// `stop` readable: CANCELLED.
absl::StatusOr<Secret> ReadLine(int stop) {
  Secret bytes = Secret::OfSize(kMostBytes);
  size_t size = 0;
  while (size < kMostBytes) {
    pollfd polls[] = {{STDIN_FILENO, POLLIN, 0}, {stop, POLLIN, 0}};
    if (::poll(polls, 2, -1) < 0) continue;
    if (polls[1].revents != 0) return absl::CancelledError("interrupted; nothing was done");
    if (polls[0].revents == 0) continue;
    const ssize_t n = ::read(STDIN_FILENO, bytes.bytes() + size, kMostBytes - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, "reading standard input");
    size += static_cast<size_t>(n);
    const auto line = LineIn(bytes.Reveal().substr(0, size), n == 0);
    if (!line.has_value()) continue;
    if (!line->empty()) return Secret(*line);
    return absl::InvalidArgumentError(
        "no line came in on standard input. Nothing was done: paste it at the prompt, or give it "
        "with a pipe or '< FILE'");
  }
  return absl::InvalidArgumentError(
      "what came in on standard input is longer than any line to paste. Nothing was done");
}

}  // namespace

absl::StatusOr<Secret> ReadSecretLine(absl::string_view prompt, Terminal& terminal,
                                      Interrupt& interrupt) {
  ASSIGN_OR_RETURN(auto stop, MakePipe());
  if (!terminal.in_is_terminal()) return ReadLine(stop.first.get());
  const WithoutEcho silent;
  const Interrupt::Listener listener(interrupt, [&] {
    silent.Restore();
    stop.second.Reset();
  });
  // Only now: whoever types as soon as they see it is not shown.
  RETURN_IF_ERROR(WriteAll(STDERR_FILENO, prompt));
  return ReadLine(stop.first.get());
}

}  // namespace handoff
