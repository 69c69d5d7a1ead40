// handoff-worker: runs attempts of handoffs on this host.

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "common/log.h"
#include "worker/config.h"
#include "worker/process_setup.h"
#include "worker/rpc/grpc_coordinator_client.h"
#include "worker/worker.h"

namespace {

using handoff::worker::CoordinatorClient;
using handoff::worker::GrpcCoordinatorClient;
using handoff::worker::Identity;
using handoff::worker::Worker;

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "handoff-worker: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto line = handoff::worker::ParseCommandLine(argc, argv);
  if (line.exit_status) return *line.exit_status;
  const auto& config = line.config;
  handoff::InitLogging("handoff-worker", config.log_level);
  const sigset_t signals = handoff::worker::SetUpProcess(config.slots);

  const auto programs = Worker::FindPrograms();
  if (!programs.ok()) return Fail(programs.status());
  auto worker = Worker::Open(config, *programs, [&](const Identity& who) {
    return std::unique_ptr<CoordinatorClient>(new GrpcCoordinatorClient(config.coordinator, who));
  });
  if (!worker.ok()) return Fail(worker.status());
  const auto ready = [&config] {
    std::printf("handoff-worker ready as %s\n", config.name.c_str());
    std::fflush(stdout);
  };
  const auto fatal = [](const absl::Status& status) {
    Fail(status);
    ::kill(::getpid(), SIGUSR1);
  };
  if (const auto started = (*worker)->Start(ready, fatal); !started.ok()) return Fail(started);
  int signal = 0;
  ::sigwait(&signals, &signal);
  (*worker)->Stop();
  return signal == SIGUSR1 ? 1 : 0;
}
