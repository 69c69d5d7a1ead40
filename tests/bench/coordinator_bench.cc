// How many durable submits and whole attempts a coordinator answers a second, beside the machine's
// own limits measured in the same run. A report, never a pass or fail.
//
//   coordinator_bench PATH-OF-HANDOFF-COORDINATOR [SECONDS]

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
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
#include "common/uuid.h"
#include "handoff/v1/control.grpc.pb.h"
#include "handoff/v1/pool.grpc.pb.h"
#include "tests/bench/latencies.h"
#include "tests/bench/server_process.h"
#include "tests/bench/submitters.h"

namespace handoff {
namespace {

void Clients(const CoordinatorProcess& coordinator, int clients, bool submits,
             absl::Duration seconds) {
  SubmitLoad load;
  for (int i = 0; i < std::min(clients, 8); ++i) load.channels.push_back(coordinator.Connect());
  load.clients = clients;
  load.span = seconds;
  load.submits = submits;
  const double cpu = coordinator.server().CpuSeconds();
  SubmitResult result = Run(load);
  const size_t calls = std::max<size_t>(1, result.answered.all.size());
  Print(absl::StrCat(submits ? "durable submits" : "calls that decide nothing", ", ", clients,
                     clients == 1 ? " client" : " clients"),
        result.took, std::move(result.answered));
  std::printf("%-44s %9.1f us of the coordinator's CPU a call; %s\n", "",
              (coordinator.server().CpuSeconds() - cpu) * 1e6 / static_cast<double>(calls),
              coordinator.server().Memory().c_str());
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

// It joins and gets a connection of its own.
std::shared_ptr<grpc::Channel> ConnectAs(const CoordinatorProcess& coordinator,
                                         const v1::SyncRequest& worker) {
  return coordinator.Connect(coordinator.Join(worker.worker_uuid(), worker.name()));
}

// A worker that has nothing to do; its call is cancelled at the end.
class HeldSync {
 public:
  HeldSync(const CoordinatorProcess& coordinator, int number)
      : request_(FirstSync(absl::StrCat("held-", number))),
        stub_(v1::Pool::NewStub(ConnectAs(coordinator, request_))) {
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
      : request_(FirstSync(name)), stub_(v1::Pool::NewStub(ConnectAs(coordinator, request_))) {
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
  const double cpu = coordinator.server().CpuSeconds();
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
              (coordinator.server().CpuSeconds() - cpu) * 1e6 / static_cast<double>(ended),
              coordinator.server().Memory().c_str());
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
  const double cpu = coordinator.server().CpuSeconds();
  const absl::Time began = absl::Now();
  worker.Append(attempt, std::string(chunk_bytes, 'x'), total);
  const double seconds = absl::ToDoubleSeconds(absl::Now() - began);
  const double gigabytes = static_cast<double>(total) / 1e9;
  std::printf(
      "%-44s %9.0f MB/s   %.2f CPU s/GB at the coordinator; %s\n",
      absl::StrCat("one log in chunks of ", chunk_bytes / 1024, " KiB, until durable").c_str(),
      gigabytes * 1e3 / seconds, (coordinator.server().CpuSeconds() - cpu) / gigabytes,
      coordinator.server().Memory().c_str());
  std::fflush(stdout);
}

// What an idle worker costs: Syncs that are held, each on a connection of its own.
void HeldSyncs(const CoordinatorProcess& coordinator, int workers) {
  const int64_t before = coordinator.server().ResidentKilobytes();
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
              static_cast<double>(coordinator.server().ResidentKilobytes() - before) / workers);
}

int Main(int argc, char** argv) {
  if (argc < 2) Fail("give the path of handoff-coordinator");
  int seconds = 3;
  if (argc > 2 && !absl::SimpleAtoi(argv[2], &seconds)) Fail("SECONDS is no number");
  const absl::Duration span = absl::Seconds(seconds);
  // One owner floods it: what it does then is measured, and not that it refuses.
  const CoordinatorProcess coordinator(argv[1], CoordinatorProcess::WithoutQuotas());
  std::printf("idle: %s\n", coordinator.server().Memory().c_str());
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
