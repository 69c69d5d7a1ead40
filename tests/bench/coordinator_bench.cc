// How many durable submits and whole attempts a coordinator answers a second, beside the machine's
// own limits measured in the same run. A report, never a pass or fail.
//
//   coordinator_bench PATH-OF-HANDOFF-COORDINATOR [SECONDS]

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/rpc/channel.h"
#include "common/rpc/proto_time.h"
#include "common/subprocess.h"
#include "common/uuid.h"
#include "handoff/v1/control.grpc.pb.h"
#include "handoff/v1/pool.grpc.pb.h"
#include "tests/bench/connect.h"

namespace handoff {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "coordinator_bench: %s\n", what.c_str());
  std::exit(1);
}

struct Latencies {
  std::vector<absl::Duration> all;
  void Add(Latencies other) { all.insert(all.end(), other.all.begin(), other.all.end()); }
  int64_t Percentile(double p) {
    if (all.empty()) return 0;
    const size_t index = std::min(all.size() - 1, static_cast<size_t>(p * all.size()));
    std::nth_element(all.begin(), all.begin() + static_cast<ptrdiff_t>(index), all.end());
    return absl::ToInt64Microseconds(all[index]);
  }
};

void Print(const std::string& what, absl::Duration took, Latencies latencies) {
  std::printf("%-44s %9.0f /s   p50 %6ld us   p99 %6ld us\n", what.c_str(),
              static_cast<double>(latencies.all.size()) / absl::ToDoubleSeconds(took),
              static_cast<long>(latencies.Percentile(0.5)),
              static_cast<long>(latencies.Percentile(0.99)));
  std::fflush(stdout);
}

class CoordinatorProcess {
 public:
  explicit CoordinatorProcess(const std::string& program) {
    auto out = *MakePipe();
    SpawnOptions options;
    // One owner floods it: what it does then is measured, and not that it refuses.
    const std::string config = dir_.path() + "/config.toml";
    const absl::Status written =
        WriteFileAtomically(config,
                            "[quota]\nlive = 1000000\nqueued = 1000000\nrunning = 1000000\n"
                            "submits_per_minute = 1000000\nsubmit_burst = 1000000\n");
    if (!written.ok()) Fail(std::string(written.message()));
    options.argv = {program,    "--data-dir", dir_.path() + "/data", "--listen", "127.0.0.1:0",
                    "--config", config};
    options.env = CurrentEnvironment();
    options.fds = {{1, out.second.get()}, {2, 2}};
    auto spawned = Subprocess::Spawn(options);
    if (!spawned.ok()) Fail(std::string(spawned.status().message()));
    process_ = std::make_unique<Subprocess>(*std::move(spawned));
    out.second.Reset();
    std::string line;
    char c = 0;
    while (::read(out.first.get(), &c, 1) == 1 && c != '\n') line.push_back(c);
    address_ = line.substr(line.rfind(' ') + 1);
    admin_ = v1::Identity::NewStub(Connect());
  }
  ~CoordinatorProcess() {
    process_->Signal(SIGTERM);
    process_->Wait().IgnoreError();
  }
  const std::string& address() const { return address_; }
  std::shared_ptr<grpc::Channel> Connect() const {
    return ConnectAsAdmin(address_, dir_.path() + "/data");
  }
  // A worker joins and gets a connection of its own.
  std::shared_ptr<grpc::Channel> Connect(const v1::SyncRequest& worker) const {
    return ConnectAsWorker(address_, *admin_, worker.worker_uuid(), worker.name());
  }
  const std::string& directory() const { return dir_.path(); }
  double CpuSeconds() const {
    const auto stat = ReadFile(absl::StrCat("/proc/", process_->pid(), "/stat"));
    if (!stat.ok()) return 0;
    long long user = 0, system = 0;
    std::sscanf(stat->c_str() + stat->rfind(')'),
                ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld", &user, &system);
    return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
  int64_t ResidentKilobytes() const {
    const auto status = ReadFile(absl::StrCat("/proc/", process_->pid(), "/status"));
    return status.ok() ? std::strtoll(status->c_str() + status->find("VmRSS:") + 6, nullptr, 10)
                       : 0;
  }
  std::string Memory() const { return absl::StrCat("RSS ", ResidentKilobytes(), " kB"); }

 private:
  const TempDir dir_ = *TempDir::Make("bench");
  std::unique_ptr<Subprocess> process_;
  std::string address_;
  std::unique_ptr<v1::Identity::Stub> admin_;
};

v1::SubmitRequest SmallSubmit() {
  v1::SubmitRequest request;
  v1::HandoffSpec& spec = *request.mutable_spec();
  spec.set_task("true");
  spec.set_agent("command");
  spec.set_owner("bench");
  return request;
}

// One client of several: the next call begins when the last one was answered.
class Submitter {
 public:
  Submitter(std::shared_ptr<grpc::Channel> channel, absl::Time until, bool submits)
      : stub_(v1::Control::NewStub(std::move(channel))), until_(until), submits_(submits) {
    submit_ = SmallSubmit();
  }
  void Begin() { Next(); }
  Latencies Wait() {
    done_.get_future().wait();
    return std::move(latencies_);
  }

 private:
  void Next() {
    sent_ = absl::Now();
    if (sent_ >= until_) return done_.set_value();
    context_ = std::make_unique<grpc::ClientContext>();
    const auto answered = [this](const grpc::Status& status) {
      if (!status.ok()) Fail(status.error_message());
      latencies_.all.push_back(absl::Now() - sent_);
      Next();
    };
    if (submits_) {
      stub_->async()->Submit(context_.get(), &submit_, &submitted_, answered);
    } else {
      stub_->async()->ListWorkers(context_.get(), &list_, &listed_, answered);
    }
  }

  const std::unique_ptr<v1::Control::Stub> stub_;
  const absl::Time until_;
  const bool submits_;
  std::unique_ptr<grpc::ClientContext> context_;
  v1::SubmitRequest submit_;
  v1::SubmitResponse submitted_;
  v1::ListWorkersRequest list_;
  v1::ListWorkersResponse listed_;
  absl::Time sent_;
  Latencies latencies_;
  std::promise<void> done_;
};

void Clients(const CoordinatorProcess& coordinator, int clients, bool submits,
             absl::Duration seconds) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < std::min(clients, 8); ++i) {
    channels.push_back(coordinator.Connect());
    channels.back()->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(5));
  }
  const double cpu = coordinator.CpuSeconds();
  const absl::Time began = absl::Now();
  std::vector<std::unique_ptr<Submitter>> all;
  for (int i = 0; i < clients; ++i) {
    all.push_back(std::make_unique<Submitter>(channels[static_cast<size_t>(i) % channels.size()],
                                              began + seconds, submits));
  }
  for (const auto& client : all) client->Begin();
  Latencies latencies;
  for (const auto& client : all) latencies.Add(client->Wait());
  const absl::Duration took = absl::Now() - began;
  const size_t calls = std::max<size_t>(1, latencies.all.size());
  Print(absl::StrCat(submits ? "durable submits" : "calls that decide nothing", ", ", clients,
                     clients == 1 ? " client" : " clients"),
        took, std::move(latencies));
  std::printf("%-44s %9.1f us of the coordinator's CPU a call; %s\n", "",
              (coordinator.CpuSeconds() - cpu) * 1e6 / static_cast<double>(calls),
              coordinator.Memory().c_str());
}

void DiskLimit(const CoordinatorProcess& coordinator) {
  const UniqueFd fd = *OpenFile(coordinator.directory() + "/probe", O_CREAT | O_WRONLY | O_APPEND);
  const std::string page(4096, 'x');
  Latencies latencies;
  const absl::Time began = absl::Now();
  while (absl::Now() - began < absl::Seconds(1)) {
    const absl::Time before = absl::Now();
    if (!WriteAll(fd.get(), page).ok() || !SyncData(fd.get()).ok()) Fail("the disk");
    latencies.all.push_back(absl::Now() - before);
  }
  Print("append 4 KiB + fdatasync", absl::Now() - began, std::move(latencies));
}

v1::SyncRequest FirstSync(const std::string& name) {
  v1::SyncRequest request;
  request.set_worker_uuid(NewUuid());
  request.set_name(name);
  request.set_start(1);
  request.set_nonce(1);
  request.set_seq(1);
  request.set_slots(1);
  return request;
}

// A worker that has nothing to do; its call is cancelled at the end.
class HeldSync {
 public:
  HeldSync(const CoordinatorProcess& coordinator, int number)
      : request_(FirstSync(absl::StrCat("held-", number))),
        stub_(v1::Pool::NewStub(coordinator.Connect(request_))) {
    stub_->async()->Sync(&context_, &request_, &response_,
                         [this](const grpc::Status&) { done_.set_value(); });
  }
  ~HeldSync() {
    context_.TryCancel();
    done_.get_future().wait();
  }

 private:
  const v1::SyncRequest request_;
  const std::unique_ptr<v1::Pool::Stub> stub_;
  v1::SyncResponse response_;
  grpc::ClientContext context_;
  std::promise<void> done_;
};

// Whole attempts: a worker with one slot takes one by Sync, and reports its end at once.
class Worker {
 public:
  Worker(const CoordinatorProcess& coordinator, const std::string& name)
      : request_(FirstSync(name)), stub_(v1::Pool::NewStub(coordinator.Connect(request_))) {
    v1::AgentOffer& offer = *request_.add_agents();
    offer.set_name("command");
    offer.set_state(v1::AgentOffer::READY);
  }

  void Run(absl::Time until) {
    while (absl::Now() < until) {
      const absl::Time before = absl::Now();
      const v1::SyncResponse answer = Sync();
      for (const v1::DesiredAttempt& attempt : answer.attempts()) Report(attempt);
      if (answer.attempts_size() > 0) latencies_.all.push_back(absl::Now() - before);
    }
  }
  Latencies& latencies() { return latencies_; }

  v1::DesiredAttempt TakeOne() {
    const v1::SyncResponse answer = Sync();
    if (answer.attempts_size() != 1) Fail("no attempt was given");
    return answer.attempts(0);
  }

  void Append(const v1::DesiredAttempt& attempt, const std::string& chunk, size_t total) {
    grpc::ClientContext context;
    const auto stream = stub_->AppendLog(&context);
    v1::AppendLogRequest request;
    request.set_worker_uuid(request_.worker_uuid());
    request.set_handoff_id(attempt.handoff_id());
    request.set_number(attempt.number());
    request.set_epoch(attempt.epoch());
    v1::AppendLogResponse response;
    if (!stream->Write(request) || !stream->Read(&response)) Fail("AppendLog");
    std::thread acks([&] {
      while (stream->Read(&response)) {
      }
    });
    request.Clear();
    request.set_data(chunk);
    for (size_t sent = 0; sent < total; sent += chunk.size()) {
      request.set_offset(sent);
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
    acks.join();
    const grpc::Status status = stream->Finish();
    if (!status.ok() || response.durable_offset() != total) Fail(status.error_message());
  }

 private:
  v1::SyncResponse Sync() {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::SyncResponse answer;
    const grpc::Status status = stub_->Sync(&context, request_, &answer);
    if (!status.ok()) Fail(status.error_message());
    request_.set_pool_id(answer.pool_id());
    request_.set_seq(request_.seq() + 1);
    return answer;
  }

  void Report(const v1::DesiredAttempt& attempt) {
    v1::ReportRequest report;
    report.set_pool_id(request_.pool_id());
    report.set_worker_uuid(request_.worker_uuid());
    report.set_handoff_id(attempt.handoff_id());
    report.set_number(attempt.number());
    report.set_epoch(attempt.epoch());
    report.mutable_end()->set_protocol(v1::AttemptEnd::NO_PROTOCOL);
    report.mutable_end()->set_ended_by(v1::AttemptEnd::ITSELF);
    report.mutable_end()->set_exit_code(0);
    v1::ReportResponse response;
    grpc::ClientContext context;
    SetDeadline(context);
    const grpc::Status status = stub_->Report(&context, report, &response);
    if (!status.ok() || !response.accepted()) Fail(status.error_message());
  }

  v1::SyncRequest request_;
  std::unique_ptr<v1::Pool::Stub> stub_;
  Latencies latencies_;
};

void Attempts(const CoordinatorProcess& coordinator, int workers, absl::Duration seconds) {
  std::vector<std::unique_ptr<Worker>> all;
  for (int i = 0; i < workers; ++i) {
    all.push_back(std::make_unique<Worker>(coordinator, absl::StrCat("bench-", workers, "-", i)));
  }
  const double cpu = coordinator.CpuSeconds();
  const absl::Time began = absl::Now();
  std::vector<std::thread> threads;
  for (const auto& worker : all) {
    threads.emplace_back([&worker, until = began + seconds] { worker->Run(until); });
  }
  for (std::thread& thread : threads) thread.join();
  const absl::Duration took = absl::Now() - began;
  Latencies latencies;
  for (const auto& worker : all) latencies.Add(std::move(worker->latencies()));
  const size_t ended = std::max<size_t>(1, latencies.all.size());
  Print(absl::StrCat("Sync + Report from a full queue, ", workers, " slots"), took,
        std::move(latencies));
  std::printf("%-44s %9.1f us of the coordinator's CPU an attempt; %s\n", "",
              (coordinator.CpuSeconds() - cpu) * 1e6 / static_cast<double>(ended),
              coordinator.Memory().c_str());
}

// One log through one stream, as a worker sends it: from the first byte to the last one durable.
void Log(const CoordinatorProcess& coordinator, size_t chunk_bytes, size_t total) {
  const auto control = v1::Control::NewStub(coordinator.Connect());
  v1::SubmitRequest submit = SmallSubmit();
  const std::string name = absl::StrCat("log-", RandomHex(4));
  submit.mutable_spec()->set_on_worker(name);
  {
    grpc::ClientContext context;
    v1::SubmitResponse submitted;
    if (!control->Submit(&context, submit, &submitted).ok()) Fail("submit");
  }
  Worker worker(coordinator, name);
  const v1::DesiredAttempt attempt = worker.TakeOne();
  const double cpu = coordinator.CpuSeconds();
  const absl::Time began = absl::Now();
  worker.Append(attempt, std::string(chunk_bytes, 'x'), total);
  const double seconds = absl::ToDoubleSeconds(absl::Now() - began);
  const double gigabytes = static_cast<double>(total) / 1e9;
  std::printf(
      "%-44s %9.0f MB/s   %.2f CPU s/GB at the coordinator; %s\n",
      absl::StrCat("one log in chunks of ", chunk_bytes / 1024, " KiB, until durable").c_str(),
      gigabytes * 1e3 / seconds, (coordinator.CpuSeconds() - cpu) / gigabytes,
      coordinator.Memory().c_str());
  std::fflush(stdout);
}

// What an idle worker costs: Syncs that are held, each on a connection of its own.
void HeldSyncs(const CoordinatorProcess& coordinator, int workers) {
  const int64_t before = coordinator.ResidentKilobytes();
  std::vector<std::unique_ptr<HeldSync>> held;
  for (int i = 0; i < workers; ++i) held.push_back(std::make_unique<HeldSync>(coordinator, i));
  const auto control = v1::Control::NewStub(coordinator.Connect());
  while (true) {
    grpc::ClientContext context;
    v1::PoolInfo pool;
    if (!control->GetPool(&context, {}, &pool).ok()) Fail("GetPool");
    if (pool.workers() >= workers) break;
  }
  std::printf("%-44s %9.1f kB each\n", absl::StrCat("held Syncs, ", workers).c_str(),
              static_cast<double>(coordinator.ResidentKilobytes() - before) / workers);
}

int Main(int argc, char** argv) {
  if (argc < 2) Fail("give the path of handoff-coordinator");
  int seconds = 3;
  if (argc > 2 && !absl::SimpleAtoi(argv[2], &seconds)) Fail("SECONDS is no number");
  const absl::Duration span = absl::Seconds(seconds);
  const CoordinatorProcess coordinator(argv[1]);
  std::printf("idle: %s\n", coordinator.Memory().c_str());
  DiskLimit(coordinator);
  for (const int clients : {1, 64}) Clients(coordinator, clients, false, span);
  for (const int clients : {1, 64}) Clients(coordinator, clients, true, span);
  for (const int workers : {1, 16}) Attempts(coordinator, workers, span);
  for (const size_t chunk : {16u << 10, 256u << 10}) Log(coordinator, chunk, size_t{512} << 20);
  const CoordinatorProcess idle(argv[1]);
  HeldSyncs(idle, 2000);
  return 0;
}

}  // namespace
}  // namespace handoff

int main(int argc, char** argv) { return handoff::Main(argc, argv); }
