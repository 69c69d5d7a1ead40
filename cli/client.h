// The coordinator as the command sees it: one method a call, protobuf messages in and out, errors
// with a sentence for a person. Thread-safe. Nothing is retried here but the connection, once,
// before the first call.
//
// UNAVAILABLE means that it cannot be reached, did not answer in time, or could not do it now;
// UNAUTHENTICATED also that what answers is not the coordinator that was asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/stream_call.h"

namespace grpc {
class Channel;
}

namespace handoff {

namespace v1 {
class AddUserRequest;
class AskTurnsRequest;
class CancelRequest;
class ChangeUserRequest;
class ChangeUserResponse;
class CreateTokensRequest;
class CreateTokensResponse;
class DeleteRequest;
class Document;
class DrainWorkerRequest;
class EditDocumentRequest;
class Event;
class Handoff;
class ImportRequest;
class IssuedCertificate;
class ListAuditRequest;
class ListAuditResponse;
class ListRequest;
class ListResponse;
class ListTokensResponse;
class ListUsersResponse;
class ListWorkersResponse;
class LogChunk;
class PoolInfo;
class ReadLogRequest;
class RedeemRequest;
class RemoveWorkerRequest;
class RenewRequest;
class ResumeRequest;
class ReturnRequest;
class RevokeRequest;
class RevokeResponse;
class SendRequest;
class SubmitRequest;
class SubmitResponse;
class TakeOverRequest;
class SummarizeRequest;
class User;
class WatchRequest;
class WhyResponse;
class Worker;
}  // namespace v1

class Client {
 public:
  // Over `channel`; `address` is for sentences. What `keep` holds lives as long as this.
  Client(const std::string& address, std::shared_ptr<grpc::Channel> channel,
         std::shared_ptr<const void> keep = nullptr);
  ~Client();
  const std::string& address() const;
  // Whether there is a connection within this time.
  bool Connects(absl::Duration within);

  absl::StatusOr<v1::SubmitResponse> Submit(const v1::SubmitRequest& request);
  // CANCELLED when `call` is cancelled; so with the others that take one.
  absl::StatusOr<v1::Handoff> Get(const std::string& id, StreamCall* call = nullptr);
  absl::StatusOr<v1::ListResponse> List(const v1::ListRequest& request, StreamCall* call = nullptr);
  absl::StatusOr<v1::Handoff> Cancel(const v1::CancelRequest& request);
  absl::StatusOr<v1::Handoff> Resume(const v1::ResumeRequest& request);
  absl::StatusOr<v1::Handoff> Send(const v1::SendRequest& request);
  absl::Status Delete(const v1::DeleteRequest& request);
  absl::StatusOr<v1::Handoff> TakeOver(const v1::TakeOverRequest& request);
  absl::StatusOr<v1::Handoff> Return(const v1::ReturnRequest& request);
  absl::StatusOr<v1::Handoff> Summarize(const v1::SummarizeRequest& request);
  absl::StatusOr<v1::WhyResponse> Why(const std::string& id, StreamCall* call = nullptr);
  absl::StatusOr<v1::Document> GetDocument(const std::string& id, StreamCall* call = nullptr);
  absl::StatusOr<v1::Document> EditDocument(const v1::EditDocumentRequest& request);
  absl::StatusOr<v1::Handoff> Import(const v1::ImportRequest& request);
  absl::StatusOr<v1::ListWorkersResponse> ListWorkers(const std::string& name);
  absl::StatusOr<v1::Worker> DrainWorker(const v1::DrainWorkerRequest& request);
  absl::StatusOr<v1::Worker> AskTurns(const v1::AskTurnsRequest& request);
  absl::Status RemoveWorker(const v1::RemoveWorkerRequest& request);
  absl::StatusOr<v1::PoolInfo> GetPool(StreamCall* call = nullptr);

  absl::StatusOr<v1::IssuedCertificate> Redeem(const v1::RedeemRequest& request);
  // For at most so long.
  absl::StatusOr<v1::IssuedCertificate> Renew(const v1::RenewRequest& request,
                                              absl::Duration limit);
  absl::StatusOr<v1::User> AddUser(const v1::AddUserRequest& request);
  absl::StatusOr<v1::ChangeUserResponse> ChangeUser(const v1::ChangeUserRequest& request);
  // All pages of it.
  absl::StatusOr<v1::ListUsersResponse> ListUsers(const std::string& name);
  absl::StatusOr<v1::CreateTokensResponse> CreateTokens(const v1::CreateTokensRequest& request);
  absl::StatusOr<v1::ListTokensResponse> ListTokens();
  absl::StatusOr<v1::RevokeResponse> Revoke(const v1::RevokeRequest& request);
  absl::StatusOr<v1::ListAuditResponse> ListAudit(const v1::ListAuditRequest& request);

  // Until the stream ends, `each` returns false (OK), or `call` is cancelled (CANCELLED).
  absl::Status Watch(const v1::WatchRequest& request, StreamCall& call,
                     const std::function<bool(const v1::Event&)>& each);
  absl::Status ReadLog(const v1::ReadLogRequest& request, StreamCall& call,
                       const std::function<bool(const v1::LogChunk&)>& each);

  // Sends the file unless it is there already; goes on where an earlier try ended.
  absl::Status PutObject(const std::string& path, const std::string& sha256, uint64_t size,
                         const std::function<void(uint64_t sent)>& progress);
  // Into a new file. DATA_LOSS: what came is not what the hash names.
  absl::Status GetObject(const std::string& sha256, const std::string& path);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace handoff
