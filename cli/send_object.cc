#include "cli/send_object.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/backoff.h"
#include "common/text.h"

namespace handoff {
namespace {

constexpr Backoff kBackoff{absl::Milliseconds(250), absl::Seconds(5)};
constexpr int kMostTries = 8;  // about 20 s: a coordinator that restarts

}  // namespace

absl::Status RetryWhileAway(Terminal& terminal, const std::function<absl::Status()>& once,
                            const std::function<bool(absl::Duration)>& pause) {
  for (int failures = 1;; ++failures) {
    const absl::Status status = once();
    const bool taken = absl::IsAborted(status);
    if ((!absl::IsUnavailable(status) && !taken) || failures == kMostTries) return status;
    if (failures == 1) {
      terminal.Say(taken ? "handoff: another command sends the same; trying again"
                         : "handoff: the coordinator does not answer; trying again");
    }
    const absl::Duration delay = kBackoff.Delay(failures, 0.5);
    if (!pause) {
      absl::SleepFor(delay);
    } else if (!pause(delay)) {
      return status;
    }
  }
}

absl::Status SendObject(const PackFile& file, Client& client, Terminal& terminal) {
  absl::Time shown = absl::InfinitePast();
  const auto progress = [&](uint64_t sent) {
    // A plain log gets no line a chunk.
    if (!terminal.err_is_terminal() || absl::Now() - shown < absl::Milliseconds(100)) return;
    shown = absl::Now();
    const size_t tenths = file.bytes == 0 ? 10 : static_cast<size_t>(sent * 10 / file.bytes);
    terminal.Progress(absl::StrCat("sending ", HumanBytes(sent), " of ", HumanBytes(file.bytes),
                                   " [", std::string(tenths, '#'), std::string(10 - tenths, '.'),
                                   "]"));
  };
  const absl::Status status = RetryWhileAway(
      terminal, [&] { return client.PutObject(file.path, file.sha256, file.bytes, progress); });
  terminal.EndProgress();
  return status;
}

}  // namespace handoff
