#include "cli/upload.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/backoff.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr Backoff kBackoff{absl::Milliseconds(250), absl::Seconds(5)};
constexpr int kMostTries = 8;  // about 20 s: a coordinator that restarts

}  // namespace

absl::Status Retry(Terminal& terminal, const std::function<absl::Status()>& once) {
  for (int failures = 1;; ++failures) {
    const absl::Status status = once();
    const bool taken = absl::IsAborted(status);
    if ((!absl::IsUnavailable(status) && !taken) || failures == kMostTries) return status;
    if (failures == 1) {
      terminal.Say(taken ? "handoff: another submit sends the same; trying again"
                         : "handoff: the coordinator does not answer; trying again");
    }
    absl::SleepFor(kBackoff.Delay(failures, 0.5));
  }
}

absl::Status UploadPack(const std::string& pack, const v1::Repository& repository,
                        absl::string_view not_done, Client& client, Terminal& terminal) {
  if (pack.empty()) return absl::OkStatus();
  const uint64_t size = repository.pack_bytes();
  absl::Time shown = absl::InfinitePast();
  const auto progress = [&](uint64_t sent) {
    // A plain log gets no line a chunk.
    if (!terminal.err_is_terminal() || absl::Now() - shown < absl::Milliseconds(100)) return;
    shown = absl::Now();
    const size_t tenths = size == 0 ? 10 : static_cast<size_t>(sent * 10 / size);
    terminal.Progress(absl::StrCat("sending ", HumanBytes(sent), " of ", HumanBytes(size), " [",
                                   std::string(tenths, '#'), std::string(10 - tenths, '.'), "]"));
  };
  const absl::Status status = Retry(
      terminal, [&] { return client.PutObject(pack, repository.pack_sha256(), size, progress); });
  terminal.EndProgress();
  return Annotate(status, absl::StrCat(not_done, ": sending the repository's state failed"));
}

}  // namespace handoff
