#include "worker/rpc/grpc_coordinator_client.h"

#include <fcntl.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "common/status.h"
#include "worker/rpc/call_status.h"
#include "worker/rpc/convert.h"
#include "worker/rpc/log_reactor.h"

namespace handoff::worker {
namespace {

// The coordinator holds a Sync for up to 12 s.
constexpr absl::Duration kSyncDeadline = absl::Seconds(30);
constexpr size_t kChunkBytes = 256 << 10;

// What one Sync call needs until its callback ran: it outlives the handle.
struct SyncState {
  ConnectionsPtr to;
  grpc::ClientContext context;
  v1::SyncRequest request;
  v1::SyncResponse response;
  std::function<void(absl::StatusOr<SyncAnswer>)> done;
};

class GrpcSyncCall final : public SyncCall {
 public:
  explicit GrpcSyncCall(std::shared_ptr<SyncState> state) : state_(std::move(state)) {}
  ~GrpcSyncCall() override { state_->context.TryCancel(); }

 private:
  const std::shared_ptr<SyncState> state_;
};

// What is wrong with a file here is not the coordinator's word on the attempt. Descriptors that are
// used up say nothing of the file.
absl::Status OfThisHost(const absl::Status& status) {
  if (absl::IsResourceExhausted(status)) return status;
  return absl::DataLossError(status.message());
}

// A connection that was good and broke is nothing to explain: the coordinator restarts, say.
absl::Status HowItWent(const Connections& connections, const grpc::Status& status) {
  const bool before = connections.answered.exchange(status.ok());
  return before ? FromGrpc(status) : FromCall(status);
}

std::shared_ptr<CoordinatorRoute> PlaintextRoute(const std::string& address) {
  static const auto* const clock = new RealClock;
  return std::make_shared<CoordinatorRoute>(CoordinatorRoute::Options{{address}, "", {}}, *clock);
}

// One that could not be opened.
class ClosedLogStream final : public LogStream {
 public:
  explicit ClosedLogStream(absl::Status status) : status_(std::move(status)) {}
  std::optional<uint64_t> durable() const override { return std::nullopt; }
  bool ready() const override { return false; }
  void Write(uint64_t, std::string) override {}
  absl::Status status() const override { return status_; }

 private:
  const absl::Status status_;
};

}  // namespace

GrpcCoordinatorClient::GrpcCoordinatorClient(std::shared_ptr<CoordinatorRoute> route,
                                             Identity worker)
    : worker_(std::move(worker)), route_(std::move(route)) {}

GrpcCoordinatorClient::GrpcCoordinatorClient(const std::string& address, Identity worker)
    : GrpcCoordinatorClient(PlaintextRoute(address), std::move(worker)) {}

std::unique_ptr<SyncCall> GrpcCoordinatorClient::Sync(
    const SyncRequest& request, std::function<void(absl::StatusOr<SyncAnswer>)> done) {
  auto to = route_->GetToSync();
  if (!to.ok()) {
    done(to.status());
    return std::make_unique<SyncCall>();
  }
  auto state = std::make_shared<SyncState>();
  state->to = *std::move(to);
  state->request = ToProto(request);
  state->done = std::move(done);
  SetDeadline(state->context, kSyncDeadline);
  state->to->pool->async()->Sync(&state->context, &state->request, &state->response,
                                 [state, route = route_](const grpc::Status& status) {
                                   const absl::Status said = HowItWent(*state->to, status);
                                   route->Synced(state->to, said);
                                   if (said.ok()) {
                                     state->done(FromProto(state->response));
                                   } else {
                                     state->done(said);
                                   }
                                 });
  return std::make_unique<GrpcSyncCall>(std::move(state));
}

absl::StatusOr<ReportAnswer> GrpcCoordinatorClient::Report(const AttemptReport& report,
                                                           std::stop_token stop) {
  v1::ReportRequest request;
  request.set_pool_id(report.pool_id);
  request.set_worker_uuid(worker_.uuid);
  request.set_worker_start(worker_.start);
  request.set_worker_nonce(worker_.nonce);
  request.set_handoff_id(report.key.handoff_id);
  request.set_number(report.key.number);
  request.set_epoch(report.epoch);
  if (!request.mutable_end()->ParseFromString(report.end)) {
    return absl::DataLossError("the end record is not readable");
  }
  ASSIGN_OR_RETURN(const ConnectionsPtr to, route_->Get());
  grpc::ClientContext context;
  SetDeadline(context);
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  v1::ReportResponse response;
  const grpc::Status status = to->pool->Report(&context, request, &response);
  if (!status.ok()) return FromAttemptCall(status);
  ReportAnswer answer;
  answer.accepted = response.accepted();
  answer.current = response.current();
  answer.push = response.push();
  answer.log_offset = response.log_offset();
  answer.checks_log_offset = response.checks_log_offset();
  if (response.has_handoff()) answer.handoff = response.handoff().SerializeAsString();
  return answer;
}

std::unique_ptr<LogStream> GrpcCoordinatorClient::OpenLog(const AttemptKey& key, LogKind kind,
                                                          uint64_t epoch,
                                                          std::function<void()> wake) {
  auto to = route_->Get();
  if (!to.ok()) {
    // The owner looks at its status when it is woken.
    wake();
    return std::make_unique<ClosedLogStream>(to.status());
  }
  return OpenLogStream((*to)->logs, worker_, key, kind, epoch, std::move(wake));
}

absl::Status GrpcCoordinatorClient::GetObject(const std::string& sha256, uint64_t offset,
                                              const Sink& sink, std::stop_token stop) {
  v1::GetObjectRequest request;
  request.set_sha256(sha256);
  request.set_offset(offset);
  ASSIGN_OR_RETURN(const ConnectionsPtr to, route_->Get());
  grpc::ClientContext context;
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  const auto reader = to->objects->Get(&context, request);
  v1::GetObjectResponse response;
  while (reader->Read(&response)) {
    if (response.offset() != offset) {
      context.TryCancel();
      reader->Finish();
      return absl::DataLossError("the object did not go on where it should");
    }
    if (absl::Status taken = sink(response.data()); !taken.ok()) {
      context.TryCancel();
      reader->Finish();
      return taken;
    }
    offset += response.data().size();
  }
  return FromAttemptCall(reader->Finish());
}

absl::Status GrpcCoordinatorClient::PutObject(const std::string& sha256, const std::string& path,
                                              std::stop_token stop) {
  const auto file = OpenFile(path, O_RDONLY);
  if (!file.ok()) return OfThisHost(file.status());
  const auto bytes = FileSize(path);
  if (!bytes.ok()) return OfThisHost(bytes.status());
  const uint64_t size = *bytes;
  ASSIGN_OR_RETURN(const ConnectionsPtr to, route_->Get());
  grpc::ClientContext context;
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  const auto stream = to->objects->Put(&context);
  const auto fail = [&] {
    const absl::Status status = FromAttemptCall(stream->Finish());
    return status.ok() ? absl::UnavailableError("the coordinator ended the upload early") : status;
  };
  v1::PutObjectRequest request;
  v1::PutObjectResponse response;
  request.set_sha256(sha256);
  request.set_size(size);
  if (!stream->Write(request) || !stream->Read(&response)) return fail();
  request.Clear();
  std::string buffer(kChunkBytes, '\0');
  for (uint64_t at = response.offset(); at < size && !response.complete();) {
    const ssize_t n = ::pread(file->get(), buffer.data(),
                              std::min<uint64_t>(kChunkBytes, size - at), static_cast<off_t>(at));
    if (n <= 0) {
      context.TryCancel();
      stream->Finish();
      return absl::DataLossError(absl::StrCat(path, " became shorter while it was sent"));
    }
    request.set_offset(at);
    request.set_data(buffer.data(), static_cast<size_t>(n));
    if (!stream->Write(request)) return fail();
    at += static_cast<uint64_t>(n);
  }
  stream->WritesDone();
  bool complete = response.complete();
  // To the end of the stream: Finish waits for messages that nobody reads.
  while (stream->Read(&response)) complete = complete || response.complete();
  return complete ? FromAttemptCall(stream->Finish()) : fail();
}

absl::StatusOr<CheckpointAnswer> GrpcCoordinatorClient::SaveCheckpoint(const CheckpointSave& save,
                                                                       std::stop_token stop) {
  v1::SaveCheckpointRequest request;
  request.set_pool_id(save.pool_id);
  request.set_worker_uuid(worker_.uuid);
  request.set_worker_start(worker_.start);
  request.set_worker_nonce(worker_.nonce);
  request.set_handoff_id(save.key.handoff_id);
  request.set_number(save.key.number);
  request.set_epoch(save.epoch);
  if (!request.mutable_checkpoint()->ParseFromString(save.checkpoint)) {
    return absl::DataLossError("the checkpoint's record is not readable");
  }
  ASSIGN_OR_RETURN(const ConnectionsPtr to, route_->Get());
  grpc::ClientContext context;
  SetDeadline(context);
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  v1::SaveCheckpointResponse response;
  const grpc::Status status = to->pool->SaveCheckpoint(&context, request, &response);
  if (!status.ok()) return FromAttemptCall(status);
  return CheckpointAnswer{response.current(),
                          {response.missing().begin(), response.missing().end()}};
}

absl::Status GrpcCoordinatorClient::SavePush(const PushSave& save, std::stop_token stop) {
  v1::SavePushRequest request;
  request.set_pool_id(save.pool_id);
  request.set_worker_uuid(worker_.uuid);
  request.set_worker_start(worker_.start);
  request.set_worker_nonce(worker_.nonce);
  request.set_handoff_id(save.key.handoff_id);
  request.set_number(save.key.number);
  request.set_epoch(save.epoch);
  if (!request.mutable_result()->ParseFromString(save.result)) {
    return absl::DataLossError("the result of the push is not readable");
  }
  ASSIGN_OR_RETURN(const ConnectionsPtr to, route_->Get());
  grpc::ClientContext context;
  SetDeadline(context);
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  v1::SavePushResponse response;
  return FromAttemptCall(to->pool->SavePush(&context, request, &response));
}

absl::StatusOr<std::string> GrpcCoordinatorClient::GetHandoff(const std::string& id,
                                                              std::stop_token stop) {
  v1::GetRequest request;
  request.set_id(id);
  ASSIGN_OR_RETURN(const ConnectionsPtr to, route_->Get());
  grpc::ClientContext context;
  SetDeadline(context);
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  v1::Handoff response;
  const grpc::Status status = to->control->Get(&context, request, &response);
  if (!status.ok()) return FromAttemptCall(status);
  return response.SerializeAsString();
}

absl::StatusOr<bool> GrpcCoordinatorClient::SaveSummary(const SummarySave& save,
                                                        std::stop_token stop) {
  v1::SaveSummaryRequest request;
  request.set_pool_id(save.pool_id);
  request.set_worker_uuid(worker_.uuid);
  request.set_worker_start(worker_.start);
  request.set_worker_nonce(worker_.nonce);
  request.set_handoff_id(save.key.handoff_id);
  request.set_number(save.key.number);
  request.set_wish(save.wish);
  if (!request.mutable_summary()->ParseFromString(save.summary)) {
    return absl::DataLossError("the summary's record is not readable");
  }
  ASSIGN_OR_RETURN(const ConnectionsPtr to, route_->Get());
  grpc::ClientContext context;
  SetDeadline(context);
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  v1::SaveSummaryResponse response;
  const grpc::Status status = to->pool->SaveSummary(&context, request, &response);
  if (!status.ok()) return FromAttemptCall(status);
  return response.current();
}

absl::Status GrpcCoordinatorClient::ReadLog(const AttemptKey& key, LogKind kind, const Sink& sink,
                                            std::stop_token stop) {
  v1::ReadLogRequest request;
  request.set_id(key.handoff_id);
  request.set_attempt(key.number);
  request.set_checks(kind == LogKind::kChecks);
  ASSIGN_OR_RETURN(const ConnectionsPtr to, route_->Get());
  grpc::ClientContext context;
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  const auto reader = to->control->ReadLog(&context, request);
  v1::LogChunk chunk;
  uint64_t offset = 0;
  absl::Status taken;
  while (taken.ok() && reader->Read(&chunk)) {
    if (chunk.data().empty()) continue;  // a marker
    taken = chunk.offset() == offset ? sink(chunk.data())
                                     : absl::DataLossError("the log did not go on where it should");
    offset += chunk.data().size();
  }
  if (!taken.ok()) context.TryCancel();
  const grpc::Status finished = reader->Finish();
  return taken.ok() ? FromAttemptCall(finished) : taken;
}

}  // namespace handoff::worker
