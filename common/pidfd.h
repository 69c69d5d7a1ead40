// Process descriptors: they name one process for good, where a pid may become another's.
//
// By system call, because Debian 12's <sys/pidfd.h> does not declare its functions for C++.
#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/unique_fd.h"

namespace handoff {

// Readable when the process ended. Not valid, with errno, when there is none.
inline UniqueFd OpenPidfd(pid_t pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

// 0, or -1 with errno.
inline int SignalPidfd(const UniqueFd& pidfd, int signal) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0));
}

}  // namespace handoff
