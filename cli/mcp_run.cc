#include "cli/mcp_run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/status.h"
#include "common/unique_fd.h"

namespace handoff {
namespace {

// How long a verb that was killed may take to be gone, and pipes that somebody else holds to close.
constexpr absl::Duration kToBeGone = absl::Seconds(5);
constexpr absl::Duration kToClose = absl::Seconds(1);
constexpr size_t kMostNotes = 8 << 10;
constexpr size_t kMostNote = 2 << 10;

// Closed at its end.
std::string ReadSome(UniqueFd& fd) {
  char buffer[64 << 10];
  const ssize_t n = ::read(fd.get(), buffer, sizeof(buffer));
  if (n > 0) return std::string(buffer, static_cast<size_t>(n));
  if (n == 0 || (errno != EINTR && errno != EAGAIN)) fd.Reset();
  return "";
}

// The part of stdout that was asked for; the rest is only counted.
void Keep(absl::string_view bytes, const McpRun& run, McpRan& ran) {
  const uint64_t skip =
      std::min<uint64_t>(run.offset - std::min<uint64_t>(run.offset, ran.out_size), bytes.size());
  ran.out_size += bytes.size();
  bytes.remove_prefix(skip);
  const uint64_t room = run.most - std::min<uint64_t>(run.most, ran.out.size());
  absl::StrAppend(&ran.out, bytes.substr(0, room));
}

// stderr as lines, of which the last are kept.
class Notes {
 public:
  Notes(McpRan& ran, const std::function<void(absl::string_view)>& each) : ran_(ran), each_(each) {}

  void Take(absl::string_view bytes) {
    absl::StrAppend(&partial_, bytes);
    for (size_t end; (end = partial_.find('\n')) != std::string::npos;) {
      Line(partial_.substr(0, end));
      partial_.erase(0, end + 1);
    }
    if (partial_.size() > kMostNotes) End();
  }
  void End() {
    if (!partial_.empty()) Line(partial_);
    partial_.clear();
  }

 private:
  void Line(absl::string_view line) {
    each_(line.substr(0, kMostNote));
    absl::StrAppend(&ran_.notes, line, "\n");
    while (ran_.notes.size() > kMostNotes) ran_.notes.erase(0, ran_.notes.find('\n') + 1);
  }

  McpRan& ran_;
  const std::function<void(absl::string_view)>& each_;
  std::string partial_;
};

// The process with its pipes, until both it and they are at their end.
class Running {
 public:
  Running(const McpRun& run, int cancel, const std::function<void(absl::string_view)>& note)
      : run_(run), cancel_(cancel), input_(run.input), notes_(ran_, note) {}

  absl::Status Start() {
    ASSIGN_OR_RETURN(auto in, MakePipe());
    ASSIGN_OR_RETURN(auto out, MakePipe());
    ASSIGN_OR_RETURN(auto err, MakePipe());
    SpawnOptions options;
    options.argv = run_.argv;
    options.env = run_.env;
    options.cwd = run_.directory;
    options.fds = {{0, in.first.get()}, {1, out.second.get()}, {2, err.second.get()}};
    ASSIGN_OR_RETURN(Subprocess child, Subprocess::Spawn(options));
    child_.push_back(std::move(child));
    in_ = std::move(in.second);
    out_ = std::move(out.first);
    err_ = std::move(err.first);
    ::fcntl(in_.get(), F_SETFL, O_NONBLOCK);
    if (input_.empty()) in_.Reset();
    deadline_ = clock_.Boot() + run_.limit;
    return absl::OkStatus();
  }

  absl::StatusOr<McpRan> ToEnd() {
    while (!ended_ || out_.valid() || err_.valid()) {
      ASSIGN_OR_RETURN(const bool goes_on, Step());
      if (!goes_on) break;
    }
    notes_.End();
    if (cancelled_) return absl::CancelledError("the call was cancelled");
    return std::move(ran_);
  }

 private:
  // False when nothing more is to be waited for.
  absl::StatusOr<bool> Step() {
    pollfd polls[] = {{out_.get(), POLLIN, 0},
                      {err_.get(), POLLIN, 0},
                      {in_.get(), POLLOUT, 0},
                      {ended_ ? -1 : child_[0].pidfd(), POLLIN, 0},
                      {cancelled_ || ended_ ? -1 : cancel_, POLLIN, 0}};
    const int64_t wait =
        std::clamp<int64_t>(absl::ToInt64Milliseconds(deadline_ - clock_.Boot()) + 1, 0, 1 << 30);
    const int ready = ::poll(polls, 5, static_cast<int>(wait));
    if (ready < 0) {
      if (errno == EINTR) return true;
      return ErrnoToStatus(errno, "poll");
    }
    if (ready == 0) return AtDeadline();
    if (polls[0].revents != 0) Keep(ReadSome(out_), run_, ran_);
    if (polls[1].revents != 0) notes_.Take(ReadSome(err_));
    if (polls[2].revents != 0) Write();
    if (polls[4].revents != 0) {
      cancelled_ = true;
      Leave();
    }
    if (polls[3].revents != 0) {
      ASSIGN_OR_RETURN(ran_.exit, child_[0].Wait());
      ended_ = true;
      deadline_ = clock_.Boot() + kToClose;
    }
    return true;
  }

  bool AtDeadline() {
    if (ended_) return false;  // somebody else holds the pipes
    if (leaving_) {
      child_[0].SignalGroup(SIGKILL);
      deadline_ = clock_.Boot() + kToBeGone;
    } else {
      ran_.left = true;
      Leave();
    }
    return true;
  }

  void Leave() {
    if (!leaving_) deadline_ = clock_.Boot() + run_.to_leave;
    if (!leaving_) child_[0].SignalGroup(SIGINT);
    leaving_ = true;
  }

  void Write() {
    const ssize_t n = ::write(in_.get(), input_.data(), input_.size());
    if (n > 0) input_.remove_prefix(static_cast<size_t>(n));
    if (input_.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) in_.Reset();
  }

  const McpRun& run_;
  const int cancel_;
  absl::string_view input_;
  McpRan ran_;
  Notes notes_;
  const RealClock clock_;
  BootTime deadline_;
  std::vector<Subprocess> child_;  // one, once started
  UniqueFd in_, out_, err_;
  bool ended_ = false, leaving_ = false, cancelled_ = false;
};

}  // namespace

absl::StatusOr<McpRan> RunMcpCommand(const McpRun& run, int cancel,
                                     const std::function<void(absl::string_view line)>& note) {
  Running running(run, cancel, note);
  RETURN_IF_ERROR(running.Start());
  return running.ToEnd();
}

}  // namespace handoff
