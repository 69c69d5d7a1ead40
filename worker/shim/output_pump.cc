#include "worker/shim/output_pump.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"
#include "common/subprocess.h"

namespace handoff {
namespace {

// Every byte of the agent passes here on its way to the log: the one place where secrets will be
// masked.
absl::string_view Masked(absl::string_view bytes) { return bytes; }

// Whether a writer would have to wait. The number of bytes cannot tell, since small writes may
// leave most of a page unused; so ask from the writer's side.
bool IsFull(int read_end) {
  const absl::StatusOr<UniqueFd> write_end =
      OpenFile(absl::StrCat("/proc/self/fd/", read_end), O_WRONLY | O_NONBLOCK);
  if (!write_end.ok()) return true;
  pollfd poll_fd{write_end->get(), POLLOUT, 0};
  return ::poll(&poll_fd, 1, 0) == 0;
}

absl::StatusOr<UniqueFd> OpenPipe(UniqueFd* write_end) {
  ASSIGN_OR_RETURN(auto pipe, MakePipe());
  // An account has a quota of pipe memory; above it the pipe is smaller, and only slower.
  static_cast<void>(::fcntl(pipe.first.get(), F_SETPIPE_SZ, OutputPump::kPipeBytes));
  if (::fcntl(pipe.first.get(), F_SETFL, O_NONBLOCK) != 0) return ErrnoToStatus(errno, "fcntl");
  *write_end = std::move(pipe.second);
  return std::move(pipe.first);
}

}  // namespace

OutputPump::OutputPump(std::string dir, uint64_t reserve, LogFile log)
    : dir_(std::move(dir)),
      disk_reserve_(reserve),
      log_(std::move(log)),
      buffer_(new char[kBuffer]) {}

absl::StatusOr<OutputPump> OutputPump::Open(const std::string& attempt_dir, uint64_t disk_reserve,
                                            WriteEnds* ends) {
  ASSIGN_OR_RETURN(LogFile log, LogFile::Create(attempt_dir));
  OutputPump pump(attempt_dir, disk_reserve, std::move(log));
  ASSIGN_OR_RETURN(pump.pipes_[1], OpenPipe(&ends->out));
  ASSIGN_OR_RETURN(pump.pipes_[2], OpenPipe(&ends->err));
  return pump;
}

int OutputPump::PollFd(int stream, BootTime now) const {
  const size_t s = static_cast<size_t>(stream);
  if (disk_low() || !merger_.Accepts(stream) || now < not_before_[s]) return -1;
  return pipes_[s].get();
}

int OutputPump::ReadOnce(int stream, BootTime now) {
  const size_t s = static_cast<size_t>(stream);
  const ssize_t n = ::read(pipes_[s].get(), buffer_.get(), kBuffer);
  if (n < 0) return 0;  // not yet: the caller polls
  if (n == 0) {
    Close(stream, now);
    return 0;
  }
  const size_t bytes = static_cast<size_t>(n);
  log_.Append(stream, merger_.Add(stream, Masked({buffer_.get(), bytes})), now);
  if (merger_.owner() == stream) owner_heard_ = now;
  if (bytes < kSmallRead) not_before_[s] = now + kBreath;
  return static_cast<int>(n);
}

void OutputPump::Read(int stream, BootTime now) {
  if (PollFd(stream, now) < 0) return;
  ReadOnce(stream, now);
  if (log_.size() >= next_disk_check_bytes_) CheckDisk(now);
}

void OutputPump::Close(int stream, BootTime now) {
  pipes_[static_cast<size_t>(stream)].Reset();
  log_.Append(stream, merger_.Close(stream), now);
}

void OutputPump::CheckDisk(BootTime now) {
  next_disk_check_ = now + kDiskCheck;
  next_disk_check_bytes_ = log_.size() + kDiskCheckBytes;
  if (disk_reserve_ == 0) return;
  const absl::StatusOr<uint64_t> free_bytes = FreeDiskBytes(dir_);
  disk_low_ = free_bytes.ok() && *free_bytes < disk_reserve_;
}

void OutputPump::Tick(BootTime now) {
  if ((log_.Stuck() || !ended()) && now >= next_disk_check_) {
    if (log_.Stuck()) log_.Retry();
    CheckDisk(now);
  }
  const int owner = merger_.owner();
  if (owner == 0 || now - owner_heard_ < kOwnerSilence) return;
  const UniqueFd& other = pipes_[owner == 1 ? 2 : 1];
  if (other.valid() && IsFull(other.get())) merger_.Yield();
}

BootTime OutputPump::NextTick(BootTime now) const {
  BootTime next{INT64_MAX};
  const auto add = [&](BootTime t) { next = std::min(next, std::max(t, now)); };
  for (const size_t s : {1, 2}) {
    if (pipes_[s].valid() && now < not_before_[s]) add(not_before_[s]);
  }
  if (disk_low()) add(next_disk_check_);
  const int owner = merger_.owner();
  if (owner != 0 && pipes_[owner == 1 ? 2 : 1].valid()) {
    add(std::max(owner_heard_ + kOwnerSilence, now + kFullCheck));
  }
  return next;
}

bool OutputPump::Drain(BootTime now) {
  if (log_.Stuck()) log_.Retry();
  // The owner of the log first: its end lets the other one in.
  const int first = merger_.Accepts(1) ? 1 : 2;
  for (const int stream : {first, 3 - first}) {
    const UniqueFd& pipe = pipes_[static_cast<size_t>(stream)];
    // Only what is in it now: somebody outside the tree may hold it open and write for ever.
    int left = 0;
    if (pipe.valid() && ::ioctl(pipe.get(), FIONREAD, &left) != 0) left = 0;
    while (pipe.valid() && left > 0 && !log_.Stuck()) left -= ReadOnce(stream, now);
    if (log_.Stuck()) return false;
    if (pipe.valid()) Close(stream, now);
    if (log_.Stuck()) return false;
  }
  return true;
}

}  // namespace handoff
