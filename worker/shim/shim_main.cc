// handoff-shim ATTEMPT_DIR LOCK_FD [SOCKET_FD]: supervises one attempt's agent (see shim_files.h
// for the files and shim_client.h for who calls this). SOCKET_FD is its first connection: the agent
// may remove the directory before the daemon could connect through it. Says "ready" on stdout when
// the agent was started or could not be, otherwise why nothing was done.

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"
#include "common/unique_fd.h"
#include "worker/shim/shim.h"

// The linker's names for the begin of the program and the end of its code.
extern "C" const char __executable_start;
extern "C" const char etext;

namespace handoff {
namespace {

// What is opened from here on must not become 0, 1 or 2.
void FillStandardDescriptors() {
  int fd = 0;
  while (fd >= 0 && fd <= 2) fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (fd > 2) ::close(fd);
}

// Signals meant for a terminal's or a daemon's group must not reach past the shim: who wants an end
// asks on the socket.
void IgnoreSignals() {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU,
                           SIGUSR1, SIGUSR2, SIGALRM}) {
    ::signal(signal, SIG_IGN);
  }
}

absl::Status TakeLock(const std::string& dir, int fd) {
  struct stat inherited, named;
  const std::string path = absl::StrCat(dir, "/lock");
  if (::fstat(fd, &inherited) != 0 || ::stat(path.c_str(), &named) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("descriptor ", fd, " or ", path));
  }
  if (inherited.st_ino != named.st_ino || inherited.st_dev != named.st_dev) {
    return absl::InvalidArgumentError(absl::StrCat("descriptor ", fd, " is not ", path));
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0 || ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("locking ", path));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Shim>> Begin(const std::string& dir, int lock, UniqueFd daemon) {
  RETURN_IF_ERROR(TakeLock(dir, lock));
  if (daemon.valid() && ::fcntl(daemon.get(), F_SETFD, FD_CLOEXEC) != 0) {
    return ErrnoToStatus(errno, "taking the first connection");
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Shim> shim, Shim::Prepare(dir, std::move(daemon)));
  RETURN_IF_ERROR(shim->Start());
  return shim;
}

// stdout is the daemon's pipe: it is let go, so that the daemon sees its end.
void Answer(const std::string& line) {
  WriteAll(STDOUT_FILENO, line).IgnoreError();
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null >= 0) ::dup2(null, STDOUT_FILENO);
  if (null >= 0) ::close(null);
}

// Half of what start-up touched (JSON, locales) is not needed again, and resident memory is counted
// per attempt. Code pages are never written, so the kernel may drop them and read them again.
void LetGoOfStartUpCode() {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const uintptr_t begin = reinterpret_cast<uintptr_t>(&__executable_start) / page * page;
  const uintptr_t end = reinterpret_cast<uintptr_t>(&etext) / page * page;
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

int Main(int argc, char** argv) {
  int lock = -1, daemon = -1;
  if (argc < 3 || argc > 4 || !absl::SimpleAtoi(argv[2], &lock) ||
      (argc == 4 && !absl::SimpleAtoi(argv[3], &daemon))) {
    Answer("usage: handoff-shim ATTEMPT_DIR LOCK_FD [SOCKET_FD] (started by handoff-worker)\n");
    return 2;
  }
  FillStandardDescriptors();
  IgnoreSignals();
  const absl::StatusOr<std::unique_ptr<Shim>> shim = Begin(argv[1], lock, UniqueFd(daemon));
  if (!shim.ok()) {
    Answer(absl::StrCat(shim.status().message(), "\n"));
    return 1;
  }
  Answer("ready\n");
  LetGoOfStartUpCode();
  (*shim)->Run();
  return 0;
}

}  // namespace
}  // namespace handoff

int main(int argc, char** argv) { return handoff::Main(argc, argv); }
