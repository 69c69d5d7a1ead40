#include "common/framed.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr size_t kLengthBytes = 4;

// Calls `step`, which says how many bytes it moved, until `bytes` are through.
absl::Status Move(int socket, short event, size_t bytes, BootTime end,
                  const std::function<ssize_t(size_t done)>& step) {
  const RealClock clock;
  size_t done = 0;
  while (done < bytes) {
    const absl::Duration left = end - clock.Boot();
    pollfd polled{socket, event, 0};
    const bool over = left <= absl::ZeroDuration();
    const int wait = over ? 0 : static_cast<int>(absl::ToInt64Milliseconds(left)) + 1;
    const int ready = ::poll(&polled, 1, wait);
    if (ready < 0 && errno != EINTR) return ErrnoToStatus(errno, "waiting for the other side");
    if (ready <= 0 && over) {
      return absl::DeadlineExceededError("the other side did not do its part in time");
    }
    if (ready <= 0) continue;
    const ssize_t n = step(done);
    if (n == 0) return absl::UnavailableError("the other side closed the connection");
    if (n < 0 && errno != EINTR && errno != EAGAIN) {
      if (errno == EPIPE || errno == ECONNRESET) {
        return absl::UnavailableError("the other side closed the connection");
      }
      return ErrnoToStatus(errno, "speaking to the other side");
    }
    done += static_cast<size_t>(std::max<ssize_t>(n, 0));
  }
  return absl::OkStatus();
}

absl::Status Receive(int socket, char* into, size_t bytes, BootTime end) {
  return Move(socket, POLLIN, bytes, end,
              [&](size_t done) { return ::recv(socket, into + done, bytes - done, MSG_DONTWAIT); });
}

}  // namespace

absl::Status SendFrame(int socket, absl::string_view message, absl::Duration limit) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>((message.size() >> shift) & 0xff));
  }
  absl::StrAppend(&bytes, message);
  const BootTime end = RealClock().Boot() + limit;
  return Move(socket, POLLOUT, bytes.size(), end, [&](size_t done) {
    return ::send(socket, bytes.data() + done, bytes.size() - done, MSG_DONTWAIT | MSG_NOSIGNAL);
  });
}

absl::StatusOr<std::string> ReceiveFrame(int socket, size_t max_bytes, absl::Duration limit) {
  const BootTime end = RealClock().Boot() + limit;
  char length[kLengthBytes];
  RETURN_IF_ERROR(Receive(socket, length, sizeof(length), end));
  size_t size = 0;
  for (const char byte : length) size = size << 8 | static_cast<unsigned char>(byte);
  if (size > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a message of ", size, " bytes, of which ", max_bytes, " are allowed"));
  }
  std::string message(size, '\0');
  RETURN_IF_ERROR(Receive(socket, message.data(), size, end));
  return message;
}

}  // namespace handoff
