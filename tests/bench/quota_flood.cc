#include "tests/bench/quota_flood.h"

#include <atomic>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/mutex.h"
#include "common/rpc/channel.h"
#include "common/uuid.h"
#include "handoff/v1/pool.grpc.pb.h"
#include "tests/bench/server_process.h"
#include "tests/bench/submitters.h"

namespace handoff {
namespace {

constexpr int kSlots = 64;
constexpr int kQuietSubmits = 200;  // of the other user, each time
constexpr int kReporters = 16;

// Ends what it is given at once, so that it has free slots, and remembers when that was. As with a
// real one, no Sync waits for the reports.
class Worker {
 public:
  explicit Worker(const CoordinatorProcess& coordinator) {
    request_.set_worker_uuid(NewUuid());
    request_.set_name("bench");
    request_.set_start(1);
    request_.set_nonce(1);
    request_.set_seq(1);
    request_.set_slots(kSlots);
    v1::AgentOffer& offer = *request_.add_agents();
    offer.set_name("command");
    offer.set_state(v1::AgentOffer::READY);
    stub_ = v1::Pool::NewStub(
        coordinator.Connect(coordinator.Join(request_.worker_uuid(), request_.name())));
    threads_.emplace_back([this] {
      while (!stop_) Turn();
    });
    for (int i = 0; i < kReporters; ++i) {
      threads_.emplace_back([this] {
        while (const auto report = Next()) Send(*report);
      });
    }
  }
  // The call that is held at that moment may take as long as the coordinator holds one.
  ~Worker() {
    {
      const MutexLock lock(mutex_);
      stop_ = true;
    }
    changed_.NotifyAll();
    for (std::thread& thread : threads_) thread.join();
  }
  absl::Time LeasedAt(const std::string& id) {
    const MutexLock lock(mutex_);
    while (leased_.count(id) == 0) changed_.Wait(mutex_);
    return leased_.at(id);
  }

 private:
  void Turn() {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::SyncResponse answer;
    const grpc::Status status = stub_->Sync(&context, request_, &answer);
    if (!status.ok()) Fail(status.error_message());
    request_.set_pool_id(answer.pool_id());
    request_.set_seq(request_.seq() + 1);
    {
      const MutexLock lock(mutex_);
      for (const v1::DesiredAttempt& attempt : answer.attempts()) {
        // Until its report is stored it is in each answer.
        if (leased_.emplace(attempt.handoff_id(), absl::Now()).second)
          reports_.push_back(ReportOf(attempt));
      }
    }
    changed_.NotifyAll();
  }
  v1::ReportRequest ReportOf(const v1::DesiredAttempt& attempt) const {
    v1::ReportRequest report;
    report.set_pool_id(request_.pool_id());
    report.set_worker_uuid(request_.worker_uuid());
    report.set_handoff_id(attempt.handoff_id());
    report.set_number(attempt.number());
    report.set_epoch(attempt.epoch());
    report.mutable_end()->set_protocol(v1::AttemptEnd::NO_PROTOCOL);
    report.mutable_end()->set_ended_by(v1::AttemptEnd::ITSELF);
    report.mutable_end()->set_exit_code(0);
    return report;
  }
  // Nothing once the worker stops.
  std::optional<v1::ReportRequest> Next() {
    const MutexLock lock(mutex_);
    while (reports_.empty() && !stop_) changed_.Wait(mutex_);
    if (stop_) return std::nullopt;
    v1::ReportRequest report = std::move(reports_.front());
    reports_.pop_front();
    return report;
  }
  void Send(const v1::ReportRequest& report) {
    v1::ReportResponse response;
    grpc::ClientContext context;
    SetDeadline(context);
    const grpc::Status status = stub_->Report(&context, report, &response);
    if (!status.ok()) Fail(status.error_message());
  }

  v1::SyncRequest request_;
  std::unique_ptr<v1::Pool::Stub> stub_;
  std::atomic<bool> stop_ = false;
  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, absl::Time> leased_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::ReportRequest> reports_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

// From the submit to the answer that gives it to the worker, one after another.
Latencies UntilLeased(const std::shared_ptr<grpc::Channel>& channel, Worker& worker,
                      const std::function<bool(int)>& more) {
  const auto stub = v1::Control::NewStub(channel);
  Latencies latencies;
  for (int i = 0; more(i); ++i) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::SubmitResponse response;
    const absl::Time sent = absl::Now();
    const grpc::Status status = stub->Submit(&context, SmallSubmit(), &response);
    if (!status.ok()) Fail(status.error_message());
    latencies.all.push_back(worker.LeasedAt(response.handoff().id()) - sent);
  }
  return latencies;
}

void PrintQuiet(const char* when, Latencies latencies) {
  const size_t times = latencies.all.size();
  std::printf("%-56s p50 %8.2f ms   p99 %8.2f ms   (%zu)\n", when,
              absl::ToDoubleMilliseconds(latencies.Percentile(0.5)),
              absl::ToDoubleMilliseconds(latencies.Percentile(0.99)), times);
}

}  // namespace

void PrintQuotaFlood(const std::string& program, int64_t submits) {
  const CoordinatorProcess coordinator(program);
  const auto quiet = coordinator.Connect(coordinator.Login("quiet"));
  const CredentialSet loud = coordinator.Login("loud");
  Worker worker(coordinator);
  PrintQuiet("another user's submit, until leased, without a flood",
             UntilLeased(quiet, worker, [](int i) { return i < kQuietSubmits; }));

  SubmitLoad load;
  for (int i = 0; i < 8; ++i) load.channels.push_back(coordinator.Connect(loud));
  load.clients = 64;
  load.most = submits;
  load.may_be_refused = true;
  const int64_t before = coordinator.server().ResidentKilobytes();
  const double cpu = coordinator.server().CpuSeconds();
  std::atomic<bool> over = false;
  SubmitResult result;
  std::thread flood([&] {
    result = Run(load);
    over = true;
  });
  Latencies during =
      UntilLeased(quiet, worker, [&](int i) { return !over && i < 3 * kQuietSubmits; });
  flood.join();
  PrintQuiet("the same during the flood of one user", std::move(during));
  const double seconds = absl::ToDoubleSeconds(result.took);
  const size_t refused = result.refused.all.size();
  std::printf("%lld submits of one user with 64 calls open: %zu taken, %zu refused in %.1f s\n",
              static_cast<long long>(submits), result.answered.all.size(), refused, seconds);
  std::printf(
      "  %.0f refusals/s, p50 %.2f ms, p99 %.2f ms; %.0f us of the coordinator's CPU a call\n",
      static_cast<double>(refused) / seconds,
      absl::ToDoubleMilliseconds(result.refused.Percentile(0.5)),
      absl::ToDoubleMilliseconds(result.refused.Percentile(0.99)),
      (coordinator.server().CpuSeconds() - cpu) * 1e6 / static_cast<double>(submits));
  std::printf("  RSS of the coordinator %ld kB before, %ld kB after\n  said: %s\n",
              static_cast<long>(before),
              static_cast<long>(coordinator.server().ResidentKilobytes()), result.refusal.c_str());
  std::fflush(stdout);
}

}  // namespace handoff
