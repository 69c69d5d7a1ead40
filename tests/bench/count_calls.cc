// Preloaded into the daemons: counts the calls that wait for the disk, and those that send on a
// connection. One file a program in the directory HANDOFF_BENCH_COUNTS, shared by its processes.

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

#include "tests/bench/call_counts.h"

namespace handoff::bench {
namespace {

CallCounts* Map() {
  static CallCounts nowhere;
  const char* const directory = std::getenv("HANDOFF_BENCH_COUNTS");
  if (directory == nullptr) return &nowhere;
  const std::string path = std::string(directory) + "/" + program_invocation_short_name;
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::ftruncate(fd, sizeof(CallCounts)) != 0) return &nowhere;
  void* const mapped =
      ::mmap(nullptr, sizeof(CallCounts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  return mapped == MAP_FAILED ? &nowhere : static_cast<CallCounts*>(mapped);
}

CallCounts& Counts() {
  static CallCounts* const counts = Map();
  return *counts;
}

template <typename Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace
}  // namespace handoff::bench

extern "C" {

int fsync(int fd) {
  static const auto real = handoff::bench::Real<int(int)>("fsync");
  handoff::bench::Counts().syncs.fetch_add(1);
  return real(fd);
}

int fdatasync(int fd) {
  static const auto real = handoff::bench::Real<int(int)>("fdatasync");
  handoff::bench::Counts().syncs.fetch_add(1);
  return real(fd);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static const auto real = handoff::bench::Real<ssize_t(int, const msghdr*, int)>("sendmsg");
  handoff::bench::Counts().sends.fetch_add(1);
  return real(fd, message, flags);
}

}  // extern "C"
