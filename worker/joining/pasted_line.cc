#include "worker/joining/pasted_line.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/file.h"
#include "common/status.h"
#include "common/unique_fd.h"

namespace handoff::worker {
namespace {

constexpr size_t kMostBytes = 8 << 10;

// A terminal that shows nothing of what is typed, and the signals that would end or stop this
// process and leave it so.
class Quiet {
 public:
  explicit Quiet(int terminal) : terminal_(terminal) {
    sigset_t held;
    sigemptyset(&held);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) sigaddset(&held, signal);
    ::pthread_sigmask(SIG_BLOCK, &held, &mask_);
    signals_.Reset(::signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK));
    ::tcgetattr(terminal_, &before_);
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    quiet.c_lflag |= ICANON | ISIG;
    ::tcsetattr(terminal_, TCSAFLUSH, &quiet);
  }
  // A signal that came meanwhile does now what it does.
  ~Quiet() {
    ::tcsetattr(terminal_, TCSAFLUSH, &before_);
    ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

  // False: a signal came first.
  bool AwaitLine() const {
    pollfd polls[] = {{terminal_, POLLIN, 0}, {signals_.get(), POLLIN, 0}};
    while (::poll(polls, 2, -1) <= 0) {
    }
    return polls[1].revents == 0;
  }

 private:
  const int terminal_;
  UniqueFd signals_;
  termios before_ = {};
  sigset_t mask_ = {};
};

// Up to the end of the line or of the input.
absl::StatusOr<Secret> ReadLine(int in) {
  Secret line = Secret::OfSize(kMostBytes);
  for (size_t size = 0; size < kMostBytes;) {
    const ssize_t n = ::read(in, line.bytes() + size, kMostBytes - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, "reading the line");
    const absl::string_view all = line.Reveal().substr(0, size + static_cast<size_t>(n));
    const auto end = all.find('\n', size);
    if (n == 0 || end != absl::string_view::npos) {
      line.Shorten(n == 0 ? size : end);
      return line;
    }
    size = all.size();
  }
  return absl::InvalidArgumentError("this is longer than any line that a pool makes");
}

absl::StatusOr<std::optional<Secret>> AskOnce(int in, int out, absl::string_view prompt) {
  const Quiet quiet(in);
  RETURN_IF_ERROR(WriteAll(out, prompt));
  if (!quiet.AwaitLine()) {
    RETURN_IF_ERROR(WriteAll(out, "\n"));
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(Secret line, ReadLine(in));
  RETURN_IF_ERROR(WriteAll(out, "\n"));  // the one that was typed was not shown either
  return std::optional<Secret>(std::move(line));
}

absl::StatusOr<Secret> Ask(int in, int out, absl::string_view prompt) {
  if (::isatty(in) == 0) return ReadLine(in);
  // Again after a signal that did not end us: somebody came back from the shell.
  while (true) {
    ASSIGN_OR_RETURN(std::optional<Secret> line, AskOnce(in, out, prompt));
    if (line.has_value()) return *std::move(line);
  }
}

bool LooksLikeLine(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  return text.size() > 5 && absl::StartsWith(text, "hf") &&
         absl::StrContains("wuc", text.substr(2, 1)) &&
         absl::ascii_isdigit(static_cast<unsigned char>(text[3])) && text[4] == '_';
}

}  // namespace

absl::StatusOr<Secret> ReadPastedLine(int in, int out, absl::string_view prompt) {
  ASSIGN_OR_RETURN(Secret line, Ask(in, out, prompt));
  if (absl::StripAsciiWhitespace(line.Reveal()).empty()) {
    return absl::InvalidArgumentError("no line was given. Nothing was done.");
  }
  return line;
}

absl::Status RefuseLinesIn(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (!LooksLikeLine(argument)) continue;
    return absl::InvalidArgumentError(
        "a line of `handoff worker invite` is a secret, and everybody on this host can read the "
        "arguments of a program. It was not used. Run `handoff-worker join --data-dir D` without "
        "it and paste a new line when it asks for one, or give that on stdin; take this one back "
        "with `handoff token revoke`.");
  }
  return absl::OkStatus();
}

}  // namespace handoff::worker
