// The part of the fake coordinator in which a person takes a handoff over and gives it back, and
// has it summarised.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/fakes/fake_coordinator.h"
#include "tests/fakes/fake_identity.h"

namespace handoff {

void FakeCoordinator::SetWorker(const v1::Worker& worker) {
  const MutexLock lock(mutex_);
  workers_[worker.name()] = worker;
}

void FakeCoordinator::SetDocument(const std::string& markdown) {
  const MutexLock lock(mutex_);
  document_ = markdown;
}

void FakeCoordinator::SetSummary(const v1::Summary& summary) {
  const MutexLock lock(mutex_);
  summary_ = summary;
}

std::vector<v1::TakeOverRequest> FakeCoordinator::takeovers() const {
  const MutexLock lock(mutex_);
  return takeovers_;
}

std::vector<v1::ReturnRequest> FakeCoordinator::returns() const {
  const MutexLock lock(mutex_);
  return returns_;
}

grpc::Status FakeCoordinator::TakeOver(grpc::ServerContext* context,
                                       const v1::TakeOverRequest* request, v1::Handoff* response) {
  held_.Enter(context, "TakeOver");
  const grpc::Status found = Find(request->id(), response);
  if (!found.ok()) return found;
  const bool running = response->status() == v1::Handoff::RUNNING;
  {
    const MutexLock lock(mutex_);
    takeovers_.push_back(*request);
  }
  if (running && !request->stop()) {
    return {grpc::StatusCode::FAILED_PRECONDITION, "It is running; --stop ends its attempt first"};
  }
  response->set_taken_by(CallerOf(*context));
  response->mutable_taken_at()->set_seconds(1'795'000'000);
  if (request->on_host()) response->set_taken_on(response->worker());
  if (running) {
    response->mutable_attempts()->rbegin()->set_state(v1::Attempt::STOPPING);
  } else {
    response->set_status(v1::Handoff::INTERACTIVE);
  }
  Set(*response);
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::Return(grpc::ServerContext* context, const v1::ReturnRequest* request,
                                     v1::Handoff* response) {
  held_.Enter(context, "Return");
  const grpc::Status found = Find(request->id(), response);
  if (!found.ok()) return found;
  bool lose = false;
  {
    const MutexLock lock(mutex_);
    returns_.push_back(*request);
    lose = lose_ > 0;
    lose_ = std::max(0, lose_ - 1);
  }
  if (response->taken_by().empty()) {
    const bool again = request->has_checkpoint() && response->returned().SerializeAsString() ==
                                                        request->checkpoint().SerializeAsString();
    if (again) return grpc::Status::OK;
    return {grpc::StatusCode::FAILED_PRECONDITION, "Nobody has it; nothing was returned."};
  }
  if (request->has_checkpoint()) {
    *response->mutable_returned() = request->checkpoint();
    response->set_returned_after(response->attempts_size());
  }
  response->clear_taken_by();
  response->clear_taken_at();
  response->clear_taken_on();
  response->set_status(v1::Handoff::QUEUED);
  v1::Attempt& next = *response->add_attempts();
  next.set_number(response->attempts_size());
  next.set_state(v1::Attempt::QUEUED);
  next.set_only_checks(request->done());
  Set(*response);
  if (lose) return {grpc::StatusCode::UNAVAILABLE, "it is away"};
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::Summarize(grpc::ServerContext*, const v1::SummarizeRequest* request,
                                        v1::Handoff* response) {
  const grpc::Status found = Find(request->id(), response);
  if (!found.ok()) return found;
  {
    const MutexLock lock(mutex_);
    *response->mutable_attempts(request->attempt() - 1)->mutable_summary() = summary_;
  }
  Set(*response);
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::AskTurns(grpc::ServerContext*, const v1::AskTurnsRequest* request,
                                       v1::Worker* response) {
  const grpc::Status asked = turns_.Ask(*request);
  if (!asked.ok()) return asked;
  const MutexLock lock(mutex_);
  *response = workers_[request->worker()];
  turns_.Show(*response);
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::ListWorkers(grpc::ServerContext*,
                                          const v1::ListWorkersRequest* request,
                                          v1::ListWorkersResponse* response) {
  Count();
  const MutexLock lock(mutex_);
  for (const auto& [name, worker] : workers_) {
    if (!request->name().empty() && request->name() != name) continue;
    *response->add_workers() = worker;
    turns_.Show(*response->mutable_workers(response->workers_size() - 1));
  }
  if (!request->name().empty() && response->workers().empty())
    return {grpc::StatusCode::NOT_FOUND,
            absl::StrCat("no worker is named '", request->name(), "'")};
  return grpc::Status::OK;
}

}  // namespace handoff
