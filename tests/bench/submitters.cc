#include "tests/bench/submitters.h"

#include <atomic>
#include <chrono>
#include <future>
#include <utility>

#include "absl/time/clock.h"
#include "tests/bench/server_process.h"

namespace handoff {
namespace {

// The next call begins when the last one was answered.
class Submitter {
 public:
  Submitter(const SubmitLoad& load, std::shared_ptr<grpc::Channel> channel, absl::Time until,
            std::atomic<int64_t>& left)
      : load_(load), stub_(v1::Control::NewStub(std::move(channel))), until_(until), left_(left) {}
  void Begin() { Next(); }
  void Wait(SubmitResult& into) {
    done_.get_future().wait();
    into.answered.Add(std::move(answered_));
    into.refused.Add(std::move(refused_));
    if (!refusal_.empty()) into.refusal = refusal_;
  }

 private:
  void Next() {
    sent_ = absl::Now();
    if (sent_ >= until_ || left_.fetch_sub(1) <= 0) return done_.set_value();
    context_ = std::make_unique<grpc::ClientContext>();
    const auto answered = [this](const grpc::Status& status) {
      Take(status);
      Next();
    };
    if (load_.submits) {
      stub_->async()->Submit(context_.get(), &submit_, &submitted_, answered);
    } else {
      stub_->async()->ListWorkers(context_.get(), &list_, &listed_, answered);
    }
  }
  void Take(const grpc::Status& status) {
    const absl::Duration took = absl::Now() - sent_;
    if (status.ok()) return answered_.all.push_back(took);
    if (!load_.may_be_refused || status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED)
      Fail(status.error_message());
    refused_.all.push_back(took);
    refusal_ = status.error_message();
  }

  const SubmitLoad& load_;
  const std::unique_ptr<v1::Control::Stub> stub_;
  const absl::Time until_;
  std::atomic<int64_t>& left_;
  const v1::SubmitRequest submit_ = SmallSubmit();
  const v1::ListWorkersRequest list_;
  std::unique_ptr<grpc::ClientContext> context_;
  v1::SubmitResponse submitted_;
  v1::ListWorkersResponse listed_;
  absl::Time sent_;
  Latencies answered_, refused_;
  std::string refusal_;
  std::promise<void> done_;
};

}  // namespace

v1::SubmitRequest SmallSubmit() {
  v1::SubmitRequest request;
  v1::HandoffSpec& spec = *request.mutable_spec();
  spec.set_task("true");
  spec.set_agent("command");
  return request;
}

SubmitResult Run(const SubmitLoad& load) {
  for (const auto& channel : load.channels)
    channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(30));
  std::atomic<int64_t> left = load.most;
  const absl::Time began = absl::Now();
  std::vector<std::unique_ptr<Submitter>> all;
  for (int i = 0; i < load.clients; ++i) {
    all.push_back(std::make_unique<Submitter>(
        load, load.channels[static_cast<size_t>(i) % load.channels.size()], began + load.span,
        left));
  }
  for (const auto& client : all) client->Begin();
  SubmitResult result;
  for (const auto& client : all) client->Wait(result);
  result.took = absl::Now() - began;
  return result;
}

}  // namespace handoff
