// handoff-worker: runs attempts of handoffs on this host.

#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/identity/names.h"
#include "common/log.h"
#include "common/rpc/grpc_log.h"
#include "common/service_notify.h"
#include "worker/agent/registry.h"
#include "worker/agent_probes.h"
#include "worker/certificate_renewal.h"
#include "worker/command_line.h"
#include "worker/data_dir.h"
#include "worker/doctor.h"
#include "worker/joining/pasted_line.h"
#include "worker/joining/what_runs_where.h"
#include "worker/process_setup.h"
#include "worker/rpc/grpc_coordinator_client.h"
#include "worker/rpc/grpc_identity_client.h"
#include "worker/rpc/pool_question.h"
#include "worker/rpc/tunnels.h"
#include "worker/worker.h"

namespace handoff::worker {
namespace {

// Of a start that is in vain until somebody does something; 2 is wrong usage, too.
constexpr int kStartedWrongly = 2;
constexpr char kPrompt[] = "Paste the line of `handoff worker invite` (it is not shown): ";

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "handoff-worker: %s\n", std::string(status.message()).c_str());
  return 1;
}

void Notify(absl::string_view state) {
  const absl::Status told = NotifyService(state);
  if (!told.ok()) SPDLOG_WARN("{}", std::string(told.message()));
}

int RunJoin(const JoinOptions& options) {
  const RealClock clock;
  Tunnels tunnels;
  GrpcIdentityClient client(clock, tunnels);
  const auto line = [] { return ReadPastedLine(STDIN_FILENO, STDERR_FILENO, kPrompt); };
  const auto joined = Join(options, line, client, clock);
  if (!joined.ok()) return Fail(joined.status());
  std::fputs(DescribeJoined(*joined, AccountOfThisProcess()).c_str(), stdout);
  return 0;
}

int RunDoctor(const WorkerConfig& config) {
  const RealClock clock;
  AgentProbes probes(config, AllAgents());
  const auto ask = [&clock](const std::string& address, const std::string& pool_id,
                            const std::string& directory) {
    return AskPool(address, pool_id, directory, clock);
  };
  const auto agents = [&probes] {
    probes.ProbeAll(-1);
    return probes.Offers();
  };
  const DoctorReport report = Examine({config.data_dir, config.coordinator, clock, ask, agents});
  std::fputs(report.text.c_str(), stdout);
  return report.good ? 0 : 1;
}

// Flags win over what it joined with.
void Complete(const PoolFile& pool, WorkerConfig& config) {
  if (config.name.empty()) config.name = pool.name;
  config.labels.insert(pool.labels.begin(), pool.labels.end());
}

int RunDaemon(WorkerConfig config) {
  const sigset_t signals = SetUpProcess(config.slots);
  const auto programs = Worker::FindPrograms();
  if (!programs.ok()) return Fail(programs.status());
  std::string uuid;
  const auto joined = LoadJoined(config.data_dir, uuid);
  if (!joined.ok()) {
    Fail(joined.status());
    return kStartedWrongly;
  }
  Complete(joined->pool, config);

  const RealClock clock;
  const std::string directory = DataDir(config.data_dir).joined();
  const std::vector<std::string> coordinators =
      config.coordinator.empty() ? joined->pool.coordinators : std::vector{config.coordinator};
  Tunnels tunnels;
  const auto route = std::make_shared<CoordinatorRoute>(
      CoordinatorRoute::Options{coordinators, PoolDnsName(joined->pool.pool_id),
                                CredentialFiles::In(directory), &tunnels},
      clock);
  GrpcIdentityClient identities(clock, tunnels);
  const auto renewal = std::make_shared<CertificateRenewal>(
      CertificateRenewal::Tools{directory, uuid, coordinators, clock, identities,
                                [&] { route->Renewed(); }},
      std::hash<std::string>()(uuid));
  // The end of a call may be told when all is over.
  route->OnUnknown([to = std::weak_ptr(renewal)] {
    if (const auto told = to.lock()) told->NotLetIn();
  });
  const auto worker = Worker::Open(config, *programs, [&](const Identity& who) {
    return std::unique_ptr<CoordinatorClient>(new GrpcCoordinatorClient(route, who));
  });
  if (!worker.ok()) return Fail(worker.status());
  (*worker)->SetTrouble([&] { return renewal->problem(); }, [&] { return renewal->complaint(); });
  const auto ready = [&config] {
    std::printf("handoff-worker ready as %s\n", config.name.c_str());
    std::fflush(stdout);
  };
  const auto fatal = [](const absl::Status& status) {
    Fail(status);
    ::kill(::getpid(), SIGUSR1);
  };
  renewal->Start();
  if (const auto started = (*worker)->Start(ready, fatal); !started.ok()) return Fail(started);
  // Whether the coordinator answers is another matter: agents are looked after without it.
  Notify("READY=1");
  int signal = 0;
  ::sigwait(&signals, &signal);
  Notify("STOPPING=1");
  (*worker)->Stop();
  renewal->Stop();
  return signal == SIGUSR1 ? 1 : 0;
}

}  // namespace
}  // namespace handoff::worker

int main(int argc, char** argv) {
  const auto line = handoff::worker::ParseCommandLine(argc, argv);
  if (line.exit_status) return *line.exit_status;
  handoff::InitLogging("handoff-worker", line.config.log_level);
  handoff::TakeGrpcLog();
  if (line.doctor) return handoff::worker::RunDoctor(line.config);
  return line.join ? handoff::worker::RunJoin(*line.join) : handoff::worker::RunDaemon(line.config);
}
