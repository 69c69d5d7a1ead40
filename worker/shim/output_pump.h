// The agent's two output pipes, read into the log of record. Owned by the shim; not thread-safe.
//
// Every byte goes pipe → Masked → LogMerger → LogFile and is copied only when its line waits for
// its end. While the log takes no bytes nothing is read, so the agent waits and nothing is lost.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/unique_fd.h"
#include "worker/shim/log_file.h"
#include "worker/shim/log_merger.h"

namespace handoff {

class OutputPump {
 public:
  static constexpr size_t kBuffer = 128 << 10;
  static constexpr int kPipeBytes = 1 << 20;
  // An agent that writes little by little is not read more often than this: at 100 bytes a read
  // waking up costs more than the bytes.
  static constexpr absl::Duration kBreath = absl::Milliseconds(2);
  static constexpr size_t kSmallRead = 32 << 10;
  static constexpr absl::Duration kOwnerSilence = absl::Milliseconds(250);
  static constexpr absl::Duration kFullCheck = absl::Milliseconds(50);
  static constexpr absl::Duration kDiskCheck = absl::Seconds(1);
  static constexpr uint64_t kDiskCheckBytes = 16 << 20;

  // Writing ends for the agent, to be closed when it has them.
  struct WriteEnds {
    UniqueFd out;
    UniqueFd err;
  };
  static absl::StatusOr<OutputPump> Open(const std::string& attempt_dir, uint64_t disk_reserve,
                                         WriteEnds* ends);

  // The descriptor to poll for `stream` (1 or 2), -1 while it must not be read.
  int PollFd(int stream, BootTime now) const;
  void Read(int stream, BootTime now);
  // What is due by time: owed bytes, the disk, a silent owner of the log.
  void Tick(BootTime now);
  BootTime NextTick(BootTime now) const;

  // Nobody writes any more: takes what the pipes still hold, below the disk reserve too, and closes
  // them. False when the disk refuses; then it is to be called again.
  bool Drain(BootTime now);

  bool ended() const { return !pipes_[1].valid() && !pipes_[2].valid(); }
  bool disk_low() const { return disk_low_ || log_.Stuck(); }
  const LogFile& log() const { return log_; }

 private:
  OutputPump(std::string dir, uint64_t reserve, LogFile log);
  void CheckDisk(BootTime now);
  void Close(int stream, BootTime now);
  int ReadOnce(int stream, BootTime now);  // bytes

  std::string dir_;
  uint64_t disk_reserve_;
  LogFile log_;
  LogMerger merger_;
  std::array<UniqueFd, 3> pipes_;       // by stream
  std::array<BootTime, 3> not_before_;  // by stream: the next read
  std::unique_ptr<char[]> buffer_;
  BootTime owner_heard_;
  BootTime next_disk_check_;
  uint64_t next_disk_check_bytes_ = 0;
  bool disk_low_ = false;
};

}  // namespace handoff
