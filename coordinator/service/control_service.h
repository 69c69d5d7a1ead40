// For people and pipelines. Each handler translates, asks, and translates back; it never waits for
// the engine.
#pragma once

#include "coordinator/service/parts.h"
#include "handoff/v1/control.grpc.pb.h"

namespace handoff {

class ControlService final : public v1::Control::CallbackService {
 public:
  explicit ControlService(const ServiceParts& parts) : parts_(parts) {}

 private:
  using Context = grpc::CallbackServerContext;
  using Unary = grpc::ServerUnaryReactor;

  Unary* Submit(Context*, const v1::SubmitRequest*, v1::SubmitResponse*) override;
  Unary* Get(Context*, const v1::GetRequest*, v1::Handoff*) override;
  Unary* List(Context*, const v1::ListRequest*, v1::ListResponse*) override;
  grpc::ServerWriteReactor<v1::Event>* Watch(Context*, const v1::WatchRequest*) override;
  grpc::ServerWriteReactor<v1::LogChunk>* ReadLog(Context*, const v1::ReadLogRequest*) override;
  Unary* Cancel(Context*, const v1::CancelRequest*, v1::Handoff*) override;
  Unary* Send(Context*, const v1::SendRequest*, v1::Handoff*) override;
  Unary* TakeOver(Context*, const v1::TakeOverRequest*, v1::Handoff*) override;
  Unary* Return(Context*, const v1::ReturnRequest*, v1::Handoff*) override;
  Unary* Resume(Context*, const v1::ResumeRequest*, v1::Handoff*) override;
  Unary* Delete(Context*, const v1::DeleteRequest*, v1::DeleteResponse*) override;
  Unary* Summarize(Context*, const v1::SummarizeRequest*, v1::Handoff*) override;
  Unary* Why(Context*, const v1::WhyRequest*, v1::WhyResponse*) override;
  Unary* GetDocument(Context*, const v1::GetDocumentRequest*, v1::Document*) override;
  Unary* Import(Context*, const v1::ImportRequest*, v1::Handoff*) override;
  Unary* EditDocument(Context*, const v1::EditDocumentRequest*, v1::Document*) override;
  Unary* ListWorkers(Context*, const v1::ListWorkersRequest*, v1::ListWorkersResponse*) override;
  Unary* DrainWorker(Context*, const v1::DrainWorkerRequest*, v1::Worker*) override;
  Unary* AskTurns(Context*, const v1::AskTurnsRequest*, v1::Worker*) override;
  Unary* RemoveWorker(Context*, const v1::RemoveWorkerRequest*, v1::RemoveWorkerResponse*) override;
  Unary* GetPool(Context*, const v1::GetPoolRequest*, v1::PoolInfo*) override;

  // The pack and the attached files that the spec names have arrived whole.
  absl::Status CheckObjects(const v1::HandoffSpec& spec) const;
  absl::Status CheckObject(absl::string_view what, const std::string& sha256, uint64_t bytes) const;
  // Enters; whose the handoff will be. PERMISSION_DENIED for a repository or a priority that they
  // have not.
  absl::StatusOr<Guest> EnterAsOwner(Context* context, core::Method method,
                                     const v1::HandoffSpec& spec) const;
  absl::StatusOr<core::Submit> ToSubmit(Context* context, const v1::SubmitRequest& request) const;
  absl::StatusOr<core::Resume> ToResume(Context* context, const v1::ResumeRequest& request) const;
  absl::StatusOr<core::Return> ToReturn(Context* context, const v1::ReturnRequest& request) const;
  absl::StatusOr<v1::ListResponse> ListPage(Context* context, const v1::ListRequest& request) const;
  v1::ListResponse Show(const handoff::ListPage& page, const v1::ListRequest& request,
                        const Guest& guest) const;
  absl::Status Describe(v1::PoolInfo& pool) const;

  const ServiceParts parts_;
};

}  // namespace handoff
