// What identity costs and what it holds off, measured from the outside. A report, never a pass or
// fail.
//
//   handoff_secured_bench PATH-OF-HANDOFF-COORDINATOR [SECONDS [NAME...]]
//
// SECONDS is of each measurement (3). NAME is handshakes, submits, costs, flood or nonsense; all of
// them by default.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/clock.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials.h"
#include "common/uuid.h"
#include "tests/bench/door_costs.h"
#include "tests/bench/open_control.h"
#include "tests/bench/quota_flood.h"
#include "tests/bench/server_process.h"
#include "tests/bench/submitters.h"
#include "tests/bench/tls_handshakes.h"
#include "tests/fakes/flood.h"

namespace handoff {
namespace {

constexpr int64_t kFloodOfSubmits = 100'000;
constexpr int kFloodOfConnections = 10'000;
constexpr int kNonsense = 1'000;

void PrintHandshakes(const std::string& program, absl::Duration span) {
  const CoordinatorProcess coordinator(program);
  const CredentialSet worker = coordinator.Join(NewUuid(), "bench");
  for (const bool resume : {false, true}) {
    for (const int threads : {1, 8}) {
      const double cpu = coordinator.server().CpuSeconds();
      Handshakes made = HandshakesFor(coordinator.server().port(), worker, threads, resume, span);
      const auto count = static_cast<double>(made.all.all.size());
      const int resumed = made.resumed;
      Print(absl::StrCat("TLS 1.3 handshakes, ", resume ? "resumed, " : "full, ", threads,
                         threads == 1 ? " client" : " clients"),
            made.took, std::move(made.all));
      std::printf("%-44s %9.0f us of the coordinator's CPU a handshake; %d resumed; %s\n", "",
                  (coordinator.server().CpuSeconds() - cpu) * 1e6 / std::max(1.0, count), resumed,
                  coordinator.server().Memory().c_str());
    }
  }
}

// One server of the three that are compared.
struct Compared {
  std::string name;
  const ServerProcess* server = nullptr;
  std::vector<std::shared_ptr<grpc::Channel>> channels;
};

void PrintCompared(Compared& compared, bool submits, int clients, absl::Duration span) {
  SubmitLoad load;
  load.channels.assign(compared.channels.begin(),
                       compared.channels.begin() + std::min<int>(clients, 8));
  load.clients = clients;
  load.span = span;
  load.submits = submits;
  const double cpu = compared.server->CpuSeconds();
  SubmitResult result = Run(load);
  const auto count = static_cast<double>(result.answered.all.size());
  std::printf("| %s | %s, %d | %.0f | %.0f | %.0f | %.0f |\n", compared.name.c_str(),
              submits ? "submit" : "decides nothing", clients,
              count / absl::ToDoubleSeconds(result.took),
              absl::ToDoubleMicroseconds(result.answered.Percentile(0.5)),
              absl::ToDoubleMicroseconds(result.answered.Percentile(0.99)),
              (compared.server->CpuSeconds() - cpu) * 1e6 / std::max(1.0, count));
  std::fflush(stdout);
}

// The same calls over plaintext, over mutual TLS, and to a coordinator, which has a door besides.
void PrintSubmits(const std::string& program, absl::Duration span) {
  const TempDir plain_dir = *TempDir::Make("bench"), tls_dir = *TempDir::Make("bench");
  const ServerProcess plain({"/proc/self/exe", "serve", plain_dir.path(), "plaintext"});
  const ServerProcess tls({"/proc/self/exe", "serve", tls_dir.path(), "tls"});
  const CoordinatorProcess coordinator(program, CoordinatorProcess::WithoutQuotas());
  const RealClock clock;
  const auto client = Credentials::Load(CredentialFiles::In(tls_dir.path() + kOpenControlClient),
                                        CredentialUse::kClient, clock);
  if (!client.ok()) Fail(std::string(client.status().message()));
  std::vector<Compared> all = {{"plaintext, no door", &plain, {}},
                               {"mutual TLS, no door", &tls, {}},
                               {"coordinator", &coordinator.server(), {}}};
  for (int i = 0; i < 8; ++i) {
    all[0].channels.push_back(MakeChannel(plain.address()));
    all[1].channels.push_back(MakeChannel(tls.address(), **client, kOpenControlName));
    all[2].channels.push_back(coordinator.Connect());
  }
  std::printf(
      "| server | call, clients | calls/s | p50 us | p99 us | CPU us of the server a call |\n"
      "|---|---|---|---|---|---|\n");
  for (const bool submits : {false, true}) {
    for (const int clients : {1, 64}) {
      for (Compared& compared : all) PrintCompared(compared, submits, clients, span);
    }
  }
}

// Until a new client of its own connection is answered.
absl::Duration UntilAnswered(const CoordinatorProcess& coordinator) {
  const absl::Time began = absl::Now();
  const auto control = v1::Control::NewStub(coordinator.Connect());
  grpc::ClientContext context;
  SetDeadline(context, absl::Minutes(1));
  context.set_wait_for_ready(true);
  v1::PoolInfo pool;
  const grpc::Status status = control->GetPool(&context, {}, &pool);
  if (!status.ok()) Fail(status.error_message());
  return absl::Now() - began;
}

void PrintNonsenseOf(const CoordinatorProcess& coordinator, const std::string& from, int count,
                     const std::string& words) {
  const auto lines = [&] {
    const std::string text = ReadFile(coordinator.log(), 256 << 20).value();
    return std::count(text.begin(), text.end(), '\n');
  };
  const auto before = lines();
  const absl::Time began = absl::Now();
  absl::Duration during, after;
  int connected = 0;
  {
    const Flood flood(coordinator.server().port(), from, count, words);
    connected = flood.connected();
    during = UntilAnswered(coordinator);
  }
  after = UntilAnswered(coordinator);
  std::printf(
      "%6d of %-8s from %s: a new client %8.1f ms during it, %8.1f ms after; %ld lines of "
      "log in %.1f s; peak %ld kB\n",
      connected, words.c_str(), from.c_str(), absl::ToDoubleMilliseconds(during),
      absl::ToDoubleMilliseconds(after), static_cast<long>(lines() - before),
      absl::ToDoubleSeconds(absl::Now() - began),
      static_cast<long>(coordinator.server().PeakKilobytes()));
  std::fflush(stdout);
}

void PrintNonsense(const std::string& program) {
  const CoordinatorProcess coordinator(program, "", {"prlimit", "--nofile=512"});
  std::printf("a coordinator that may open 512 descriptors; %s\n",
              coordinator.server().Memory().c_str());
  PrintNonsenseOf(coordinator, "127.0.0.2", kFloodOfConnections, "silence");
  PrintNonsenseOf(coordinator, "127.0.0.1", kFloodOfConnections, "silence");
  for (const char* words : {"random", "http", "hello"})
    PrintNonsenseOf(coordinator, "127.0.0.2", kNonsense, words);
}

int Main(int argc, char** argv) {
  if (argc == 4 && std::string(argv[1]) == "serve") {
    ServeOpenControl(argv[2], std::string(argv[3]) == "tls");
    return 0;
  }
  if (argc < 2) Fail("give the path of handoff-coordinator");
  int seconds = 3;
  if (argc > 2 && !absl::SimpleAtoi(argv[2], &seconds)) Fail("SECONDS is no number");
  const absl::Duration span = absl::Seconds(seconds);
  const std::vector<std::string> names(argv + std::min(argc, 3), argv + argc);
  const auto wanted = [&](const char* name) {
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
  };
  if (wanted("handshakes")) PrintHandshakes(argv[1], span);
  if (wanted("submits")) PrintSubmits(argv[1], span);
  if (wanted("costs")) {
    PrintDoorCosts(span);
    PrintIssuing(span);
  }
  if (wanted("flood")) PrintQuotaFlood(argv[1], kFloodOfSubmits);
  if (wanted("nonsense")) PrintNonsense(argv[1]);
  return 0;
}

}  // namespace
}  // namespace handoff

int main(int argc, char** argv) { return handoff::Main(argc, argv); }
