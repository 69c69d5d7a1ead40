// handoff-coordinator: keeps all records, decides placement, stores logs and packs.

#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "common/log.h"
#include "common/service_notify.h"
#include "coordinator/coordinator.h"
#include "coordinator/flags.h"
#include "coordinator/made_pool.h"
#include "coordinator/restored.h"

namespace handoff {
namespace {

// Each connection, log and upload takes a descriptor.
void RaiseDescriptorLimit() {
  rlimit files = {};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

void Notify(absl::string_view state) {
  const absl::Status told = NotifyService(state);
  if (!told.ok()) SPDLOG_WARN("{}", std::string(told.message()));
}

// What is left to do after `init`; the line alone goes to stdout.
int SayHowToGoOn(Coordinator& coordinator, const CommandLine& flags) {
  const auto line = coordinator.LoginLine();
  if (!line.ok()) {
    const std::string message(line.status().message());
    std::fprintf(stderr, "handoff-coordinator: %s\n", message.c_str());
    return 1;
  }
  std::fputs(DescribeMadePool(flags, coordinator.addresses()).c_str(), stderr);
  std::printf("%s\n", std::string(line->Reveal()).c_str());
  return 0;
}

int Restored(const Config& config) {
  const RealClock clock;
  const auto noted = NoteRestored(config.data_dir, clock);
  if (!noted.ok()) {
    const std::string message(noted.status().message());
    std::fprintf(stderr, "handoff-coordinator: %s\n", message.c_str());
    return 1;
  }
  std::printf("%s", noted->c_str());
  return 0;
}

int Run(const CommandLine& flags) {
  Config config = flags.config;
  // Nobody comes in while the pool is made, and its directory may be the service's alone.
  if (flags.init) config.unix_socket.clear();

  // Blocked before any thread starts, so that only sigwait below gets them.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  InitLogging("handoff-coordinator", config.log_level);
  RaiseDescriptorLimit();
  const RealClock clock;
  const auto coordinator = Coordinator::Start(config, clock);
  if (!coordinator.ok()) {
    const std::string message(coordinator.status().message());
    std::fprintf(stderr, "handoff-coordinator: %s\n", message.c_str());
    return absl::IsInvalidArgument(coordinator.status()) ? 2 : 1;
  }
  if (flags.init) return SayHowToGoOn(**coordinator, flags);
  SPDLOG_INFO("listening on {}", (*coordinator)->address());
  std::printf("handoff-coordinator ready on %s\n", (*coordinator)->address().c_str());
  std::fflush(stdout);
  Notify("READY=1");
  int signal_number = 0;
  ::sigwait(&stop, &signal_number);
  SPDLOG_INFO("stopping: {}", ::strsignal(signal_number));
  Notify("STOPPING=1");
  (*coordinator)->Stop();
  return 0;
}

}  // namespace
}  // namespace handoff

int main(int argc, char** argv) {
  const auto flags = handoff::ParseFlags(argc, argv);
  if (const int* const exit_status = std::get_if<int>(&flags)) return *exit_status;
  const auto& line = std::get<handoff::CommandLine>(flags);
  return line.restored ? handoff::Restored(line.config) : handoff::Run(line);
}
