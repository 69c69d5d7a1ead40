#include "cli/follow.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/backoff.h"
#include "common/status.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

constexpr Backoff kBackoff{absl::Milliseconds(250), absl::Seconds(5)};
constexpr int kMostTriesToRead = 5;  // of a log that is not followed
constexpr uint64_t kFirstTailBytes = 64 << 10;
constexpr uint64_t kMostTailBytes = 64 << 20;

// One position in one log: takes chunks as they come from a new stream and passes on what is new.
class Cursor {
 public:
  explicit Cursor(uint64_t next) : next_(next) {}

  // False when `each` has enough. A gap is an error: the log would not be what the agent wrote.
  absl::StatusOr<bool> Take(const v1::LogChunk& chunk,
                            const std::function<bool(const v1::LogChunk&)>& each) {
    if (chunk.offset() > next_) {
      return absl::DataLossError(absl::StrCat("the coordinator left out bytes ", next_, " to ",
                                              chunk.offset(), " of the log"));
    }
    const uint64_t known = next_ - chunk.offset();
    next_ = std::max<uint64_t>(next_, chunk.offset() + chunk.data().size());
    if (known == 0) return each(chunk);
    v1::LogChunk rest = chunk;
    rest.set_offset(chunk.offset() + std::min<uint64_t>(known, chunk.data().size()));
    rest.set_data(chunk.data().substr(std::min<size_t>(known, chunk.data().size())));
    return each(rest);
  }
  uint64_t next() const { return next_; }

 private:
  uint64_t next_;
};

}  // namespace

absl::Status FollowLog(Client& client, StreamCall& call, Terminal& terminal, FollowOptions options,
                       const std::function<bool(const v1::LogChunk&)>& each) {
  Cursor cursor(options.offset);
  v1::ReadLogRequest request;
  request.set_id(options.id);
  request.set_attempt(options.attempt);
  request.set_follow(options.follow);
  request.set_checks(options.checks);
  int failures = 0;
  bool reached = false;
  while (true) {
    request.set_offset(cursor.next());
    bool end = false;
    absl::Status broken;
    const absl::Status status = client.ReadLog(request, call, [&](const v1::LogChunk& chunk) {
      if (failures > 1) terminal.Say("handoff: the coordinator is back");
      failures = 0;
      reached = true;
      // From now on it is this attempt, also when a newer one has begun.
      if (chunk.attempt() > 0) request.set_attempt(chunk.attempt());
      const auto more = cursor.Take(chunk, each);
      broken = more.status();
      end = chunk.end() || !more.ok() || !*more;
      return !end;
    });
    if (!broken.ok() || end) return broken;
    if (status.ok() && !options.follow) return status;
    const bool passing = absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
    if (!status.ok() && !passing) return status;
    if (!reached || (!options.follow && failures == kMostTriesToRead)) return status;
    if (++failures == 2) {
      terminal.Say("handoff: the coordinator does not answer; trying again (Ctrl-C to leave)");
    }
    if (!call.Pause(kBackoff.Delay(failures, 0.5))) return absl::CancelledError("interrupted");
  }
}

absl::StatusOr<uint64_t> OffsetOfTail(Client& client, StreamCall& call, const FollowOptions& log,
                                      uint64_t lines) {
  v1::ReadLogRequest request;
  request.set_id(log.id);
  request.set_attempt(log.attempt);
  request.set_checks(log.checks);
  for (uint64_t bytes = kFirstTailBytes;; bytes *= 8) {
    request.set_tail_bytes(bytes);
    std::string tail;
    uint64_t begin = 0;
    RETURN_IF_ERROR(client.ReadLog(request, call, [&](const v1::LogChunk& chunk) {
      if (tail.empty()) begin = chunk.offset();
      tail += chunk.data();
      return tail.size() <= 2 * kMostTailBytes;
    }));
    if (lines == 0) return begin + tail.size();
    // The newline that ends the last line begins none.
    size_t at = tail.empty() ? 0 : tail.size() - 1;
    uint64_t found = 0;
    while (at > 0 && !(tail[at - 1] == '\n' && ++found == lines)) --at;
    if (found == lines || begin == 0 || bytes >= kMostTailBytes) return begin + at;
  }
}

}  // namespace handoff
