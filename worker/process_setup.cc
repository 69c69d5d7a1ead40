#include "worker/process_setup.h"

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>

namespace handoff::worker {
namespace {

// An attempt holds its log, a socket, three events, pipes to a child and a stream.
constexpr rlim_t kDescriptorsOfSlot = 24;
constexpr rlim_t kOtherDescriptors = 256;

}  // namespace

sigset_t SetUpProcess(int slots) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  // A thread an attempt: an arena for each would keep what the busiest moment needed.
  ::mallopt(M_ARENA_MAX, 2);
  // No more than needed: agents inherit the limit, and some programs walk over all of it.
  rlimit files = {};
  const rlim_t needed = static_cast<rlim_t>(slots) * kDescriptorsOfSlot + kOtherDescriptors;
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < needed) {
    files.rlim_cur = std::min(needed, files.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  return signals;
}

}  // namespace handoff::worker
