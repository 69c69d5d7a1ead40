#include "cli/client.h"

#include <fcntl.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/rpc/channel.h"
#include "common/rpc/connection_driver.h"
#include "common/rpc/credentials.h"
#include "common/rpc/retry_after.h"
#include "common/rpc/status.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.grpc.pb.h"
#include "handoff/v1/identity.grpc.pb.h"
#include "handoff/v1/objects.grpc.pb.h"

namespace handoff {
namespace {

constexpr std::chrono::milliseconds kSecondTry{500};
constexpr size_t kChunkBytes = 256 << 10;

// The sentence of a refusal that will pass, with the time that came beside it.
absl::Status WithWhen(const absl::Status& status) {
  const auto wait = RetryAfter(status);
  if (!wait.has_value()) return status;
  // As it is shown, it must not be too short.
  const absl::Duration unit = *wait < absl::Minutes(2) ? absl::Seconds(1) : absl::Minutes(1);
  return WithRetryAfter(
      absl::Status(status.code(), absl::StrCat(status.message(), " Try again in ",
                                               HumanDuration(absl::Ceil(*wait, unit)), ".")),
      *wait);
}

}  // namespace

void StreamCall::Cancel() {
  const MutexLock lock(mutex_);
  cancelled_ = true;
  if (context_ != nullptr) context_->TryCancel();
  changed_.NotifyAll();
}

bool StreamCall::cancelled() const {
  const MutexLock lock(mutex_);
  return cancelled_;
}

bool StreamCall::Pause(absl::Duration time) {
  const MutexLock lock(mutex_);
  // One wait is enough: an early wake-up only makes the next try come sooner.
  if (!cancelled_) changed_.WaitFor(mutex_, time);
  return !cancelled_;
}

void StreamCall::Enter(grpc::ClientContext* context) {
  const MutexLock lock(mutex_);
  context_ = context;
  if (cancelled_ && context_ != nullptr) context_->TryCancel();
}

struct Client::Impl {
  Impl(std::string where, std::shared_ptr<grpc::Channel> to, std::shared_ptr<const void> kept)
      : address(std::move(where)),
        keep(std::move(kept)),
        channel(std::move(to)),
        control(v1::Control::NewStub(channel)),
        objects(v1::Objects::NewStub(channel)),
        identity(v1::Identity::NewStub(channel)),
        driver(channel) {}

  // No TLS connection came about; OK when it is not that. A coordinator that goes away later ends
  // a connection, too.
  absl::Status ExplainConnection(const std::string& words) const {
    const std::string why = answered ? "" : ExplainHandshake(words);
    if (why.empty()) return absl::OkStatus();
    const std::string sentence = absl::StrCat("no connection to the coordinator at ", address, ": ",
                                              why, "; 'handoff doctor' looks closer");
    // To wait for it would be in vain.
    const bool another =
        absl::StrContains(words, "verify failed") || absl::StrContains(words, "Verification");
    return another ? absl::UnauthenticatedError(sentence) : absl::UnavailableError(sentence);
  }

  // gRPC's own words are about sockets; a person needs to know what to look at.
  absl::Status Explain(const grpc::Status& status) const {
    switch (status.error_code()) {
      case grpc::StatusCode::DEADLINE_EXCEEDED:
        return absl::UnavailableError(absl::StrCat(
            "the coordinator at ", address,
            " did not answer in time, so it is not known whether it was done; look before you try "
            "again, and see its log"));
      case grpc::StatusCode::CANCELLED:
        // A call that is open when the coordinator stops ends so. What the person cancels was
        // decided before.
        return absl::UnavailableError(absl::StrCat(
            "the coordinator at ", address,
            " stopped before it answered, so it is not known whether it was done; look before you "
            "try again"));
      case grpc::StatusCode::UNAVAILABLE:
        RETURN_IF_ERROR(ExplainConnection(status.error_message()));
        if (channel->GetState(false) == GRPC_CHANNEL_READY) break;
        if (answered) driver.Drive();  // it is tried again, after a pause
        return absl::UnavailableError(absl::StrCat(
            "no coordinator answers at ", address, " (", status.error_message(),
            "); is it running, and is the address right? 'handoff doctor' looks closer"));
      case grpc::StatusCode::UNIMPLEMENTED:
        return absl::UnimplementedError(
            absl::StrCat("what answers at ", address,
                         " does not know this call; it is no coordinator, or one of another "
                         "version: ",
                         status.error_message()));
      default:
        break;
    }
    return FromGrpc(status);
  }

  // Before the first call. gRPC 1.51 now and then takes a connection that is under way for one that
  // failed (it looks at errno too late: "Invalid argument"), and a call that waits for it fails,
  // too. So one failure is none: the next try comes after some 200 ms. Nothing was sent yet.
  void Prepare() const {
    if (prepared.exchange(true)) return;
    const auto now = std::chrono::system_clock::now();
    const auto end = now + absl::ToChronoMilliseconds(kUnaryDeadline);
    for (auto state = channel->GetState(true); state != GRPC_CHANNEL_READY;
         state = channel->GetState(true)) {
      if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) {
        channel->WaitForConnected(std::chrono::system_clock::now() + kSecondTry);
        return;
      }
      if (!channel->WaitForStateChange(state, end)) return;
    }
  }

  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> CallOf(
      Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
      const Request& request, absl::Duration limit, StreamCall* call) const {
    Prepare();
    grpc::ClientContext context;
    SetDeadline(context, limit);
    Response response;
    if (call != nullptr) call->Enter(&context);
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (call != nullptr) call->Enter(nullptr);
    if (call != nullptr && call->cancelled()) return absl::CancelledError("interrupted");
    if (!status.ok()) return WithWhen(TakeRetryAfter(Explain(status), context));
    answered = true;
    return response;
  }
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (v1::Control::Stub::*method)(grpc::ClientContext*,
                                                                          const Request&,
                                                                          Response*),
                                const Request& request, StreamCall* call = nullptr) const {
    return CallOf(*control, method, request, kUnaryDeadline, call);
  }
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (v1::Identity::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
      const Request& request, absl::Duration limit = kUnaryDeadline) const {
    return CallOf(*identity, method, request, limit, nullptr);
  }

  template <typename Request, typename Message>
  absl::Status Stream(std::unique_ptr<grpc::ClientReader<Message>> (v1::Control::Stub::*method)(
                          grpc::ClientContext*, const Request&),
                      const Request& request, StreamCall& call,
                      const std::function<void(grpc::ClientContext*)>& enter,
                      const std::function<bool(const Message&)>& each) const {
    Prepare();
    grpc::ClientContext context;
    enter(&context);
    const absl::Cleanup leave = [&] { enter(nullptr); };
    const auto reader = ((*control).*method)(&context, request);
    Message message;
    bool enough = false;
    while (!enough && reader->Read(&message)) {
      answered = true;
      enough = !each(message);
    }
    if (enough) context.TryCancel();
    const grpc::Status status = reader->Finish();
    if (call.cancelled()) return absl::CancelledError("interrupted");
    return enough ? absl::OkStatus() : Explain(status);
  }

  const std::string address;
  const std::shared_ptr<const void> keep;  // longer than the channel
  const std::shared_ptr<grpc::Channel> channel;
  const std::unique_ptr<v1::Control::Stub> control;
  const std::unique_ptr<v1::Objects::Stub> objects;
  const std::unique_ptr<v1::Identity::Stub> identity;
  mutable ConnectionDriver driver;
  mutable std::atomic<bool> prepared = false;
  mutable std::atomic<bool> answered = false;  // some call was
};

Client::Client(const std::string& address, std::shared_ptr<grpc::Channel> channel,
               std::shared_ptr<const void> keep)
    : impl_(std::make_unique<Impl>(address, std::move(channel), std::move(keep))) {}
Client::~Client() = default;
const std::string& Client::address() const { return impl_->address; }

bool Client::Connects(absl::Duration within) {
  return impl_->channel->WaitForConnected(std::chrono::system_clock::now() +
                                          absl::ToChronoMilliseconds(within));
}

absl::StatusOr<v1::SubmitResponse> Client::Submit(const v1::SubmitRequest& request) {
  return impl_->Call(&v1::Control::Stub::Submit, request);
}

absl::StatusOr<v1::Handoff> Client::Get(const std::string& id, StreamCall* call) {
  v1::GetRequest request;
  request.set_id(id);
  return impl_->Call(&v1::Control::Stub::Get, request, call);
}

absl::StatusOr<v1::ListResponse> Client::List(const v1::ListRequest& request, StreamCall* call) {
  return impl_->Call(&v1::Control::Stub::List, request, call);
}

absl::StatusOr<v1::Handoff> Client::Cancel(const v1::CancelRequest& request) {
  return impl_->Call(&v1::Control::Stub::Cancel, request);
}

absl::StatusOr<v1::Handoff> Client::Resume(const v1::ResumeRequest& request) {
  return impl_->Call(&v1::Control::Stub::Resume, request);
}

absl::StatusOr<v1::Handoff> Client::Send(const v1::SendRequest& request) {
  return impl_->Call(&v1::Control::Stub::Send, request);
}

absl::StatusOr<v1::Handoff> Client::TakeOver(const v1::TakeOverRequest& request) {
  return impl_->Call(&v1::Control::Stub::TakeOver, request);
}

absl::StatusOr<v1::Handoff> Client::Return(const v1::ReturnRequest& request) {
  return impl_->Call(&v1::Control::Stub::Return, request);
}

absl::StatusOr<v1::Handoff> Client::Summarize(const v1::SummarizeRequest& request) {
  return impl_->Call(&v1::Control::Stub::Summarize, request);
}

absl::StatusOr<v1::WhyResponse> Client::Why(const std::string& id, StreamCall* call) {
  v1::WhyRequest request;
  request.set_id(id);
  return impl_->Call(&v1::Control::Stub::Why, request, call);
}

absl::StatusOr<v1::Document> Client::GetDocument(const std::string& id, StreamCall* call) {
  v1::GetDocumentRequest request;
  request.set_id(id);
  return impl_->Call(&v1::Control::Stub::GetDocument, request, call);
}

absl::StatusOr<v1::Document> Client::EditDocument(const v1::EditDocumentRequest& request) {
  return impl_->Call(&v1::Control::Stub::EditDocument, request);
}

absl::StatusOr<v1::Handoff> Client::Import(const v1::ImportRequest& request) {
  return impl_->Call(&v1::Control::Stub::Import, request);
}

absl::StatusOr<v1::ListWorkersResponse> Client::ListWorkers(const std::string& name) {
  v1::ListWorkersRequest request;
  request.set_name(name);
  v1::ListWorkersResponse all;
  do {
    ASSIGN_OR_RETURN(const v1::ListWorkersResponse page,
                     impl_->Call(&v1::Control::Stub::ListWorkers, request));
    all.mutable_workers()->MergeFrom(page.workers());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

absl::StatusOr<v1::Worker> Client::DrainWorker(const v1::DrainWorkerRequest& request) {
  return impl_->Call(&v1::Control::Stub::DrainWorker, request);
}

absl::StatusOr<v1::Worker> Client::AskTurns(const v1::AskTurnsRequest& request) {
  return impl_->Call(&v1::Control::Stub::AskTurns, request);
}

absl::Status Client::Delete(const v1::DeleteRequest& request) {
  return impl_->Call(&v1::Control::Stub::Delete, request).status();
}

absl::Status Client::RemoveWorker(const v1::RemoveWorkerRequest& request) {
  return impl_->Call(&v1::Control::Stub::RemoveWorker, request).status();
}

absl::StatusOr<v1::PoolInfo> Client::GetPool(StreamCall* call) {
  return impl_->Call(&v1::Control::Stub::GetPool, v1::GetPoolRequest(), call);
}

absl::StatusOr<v1::IssuedCertificate> Client::Redeem(const v1::RedeemRequest& request) {
  return impl_->Call(&v1::Identity::Stub::Redeem, request);
}

absl::StatusOr<v1::IssuedCertificate> Client::Renew(const v1::RenewRequest& request,
                                                    absl::Duration limit) {
  return impl_->Call(&v1::Identity::Stub::Renew, request, limit);
}

absl::StatusOr<v1::User> Client::AddUser(const v1::AddUserRequest& request) {
  return impl_->Call(&v1::Identity::Stub::AddUser, request);
}

absl::StatusOr<v1::ChangeUserResponse> Client::ChangeUser(const v1::ChangeUserRequest& request) {
  return impl_->Call(&v1::Identity::Stub::ChangeUser, request);
}

absl::StatusOr<v1::ListUsersResponse> Client::ListUsers(const std::string& name) {
  v1::ListUsersRequest request;
  request.set_name(name);
  v1::ListUsersResponse all;
  do {
    ASSIGN_OR_RETURN(const v1::ListUsersResponse page,
                     impl_->Call(&v1::Identity::Stub::ListUsers, request));
    all.mutable_users()->MergeFrom(page.users());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

absl::StatusOr<v1::CreateTokensResponse> Client::CreateTokens(
    const v1::CreateTokensRequest& request) {
  return impl_->Call(&v1::Identity::Stub::CreateTokens, request);
}

absl::StatusOr<v1::ListTokensResponse> Client::ListTokens() {
  v1::ListTokensRequest request;
  v1::ListTokensResponse all;
  do {
    ASSIGN_OR_RETURN(const v1::ListTokensResponse page,
                     impl_->Call(&v1::Identity::Stub::ListTokens, request));
    all.mutable_tokens()->MergeFrom(page.tokens());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

absl::StatusOr<v1::RevokeResponse> Client::Revoke(const v1::RevokeRequest& request) {
  return impl_->Call(&v1::Identity::Stub::Revoke, request);
}

absl::StatusOr<v1::ListAuditResponse> Client::ListAudit(const v1::ListAuditRequest& request) {
  return impl_->Call(&v1::Identity::Stub::ListAudit, request);
}

absl::Status Client::Watch(const v1::WatchRequest& request, StreamCall& call,
                           const std::function<bool(const v1::Event&)>& each) {
  const auto enter = [&](grpc::ClientContext* context) { call.Enter(context); };
  return impl_->Stream<v1::WatchRequest, v1::Event>(&v1::Control::Stub::Watch, request, call, enter,
                                                    each);
}

absl::Status Client::ReadLog(const v1::ReadLogRequest& request, StreamCall& call,
                             const std::function<bool(const v1::LogChunk&)>& each) {
  const auto enter = [&](grpc::ClientContext* context) { call.Enter(context); };
  return impl_->Stream<v1::ReadLogRequest, v1::LogChunk>(&v1::Control::Stub::ReadLog, request, call,
                                                         enter, each);
}

absl::Status Client::PutObject(const std::string& path, const std::string& sha256, uint64_t size,
                               const std::function<void(uint64_t)>& progress) {
  ASSIGN_OR_RETURN(const UniqueFd file, OpenFile(path, O_RDONLY));
  impl_->Prepare();
  grpc::ClientContext context;
  const auto stream = impl_->objects->Put(&context);
  const auto fail = [&] {
    const absl::Status status = impl_->Explain(stream->Finish());
    return status.ok() ? absl::InternalError("the coordinator ended the upload early") : status;
  };
  v1::PutObjectRequest request;
  v1::PutObjectResponse response;
  request.set_sha256(sha256);
  request.set_size(size);
  if (!stream->Write(request) || !stream->Read(&response)) return fail();
  request.Clear();
  std::string buffer(kChunkBytes, '\0');
  for (uint64_t at = response.offset(); at < size && !response.complete();) {
    const ssize_t n = ::pread(file.get(), buffer.data(), std::min<uint64_t>(kChunkBytes, size - at),
                              static_cast<off_t>(at));
    if (n <= 0) {
      context.TryCancel();
      return absl::DataLossError(absl::StrCat(path, " became shorter while it was sent"));
    }
    request.set_offset(at);
    request.set_data(buffer.data(), static_cast<size_t>(n));
    if (!stream->Write(request)) return fail();
    at += static_cast<uint64_t>(n);
    progress(at);
  }
  stream->WritesDone();
  bool complete = response.complete();
  // To the end of the stream: Finish waits for messages that nobody reads.
  while (stream->Read(&response)) complete = complete || response.complete();
  return complete ? impl_->Explain(stream->Finish()) : fail();
}

absl::Status Client::GetObject(const std::string& sha256, const std::string& path) {
  ASSIGN_OR_RETURN(const UniqueFd file, OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  impl_->Prepare();
  grpc::ClientContext context;
  v1::GetObjectRequest request;
  request.set_sha256(sha256);
  const auto reader = impl_->objects->Get(&context, request);
  v1::GetObjectResponse response;
  Sha256 hash;
  absl::Status written;
  while (written.ok() && reader->Read(&response)) {
    hash.Update(response.data());
    written = WriteAll(file.get(), response.data());
  }
  if (!written.ok()) context.TryCancel();
  const absl::Status status = impl_->Explain(reader->Finish());
  RETURN_IF_ERROR(written);
  RETURN_IF_ERROR(status);
  if (hash.Hex() == sha256) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("what the coordinator sent as object ", sha256,
                                          " is something else. Nothing was changed here"));
}

}  // namespace handoff
