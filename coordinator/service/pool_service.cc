#include "coordinator/service/pool_service.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <utility>

#include "common/rpc/proto_time.h"
#include "common/status.h"
#include "coordinator/service/answer.h"
#include "coordinator/service/convert.h"
#include "coordinator/service/log_appender.h"
#include "coordinator/service/pushes.h"
#include "coordinator/service/rights.h"
#include "coordinator/service/validate.h"

namespace handoff {
namespace {

absl::Status Stopping() {
  return absl::UnavailableError("the coordinator is stopping; attempts go on, call again");
}

// One Sync that the engine may hold; tells it when the worker has gone. Owns itself until OnDone.
class SyncCall final : public grpc::ServerUnaryReactor,
                       public Cuttable,
                       public std::enable_shared_from_this<SyncCall> {
 public:
  SyncCall(Engine& engine, OpenSyncs& held, SyncKey key)
      : engine_(engine), held_(held), key_(std::move(key)) {}

  void EndWith(const std::string& serial, OpenCalls& calls) {
    entry_ = calls.Enter(serial, weak_from_this());
  }

  void Begin(core::Sync command, v1::SyncResponse* response) {
    self_ = shared_from_this();
    if (!held_.Add(key_)) return Finish(ToGrpc(Stopping()));
    engine_.Post(std::move(command),
                 [self = self_, response](const absl::StatusOr<SyncAnswer>& answer) {
                   const bool closed = !self->held_.Remove(self->key_);
                   if (answer.ok()) *response = ToProto(*answer);
                   self->Finish(ToGrpc(self->cut_    ? WasRevoked()
                                       : answer.ok() ? absl::OkStatus()
                                       : closed      ? Stopping()
                                                     : FromEngine(answer.status())));
                 });
  }

 private:
  void OnCancel() override { engine_.CancelSync(key_); }
  void Cut() override {
    cut_ = true;
    engine_.CancelSync(key_);
  }
  void OnDone() override { const auto last = std::move(self_); }

  Engine& engine_;
  OpenSyncs& held_;
  const SyncKey key_;
  std::atomic<bool> cut_ = false;
  OpenCalls::Entry entry_;
  std::shared_ptr<SyncCall> self_;
};

}  // namespace

bool OpenSyncs::Add(const SyncKey& key) {
  MutexLock lock(mutex_);
  if (!closed_) held_.insert(key);
  return !closed_;
}

bool OpenSyncs::Remove(const SyncKey& key) {
  MutexLock lock(mutex_);
  if (const auto it = held_.find(key); it != held_.end()) held_.erase(it);
  return !closed_;
}

std::multiset<SyncKey> OpenSyncs::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  return held_;
}

void PoolService::Close() {
  for (const SyncKey& key : held_.Close()) parts_.engine.CancelSync(key);
}

grpc::ServerUnaryReactor* PoolService::Sync(Context* context, const v1::SyncRequest* request,
                                            v1::SyncResponse* response) {
  const auto guest = CheckWorker(*context, core::Method::kSync, request->worker_uuid(), parts_,
                                 Validate(*request));
  if (!guest.ok()) return Answer(context, guest.status());
  core::Sync command = ToCore(*request);
  command.caller = guest->caller;
  if (request->has_now()) {
    command.worker.clock_ahead = FromProto(request->now()) - parts_.clock.Now();
  }
  const auto call = std::make_shared<SyncCall>(parts_.engine, held_, KeyOf(command));
  call->EndWith(guest->caller.serial, parts_.calls);
  call->Begin(std::move(command), response);
  return call.get();
}

grpc::ServerUnaryReactor* PoolService::SaveCheckpoint(Context* context,
                                                      const v1::SaveCheckpointRequest* request,
                                                      v1::SaveCheckpointResponse* response) {
  const auto guest = CheckWorker(*context, core::Method::kSaveCheckpoint, request->worker_uuid(),
                                 parts_, Validate(*request));
  if (!guest.ok()) return Answer(context, guest.status());
  core::SaveCheckpoint save = ToCore(*request);
  for (const v1::Checkpoint::Pack& pack : request->checkpoint().packs()) {
    const auto size = parts_.objects.Size(pack.sha256());
    if (absl::IsNotFound(size.status())) {
      response->add_missing(pack.sha256());
    } else if (!size.ok()) {
      return Answer(context, size.status());
    } else {
      save.sizes[pack.sha256()] = *size;
    }
  }
  if (response->missing_size() > 0) return Answer(context, absl::OkStatus());
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  parts_.engine.Post(std::move(save), AnswerWith(reactor, [response](const auto& reply) {
                       response->set_current(reply.current);
                       return absl::OkStatus();
                     }));
  return reactor;
}

grpc::ServerUnaryReactor* PoolService::SaveSummary(Context* context,
                                                   const v1::SaveSummaryRequest* request,
                                                   v1::SaveSummaryResponse* response) {
  const auto guest = CheckWorker(*context, core::Method::kSaveSummary, request->worker_uuid(),
                                 parts_, Validate(*request));
  if (!guest.ok()) return Answer(context, guest.status());
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  parts_.engine.Post(ToCore(*request), AnswerWith(reactor, [response](const auto& reply) {
                       response->set_current(reply.current);
                       return absl::OkStatus();
                     }));
  return reactor;
}

absl::StatusOr<bool> PoolService::CompareLog(const Guest& guest, const v1::ReportRequest& request,
                                             v1::AttemptEnd& end, v1::ReportResponse& response) {
  const std::string& id = request.handoff_id();
  ASSIGN_OR_RETURN(const uint64_t size, parts_.logs.Size({id, request.number()}));
  ASSIGN_OR_RETURN(const uint64_t of_checks,
                   parts_.logs.Size({id, request.number(), /*checks=*/true}));
  if (size < end.log_bytes() || of_checks < end.checks_log_bytes()) {
    // Of one that was purged nobody wants the log: the engine says that it is gone.
    ASSIGN_OR_RETURN(const bool purged, parts_.reader.WasPurged(id, Eyes()));
    if (purged) return true;
    // Nor is its size for a worker that was not given it: the engine refuses that one.
    const auto handoff = parts_.reader.Get(id);
    if (absl::IsNotFound(handoff.status())) return true;
    RETURN_IF_ERROR(handoff.status());
    if (!IsOwn(guest, *handoff, parts_)) return true;
    response.set_log_offset(size);
    response.set_checks_log_offset(of_checks);
    return false;
  }
  if (end.log_sha256().empty()) return true;
  ASSIGN_OR_RETURN(const std::string sha256, parts_.logs.Sha256Of({id, request.number()}));
  end.set_log_differs(sha256 != end.log_sha256());
  if (end.log_differs()) {
    SPDLOG_ERROR("the log of {}/{} has {} bytes and SHA-256 {}; worker {} recorded {} and {}", id,
                 request.number(), size, sha256, request.worker_uuid(), end.log_bytes(),
                 end.log_sha256());
  }
  return true;
}

grpc::ServerUnaryReactor* PoolService::Report(Context* context, const v1::ReportRequest* request,
                                              v1::ReportResponse* response) {
  const auto guest = CheckWorker(*context, core::Method::kReport, request->worker_uuid(), parts_,
                                 Validate(*request));
  if (!guest.ok()) return Answer(context, guest.status());
  v1::ReportRequest checked = *request;
  const auto complete = CompareLog(*guest, *request, *checked.mutable_end(), *response);
  if (!complete.ok() || !*complete) return Answer(context, complete.status());
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  parts_.engine.Post(ToCore(checked),
                     AnswerWith(reactor, [this, request, response](const auto& reply) {
                       response->set_accepted(true);
                       response->set_current(reply.current);
                       response->set_push(AsksForPush(reply, request->number()));
                       response->set_log_offset(request->end().log_bytes());
                       *response->mutable_handoff() = ToProto(reply.handoff, Detail::kFull);
                       const std::string& id = request->handoff_id();
                       parts_.logs.Finish({id, request->number()});
                       parts_.logs.Finish({id, request->number(), /*checks=*/true});
                       return absl::OkStatus();
                     }));
  return reactor;
}

grpc::ServerUnaryReactor* PoolService::SavePush(Context* context,
                                                const v1::SavePushRequest* request,
                                                v1::SavePushResponse*) {
  const auto guest = CheckWorker(*context, core::Method::kSavePush, request->worker_uuid(), parts_,
                                 Validate(*request));
  if (!guest.ok()) return Answer(context, guest.status());
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  parts_.engine.Post(ToCore(*request), AnswerWith(reactor, [](const core::SavePush::Reply&) {
                       return absl::OkStatus();
                     }));
  return reactor;
}

grpc::ServerBidiReactor<v1::AppendLogRequest, v1::AppendLogResponse>* PoolService::AppendLog(
    Context* context) {
  using Stream = grpc::ServerBidiReactor<v1::AppendLogRequest, v1::AppendLogResponse>;
  const auto guest = parts_.door.Enter(*context, core::Method::kAppendLog);
  if (!guest.ok()) return RefuseStream<Stream>(guest.status());
  const auto stream = std::make_shared<LogAppender>(parts_, guest->subject);
  stream->EndWith(guest->caller.serial, parts_.calls);
  stream->Subscribe();
  stream->Begin();
  return stream.get();
}

}  // namespace handoff
