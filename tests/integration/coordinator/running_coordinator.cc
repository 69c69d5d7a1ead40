#include "tests/integration/coordinator/running_coordinator.h"

#include <memory>
#include <utility>

#include "common/hash.h"
#include "common/rpc/channel.h"
#include "common/rpc/proto_time.h"
#include "common/rpc/status.h"

namespace handoff {

ScriptedWorker::ScriptedWorker(Guests& guests, std::string name)
    : name_(std::move(name)),
      uuid_(RandomHex(16)),
      nonce_(static_cast<uint64_t>(reinterpret_cast<uintptr_t>(this)) | 1),
      stub_(v1::Pool::NewStub(guests.Worker(uuid_, name_))) {}

v1::SyncRequest ScriptedWorker::Request() {
  v1::SyncRequest request;
  request.set_pool_id(pool_id_);
  request.set_worker_uuid(uuid_);
  request.set_name(name_);
  request.set_start(start_);
  request.set_nonce(nonce_);
  request.set_seq(++seq_);
  request.set_seen_term(1);
  request.set_host_boot_id("boot");
  request.set_version("test");
  request.set_slots(1);
  v1::AgentOffer& offer = *request.add_agents();
  offer.set_name("command");
  offer.set_state(v1::AgentOffer::READY);
  return request;
}

void ScriptedWorker::StartAgain() {
  ++start_;
  nonce_ += 2;
  seq_ = 0;
}

absl::StatusOr<v1::SyncResponse> ScriptedWorker::Sync(const v1::SyncRequest& request) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::SyncResponse response;
  const grpc::Status status = stub_->Sync(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  pool_id_ = response.pool_id();
  return response;
}

v1::DesiredAttempt ScriptedWorker::TakeAttempt() {
  const auto response = Sync(Request());
  EXPECT_TRUE(response.ok()) << response.status();
  if (!response.ok() || response->attempts_size() != 1) {
    ADD_FAILURE() << "not one attempt";
    return {};
  }
  return response->attempts(0);
}

absl::StatusOr<uint64_t> ScriptedWorker::Append(const v1::DesiredAttempt& attempt, uint64_t offset,
                                                const std::string& bytes, bool checks) {
  grpc::ClientContext context;
  SetDeadline(context);
  const auto stream = stub_->AppendLog(&context);
  v1::AppendLogRequest request;
  request.set_worker_uuid(uuid_);
  request.set_handoff_id(attempt.handoff_id());
  request.set_number(attempt.number());
  request.set_epoch(attempt.epoch());
  request.set_worker_start(start_);
  request.set_worker_nonce(nonce_);
  request.set_checks(checks);
  v1::AppendLogResponse response;
  uint64_t durable = 0;
  if (stream->Write(request) && stream->Read(&response)) {
    durable = response.durable_offset();
    request.Clear();
    for (size_t sent = 0; sent < bytes.size(); sent += request.data().size()) {
      request.set_offset(offset + sent);
      request.set_data(bytes.substr(sent, 256 << 10));
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
    while (stream->Read(&response)) {
      EXPECT_GE(response.durable_offset(), durable);
      durable = response.durable_offset();
    }
  }
  const grpc::Status status = stream->Finish();
  if (!status.ok()) return FromGrpc(status);
  return durable;
}

v1::ReportRequest ScriptedWorker::ReportOf(const v1::DesiredAttempt& attempt,
                                           const std::string& log) const {
  v1::ReportRequest request;
  request.set_pool_id(pool_id_);
  request.set_worker_uuid(uuid_);
  request.set_handoff_id(attempt.handoff_id());
  request.set_number(attempt.number());
  request.set_epoch(attempt.epoch());
  request.set_worker_start(start_);
  request.set_worker_nonce(nonce_);
  v1::AttemptEnd& end = *request.mutable_end();
  end.set_protocol(v1::AttemptEnd::NO_PROTOCOL);
  end.set_exit_code(0);
  end.set_ended_by(v1::AttemptEnd::ITSELF);
  *end.mutable_started_at() = ToProto(absl::Now());
  *end.mutable_ended_at() = ToProto(absl::Now());
  end.set_log_bytes(log.size());
  end.set_log_sha256(Sha256Hex(log));
  return request;
}

absl::StatusOr<v1::ReportResponse> ScriptedWorker::Report(const v1::ReportRequest& request) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ReportResponse response;
  const grpc::Status status = stub_->Report(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  return response;
}

CoordinatorTest::CoordinatorTest() { Restart(); }

CoordinatorTest::~CoordinatorTest() = default;

Config CoordinatorTest::config() const {
  Config config;
  config.data_dir = dir_.path() + "/data";
  config.listen = "127.0.0.1:0";
  return config;
}

void CoordinatorTest::Restart() {
  coordinator_.reset();
  auto started = Coordinator::Start(config(), clock());
  if (!started.ok()) {
    ADD_FAILURE() << started.status();
    std::abort();
  }
  coordinator_ = *std::move(started);
  Connect();
}

void CoordinatorTest::Connect() {
  guests_.Connect(address(), config().data_dir);
  control_ = v1::Control::NewStub(guests_.User("ann", "admin"));
  objects_ = v1::Objects::NewStub(guests_.User("ann", "admin"));
}

v1::HandoffSpec CoordinatorTest::Spec(const std::string& task) {
  v1::HandoffSpec spec;
  spec.set_task(task);
  spec.set_agent("command");
  return spec;
}

absl::StatusOr<v1::SubmitResponse> CoordinatorTest::Submit(const v1::HandoffSpec& spec) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::SubmitRequest request;
  *request.mutable_spec() = spec;
  v1::SubmitResponse response;
  const grpc::Status status = control_->Submit(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  return response;
}

v1::Handoff CoordinatorTest::MustSubmit(const std::string& task) {
  const auto response = Submit(Spec(task));
  EXPECT_TRUE(response.ok()) << response.status();
  return response.ok() ? response->handoff() : v1::Handoff();
}

absl::StatusOr<v1::Handoff> CoordinatorTest::Get(const std::string& id) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::GetRequest request;
  request.set_id(id);
  v1::Handoff handoff;
  const grpc::Status status = control_->Get(&context, request, &handoff);
  if (!status.ok()) return FromGrpc(status);
  return handoff;
}

std::vector<v1::LogChunk> CoordinatorTest::ReadLog(const v1::ReadLogRequest& request,
                                                   absl::Status& status) {
  grpc::ClientContext context;
  SetDeadline(context);
  const auto reader = control_->ReadLog(&context, request);
  std::vector<v1::LogChunk> chunks;
  v1::LogChunk chunk;
  while (reader->Read(&chunk)) chunks.push_back(chunk);
  status = FromGrpc(reader->Finish());
  return chunks;
}

std::string CoordinatorTest::LogOf(const std::string& id) {
  v1::ReadLogRequest request;
  request.set_id(id);
  absl::Status status;
  std::string log;
  for (const v1::LogChunk& chunk : ReadLog(request, status)) {
    EXPECT_EQ(chunk.offset(), log.size());
    log += chunk.data();
  }
  EXPECT_TRUE(status.ok()) << status;
  return log;
}

}  // namespace handoff
