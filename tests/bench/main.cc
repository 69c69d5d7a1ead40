// Measures a whole pool of the built programs on this machine, and the machine itself. Prints a
// markdown table.
//
//   handoff-bench [NAME...]      names: rpc submit start true log memory counts

#include <grpcpp/grpcpp.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/uuid.h"
#include "handoff/v1/control.grpc.pb.h"
#include "handoff/v1/pool.grpc.pb.h"
#include "tests/bench/call_counts.h"
#include "tests/bench/connect.h"
#include "tests/bench/machine.h"
#include "tests/bench/report.h"
#include "tests/bench/server_process.h"
#include "tests/e2e/pool.h"

namespace handoff::bench {
namespace {

BootTime Now() { return RealClock().Boot(); }
double SecondsSince(BootTime start) { return absl::ToDoubleSeconds(Now() - start); }

// A coordinator, and a stub for it.
struct Bed {
  Bed() {
    const std::string config = pool.path("quotas.toml");
    CHECK(WriteFileAtomically(config, CoordinatorProcess::WithoutQuotas()).ok());
    pool.coordinator_flags = {"--config", config};
    pool.StartCoordinator();
    channel = ConnectAsAdmin(pool.address(), pool.path("coordinator"));
    control = v1::Control::NewStub(channel);
  }
  e2e::Pool pool;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Control::Stub> control;
};

v1::SubmitRequest CommandRequest(const std::vector<std::string>& argv) {
  v1::SubmitRequest request;
  v1::HandoffSpec& spec = *request.mutable_spec();
  spec.set_task(absl::StrCat("run ", argv[0]));
  for (const std::string& argument : argv) spec.add_argv(argument);
  spec.set_agent("command");
  spec.set_idempotency_key(RandomHex(16));
  return request;
}

std::string SubmitOne(v1::Control::Stub& control, const v1::SubmitRequest& request) {
  grpc::ClientContext context;
  v1::SubmitResponse response;
  const grpc::Status status = control.Submit(&context, request, &response);
  if (!status.ok()) std::cerr << "Submit: " << status.error_message() << std::endl;
  CHECK(status.ok());
  return response.handoff().id();
}

bool IsEnd(v1::Handoff::Status status) {
  return status == v1::Handoff::SUCCEEDED || status == v1::Handoff::FAILED ||
         status == v1::Handoff::CANCELLED;
}

// Follows the events until `count` handoffs ended since it was made.
class EndWatch {
 public:
  explicit EndWatch(v1::Control::Stub& control) {
    // From the revision that is there now, so that it does not matter when the stream is open.
    grpc::ClientContext context;
    v1::PoolInfo pool;
    CHECK(control.GetPool(&context, {}, &pool).ok());
    v1::WatchRequest request;
    request.set_from_revision(pool.revision());
    stream_ = control.Watch(&context_, request);
  }
  ~EndWatch() {
    context_.TryCancel();
    v1::Event event;
    while (stream_->Read(&event)) {
    }
    stream_->Finish().ok();
  }
  void Await(int count) {
    v1::Event event;
    while (count > 0 && stream_->Read(&event)) {
      if (!event.handoff_id().empty() && IsEnd(event.status())) --count;
    }
    CHECK(count <= 0);
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::Event>> stream_;
};

void MeasureRpc(Bed& bed, Report& report) {
  std::vector<double> micros;
  for (int i = 0; i < 2000; ++i) {
    grpc::ClientContext context;
    v1::PoolInfo info;
    const BootTime start = Now();
    CHECK(bed.control->GetPool(&context, {}, &info).ok());
    micros.push_back(SecondsSince(start) * 1e6);
  }
  const Percentiles p = PercentilesOf(micros);
  report.Add({"unary call (GetPool), p50 / p99", absl::StrFormat("%.0f / %.0f µs", p.p50, p.p99),
              "–", "is the limit itself"});
}

void MeasureStart(Bed& bed, Report& report) {
  const std::string stamp = bed.pool.path("stamps");
  std::vector<double> millis;
  for (int i = 0; i < 300; ++i) {
    EndWatch watch(*bed.control);
    ::unlink(stamp.c_str());
    const v1::SubmitRequest request = CommandRequest({e2e::Program("bench-stamp"), stamp});
    const BootTime start = Now();
    SubmitOne(*bed.control, request);
    watch.Await(1);
    const auto text = ReadFile(stamp);
    int64_t ns = 0;
    CHECK(text.ok() && absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &ns));
    millis.push_back(absl::ToDoubleMilliseconds(BootTime{ns} - start));
  }
  const Percentiles p = PercentilesOf(millis);
  report.Add({"submit → agent process started, p50 / p99",
              absl::StrFormat("%.1f / %.1f ms", p.p50, p.p99), "≤ 5 / ≤ 25 ms",
              "ssh ControlMaster 9–10 ms, srun 33"});
}

void MeasureTrue(Bed& bed, const MachineLimits& machine, Report& report) {
  constexpr int kHandoffs = 2000;
  EndWatch watch(*bed.control);
  const BootTime start = Now();
  std::thread submitter([&] {
    for (int i = 0; i < kHandoffs; ++i) SubmitOne(*bed.control, CommandRequest({"/bin/true"}));
  });
  watch.Await(kHandoffs);
  const double rate = kHandoffs / SecondsSince(start);
  submitter.join();
  report.Add({"whole `command` handoffs of `true` per second, 16 slots",
              absl::StrFormat("%.0f (%.0f %% of the spawn rate)", rate,
                              100 * rate / machine.spawn_two_per_s),
              "≥ 15 % of the spawn rate",
              absl::StrFormat("posix_spawn, two in flight: %.0f/s", machine.spawn_two_per_s)});
}

double SubmitRate(Bed& bed, int clients, int each) {
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  const BootTime start = Now();
  for (int c = 0; c < clients; ++c) {
    threads.emplace_back([&] {
      // One channel for eight clients: more connections only measure the scheduler of this machine.
      const auto stub = v1::Control::NewStub(bed.channel);
      for (int i = 0; i < each; ++i) SubmitOne(*stub, CommandRequest({"/bin/true"}));
      ready.fetch_add(1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return clients * each / SecondsSince(start);
}

void MeasureSubmit(Bed& bed, const MachineLimits& machine, Report& report) {
  const double one = SubmitRate(bed, 1, 3000);
  const double many = SubmitRate(bed, 64, 600);
  report.Add({"durable submits per second, 64 clients / 1 client",
              absl::StrFormat("%.0f / %.0f", many, one), "≥ 12,000 / ≥ 2,000",
              absl::StrFormat("fdatasync p50 %.0f µs, p99 %.0f µs", machine.fdatasync_us.p50,
                              machine.fdatasync_us.p99)});
}

void MeasureLog(Bed& bed, const MachineLimits& machine, Report& report) {
  constexpr int64_t kBytes = 2'000'000'000;
  const CpuSeconds coordinator = CpuOf(bed.pool.PidOf("coordinator"));
  const CpuSeconds worker = CpuOf(bed.pool.PidOf("big"));
  EndWatch watch(*bed.control);
  const BootTime start = Now();
  SubmitOne(*bed.control, CommandRequest({e2e::Program("bench-blast"), absl::StrCat(kBytes)}));
  watch.Await(1);
  const double seconds = SecondsSince(start);
  const CpuSeconds coordinator_after = CpuOf(bed.pool.PidOf("coordinator"));
  const CpuSeconds worker_after = CpuOf(bed.pool.PidOf("big"));
  const double cpu = coordinator_after.own - coordinator.own + worker_after.own - worker.own +
                     worker_after.children - worker.children;
  report.Add({"one log, agent's pipe to durable: MB/s · CPU s per GB (agent's own included)",
              absl::StrFormat("%.0f · %.1f", kBytes / 1e6 / seconds, cpu / (kBytes / 1e9)),
              "≥ 400 · ≤ 4",
              absl::StrFormat("1 MiB append + fdatasync: %.0f MB/s", machine.append_sync_mb_s)});
}

uint64_t RssOf(int pid) {
  const auto status = ReadFile(absl::StrCat("/proc/", pid, "/status"));
  CHECK(status.ok());
  uint64_t kilobytes = 0;
  for (absl::string_view line : absl::StrSplit(*status, '\n')) {
    if (absl::ConsumePrefix(&line, "VmRSS:") && absl::ConsumeSuffix(&line, "kB"))
      CHECK(absl::SimpleAtoi(line, &kilobytes));
  }
  return kilobytes * 1024;
}

// Idle daemons, a shim while its agent waits, and what a held Sync costs.
void MeasureMemory(Report& report) {
  Bed bed;
  const double coordinator = static_cast<double>(bed.pool.ResidentBytes("coordinator"));
  bed.pool.StartWorker("idle", 1);
  const double worker = static_cast<double>(bed.pool.ResidentBytes("idle"));
  e2e::Gate gate(bed.pool.path("gate"));
  const std::string id = bed.pool.Submit({"--agent", "command", "--", "/bin/cat", gate.path()});
  // The shim is the one whose command line names this attempt's directory.
  double shim = 0;
  while (shim == 0) {
    const auto started =
        ReadFile(absl::StrCat(bed.pool.path("idle"), "/attempts/", id, "/1/shim.pid"));
    if (!started.ok()) {
      std::this_thread::yield();
      continue;
    }
    const auto at = started->find("\"pid\":");
    CHECK(at != std::string::npos);
    shim = static_cast<double>(RssOf(std::atoi(started->c_str() + at + 6)));
  }
  gate.Open();
  CHECK(bed.pool.Handoff({"wait", id}).exit_code == 0);
  const double before = static_cast<double>(bed.pool.ResidentBytes("coordinator"));
  constexpr int kSyncs = 1000;
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  std::vector<std::unique_ptr<v1::Pool::Stub>> stubs;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<v1::SyncRequest> requests(kSyncs);
  std::vector<v1::SyncResponse> responses(kSyncs);
  std::atomic<int> answered{0};
  const auto identity = v1::Identity::NewStub(bed.channel);
  for (int i = 0; i < kSyncs; ++i) {
    v1::SyncRequest& request = requests[i];
    request.set_worker_uuid(NewUuid());
    request.set_name(absl::StrCat("held-", i));
    channels.push_back(
        ConnectAsWorker(bed.pool.address(), *identity, request.worker_uuid(), request.name()));
    stubs.push_back(v1::Pool::NewStub(channels.back()));
    request.set_start(1);
    request.set_nonce(i + 1);
    request.set_seq(1);
    request.set_slots(1);
    grpc::ClientContext first;
    CHECK(stubs[i]->Sync(&first, request, &responses[i]).ok());
    request.set_pool_id(responses[i].pool_id());
    request.set_seq(2);
    request.set_seen_term(responses[i].term());
    request.set_seen_revision(responses[i].revision());
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    stubs[i]->async()->Sync(contexts[i].get(), &requests[i], &responses[i],
                            [&](const grpc::Status&) { answered.fetch_add(1); });
  }
  const double held =
      (static_cast<double>(bed.pool.ResidentBytes("coordinator")) - before) / kSyncs;
  for (auto& context : contexts) context->TryCancel();
  while (answered.load() < kSyncs) std::this_thread::yield();
  report.Add({"resident memory: idle worker · shim · idle coordinator · per held Sync",
              absl::StrFormat("%.1f MB · %.1f MB · %.1f MB · %.0f kB", worker / 1e6, shim / 1e6,
                              coordinator / 1e6, held / 1e3),
              "≤ 24 MB · ≤ 2 MB · ≤ 30 MB · ≤ 40 kB", "slurmd 7–12 MB, buildbot 51 / 95 MB"});
}

std::pair<double, double> CountsOf(const std::string& file) {
  const auto bytes = ReadFile(file);
  CHECK(bytes.ok() && bytes->size() == sizeof(CallCounts));
  uint64_t numbers[2];
  static_assert(sizeof(numbers) == sizeof(CallCounts));
  std::memcpy(numbers, bytes->data(), sizeof(numbers));
  return {static_cast<double>(numbers[0]), static_cast<double>(numbers[1])};
}

// One handoff at a time, so that no two share a sync or a message.
void MeasureCounts(Report& report) {
  constexpr int kHandoffs = 500;
  const auto directory = TempDir::Make("handoff-bench-counts-");
  CHECK(directory.ok());
  ::setenv("HANDOFF_BENCH_COUNTS", directory->path().c_str(), 1);
  ::setenv("LD_PRELOAD", e2e::Program("bench-count.so").c_str(), 1);
  Bed bed;
  bed.pool.StartWorker("counted", 16);
  ::unsetenv("LD_PRELOAD");
  const auto both = [&] {
    return std::pair(CountsOf(directory->path() + "/handoff-coordinator"),
                     CountsOf(directory->path() + "/handoff-worker"));
  };
  EndWatch watch(*bed.control);
  const auto before = both();
  for (int i = 0; i < kHandoffs; ++i) {
    SubmitOne(*bed.control, CommandRequest({"/bin/true"}));
    watch.Await(1);
  }
  const auto after = both();
  const auto each = [](double to, double from) { return (to - from) / kHandoffs; };
  report.Add(
      {"syncs per handoff of `true`, coordinator · worker; messages sent, the same",
       absl::StrFormat("%.1f · %.1f; %.1f · %.1f", each(after.first.first, before.first.first),
                       each(after.second.first, before.second.first),
                       each(after.first.second, before.first.second),
                       each(after.second.second, before.second.second)),
       "≤ 5 · 1 syncs", "counted in the running daemons, one handoff at a time"});
}

int Run(const std::vector<std::string>& names) {
  const auto wanted = [&](const std::string& name) {
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
  };
  Report report;
  std::unique_ptr<Bed> bed = std::make_unique<Bed>();
  const MachineLimits machine = MeasureMachine(bed->pool.dir(), e2e::Program("bench-stamp"));
  if (wanted("rpc")) MeasureRpc(*bed, report);
  if (wanted("submit")) MeasureSubmit(*bed, machine, report);
  bed = std::make_unique<Bed>();  // without the queue that the submits left
  bed->pool.StartWorker("big", 16);
  if (wanted("start")) MeasureStart(*bed, report);
  if (wanted("true")) MeasureTrue(*bed, machine, report);
  if (wanted("log")) MeasureLog(*bed, machine, report);
  bed.reset();
  if (wanted("memory")) MeasureMemory(report);
  if (wanted("counts")) MeasureCounts(report);
  std::cout << report.Markdown();
  return 0;
}

}  // namespace
}  // namespace handoff::bench

int main(int argc, char** argv) {
  return handoff::bench::Run(std::vector<std::string>(argv + 1, argv + argc));
}
