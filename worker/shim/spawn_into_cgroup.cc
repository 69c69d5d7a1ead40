#include "worker/shim/spawn_into_cgroup.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace handoff {
namespace {

// In the child, up to exec. Returns only when something failed, with errno.
void BecomeProgram(const SpawnOptions& options, int report, char* const* argv, char* const* env) {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setsid();
  for (const auto& [target, source] : options.fds) {
    if (::dup2(source, target) < 0) return;
  }
  // All but the report are close-on-exec or closed here; the report closes by exec.
  if (report != 3 && (::dup3(report, 3, O_CLOEXEC) < 0)) return;
  ::close_range(4, ~0U, 0);
  if (!options.cwd.empty() && ::chdir(options.cwd.c_str()) != 0) return;
  ::execvpe(argv[0], argv, env);
}

}  // namespace

absl::StatusOr<pid_t> SpawnIntoCgroup(const SpawnOptions& options, int cgroup) {
  ASSIGN_OR_RETURN(auto report, MakePipe());
  const std::vector<char*> argv = ForExec(options.argv);
  const std::vector<char*> env = ForExec(options.env);
  clone_args args{};
  args.flags = CLONE_INTO_CGROUP | CLONE_VFORK;
  args.exit_signal = SIGCHLD;
  args.cgroup = static_cast<uint64_t>(cgroup);
  const long pid = ::syscall(SYS_clone3, &args, sizeof(args));
  if (pid < 0) return absl::UnimplementedError(absl::StrCat("clone3 into a cgroup: errno ", errno));
  if (pid == 0) {
    BecomeProgram(options, report.second.get(), argv.data(), env.data());
    const int error = errno;
    static_cast<void>(!::write(3, &error, sizeof(error)));
    ::_exit(127);
  }
  report.second.Reset();
  int error = 0;
  if (::read(report.first.get(), &error, sizeof(error)) == sizeof(error)) {
    ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
    return ErrnoToStatus(error, absl::StrCat("starting ", options.argv[0]));
  }
  return static_cast<pid_t>(pid);
}

}  // namespace handoff
