// handoff-coordinator: keeps all records, decides placement, stores logs and packs.

#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/service_notify.h"
#include "coordinator/coordinator.h"
#include "coordinator/flags.h"

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
int SayHowToGoOn(Coordinator& coordinator, const Config& config) {
  const auto line = coordinator.LoginLine();
  if (!line.ok()) {
    const std::string message(line.status().message());
    std::fprintf(stderr, "handoff-coordinator: %s\n", message.c_str());
    return 1;
  }
  std::string advertise;
  for (const std::string& address : config.advertise) {
    absl::StrAppend(&advertise, " --advertise ", address);
  }
  std::fprintf(stderr,
               "The pool is made; everything of it is in %s.\n\n"
               "Start it here:\n"
               "  handoff-coordinator --data-dir %s --listen %s%s\n"
               "On this host, as this user, 'handoff' is an admin with\n"
               "  export HANDOFF_CREDENTIALS=%s/identity/local\n"
               "On another machine, within an hour: 'handoff login', and paste this line, which is "
               "a secret:\n",
               config.data_dir.c_str(), config.data_dir.c_str(), config.listen.c_str(),
               advertise.c_str(), config.data_dir.c_str());
  std::printf("%s\n", std::string(line->Reveal()).c_str());
  return 0;
}

int Run(const Config& config, bool init) {
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
  if (init) return SayHowToGoOn(**coordinator, config);
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
  return handoff::Run(line.config, line.init);
}
