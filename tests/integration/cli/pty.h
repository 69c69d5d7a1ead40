// A terminal for the command: it writes to the slave, the test reads what would be on the screen.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "common/check.h"
#include "common/unique_fd.h"

namespace handoff {

class Pty {
 public:
  Pty(unsigned short rows, unsigned short columns)
      : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    CHECK(master_.valid() && ::grantpt(master_.get()) == 0 && ::unlockpt(master_.get()) == 0);
    char name[64];
    CHECK(::ptsname_r(master_.get(), name, sizeof(name)) == 0);
    slave_ = UniqueFd(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    CHECK(slave_.valid());
    // Bytes as they are written.
    termios raw{};
    CHECK(::tcgetattr(slave_.get(), &raw) == 0);
    ::cfmakeraw(&raw);
    const winsize size{rows, columns, 0, 0};
    CHECK(::tcsetattr(slave_.get(), TCSANOW, &raw) == 0);
    CHECK(::ioctl(slave_.get(), TIOCSWINSZ, &size) == 0);
  }

  int slave() const { return slave_.get(); }
  // For the child alone: the screen ends when it does.
  void LeaveToChild() { slave_.Reset(); }

  // As a person does.
  void Type(absl::string_view keys) {
    CHECK(::write(master_.get(), keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
  }

  // Everything so far, at least up to `text`, or to the end.
  const std::string& ReadUntil(absl::string_view text) {
    while (!absl::StrContains(screen_, text) && ReadMore()) {
    }
    return screen_;
  }
  const std::string& ReadAll() {
    while (ReadMore()) {
    }
    return screen_;
  }

 private:
  // False once no slave is open any more, which Linux says as an error.
  bool ReadMore() {
    char buffer[4096];
    const ssize_t n = ::read(master_.get(), buffer, sizeof(buffer));
    if (n > 0) screen_.append(buffer, static_cast<size_t>(n));
    return n > 0;
  }

  UniqueFd master_, slave_;
  std::string screen_;
};

}  // namespace handoff
