#include "tests/fakes/fake_coordinator.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/handoff/describe.h"
#include "common/handoff/document_edits.h"
#include "common/hash.h"
#include "common/rpc/credentials.h"
#include "tests/fakes/fake_identity.h"

namespace handoff {
namespace {

constexpr size_t kChunk = 1000;

grpc::Status Unavailable(const std::string& message) {
  return {grpc::StatusCode::UNAVAILABLE, message};
}

}  // namespace

FakeCoordinator::FakeCoordinator() {
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  Start(options, {});
}

FakeCoordinator::FakeCoordinator(const FakeAuthority& authority,
                                 const std::vector<grpc::Service*>& more,
                                 const std::string& listen) {
  static const RealClock clock;
  auto credentials = Credentials::Load(CredentialFiles::In(authority.CoordinatorDirectory()),
                                       CredentialUse::kServer, clock);
  CHECK(credentials.ok());
  ServerOptions options;
  options.listen = listen;
  options.credentials = *std::move(credentials);
  Start(options, more);
}

void FakeCoordinator::Start(const ServerOptions& options, const std::vector<grpc::Service*>& more) {
  std::vector<grpc::Service*> services = {static_cast<v1::Control::Service*>(this),
                                          static_cast<v1::Objects::Service*>(this)};
  services.insert(services.end(), more.begin(), more.end());
  auto server = RpcServer::Start(options, services);
  CHECK(server.ok());
  server_ = *std::move(server);
}

FakeCoordinator::~FakeCoordinator() {
  {
    const MutexLock lock(mutex_);
    closing_ = true;
    changed_.NotifyAll();
  }
  server_->Stop(absl::ZeroDuration());
}

void FakeCoordinator::Count() {
  const MutexLock lock(mutex_);
  ++calls_;
  changed_.NotifyAll();
}

void FakeCoordinator::Set(const v1::Handoff& handoff) {
  const MutexLock lock(mutex_);
  handoffs_[handoff.id()] = handoff;
  v1::Event event;
  event.set_revision(events_.size() + 1);
  event.set_handoff_id(handoff.id());
  event.set_kind("changed");
  event.set_status(handoff.status());
  events_.push_back(event);
  changed_.NotifyAll();
}

void FakeCoordinator::SetLog(const std::string& id, int attempt, const std::string& bytes) {
  const MutexLock lock(mutex_);
  logs_[{id, attempt}] = bytes;
  changed_.NotifyAll();
}

void FakeCoordinator::LoseAnswers(int n) {
  const MutexLock lock(mutex_);
  lose_ = n;
}

void FakeCoordinator::BreakLogsEvery(uint64_t bytes, uint64_t overlap) {
  const MutexLock lock(mutex_);
  break_logs_ = bytes;
  overlap_ = overlap;
}

void FakeCoordinator::RefuseLists(int n) {
  const MutexLock lock(mutex_);
  refuse_lists_ = n;
}

void FakeCoordinator::RefusePools(int n) {
  const MutexLock lock(mutex_);
  refuse_pools_ = n;
}

void FakeCoordinator::BreakWatches(int n) {
  const MutexLock lock(mutex_);
  refuse_watches_ = n;
  ++watch_breaks_;
  changed_.NotifyAll();
}

void FakeCoordinator::SetPool(const v1::PoolInfo& pool) {
  const MutexLock lock(mutex_);
  pool_ = pool;
}

void FakeCoordinator::SetLoad(uint64_t running, uint64_t queued) {
  const MutexLock lock(mutex_);
  pool_.set_live(running);
  pool_.set_queued(queued);
}

void FakeCoordinator::BreakUploadAfter(uint64_t bytes) {
  const MutexLock lock(mutex_);
  break_upload_ = bytes;
}

std::vector<v1::SendRequest> FakeCoordinator::sends() const {
  const MutexLock lock(mutex_);
  return sends_;
}

std::vector<v1::EditDocumentRequest> FakeCoordinator::edits() const {
  const MutexLock lock(mutex_);
  return edits_;
}

std::vector<v1::ImportRequest> FakeCoordinator::imports() const {
  const MutexLock lock(mutex_);
  return imports_;
}

std::vector<v1::SubmitRequest> FakeCoordinator::submits() const {
  const MutexLock lock(mutex_);
  return submits_;
}

std::map<std::string, std::string> FakeCoordinator::objects() const {
  const MutexLock lock(mutex_);
  return objects_;
}

std::vector<uint64_t> FakeCoordinator::upload_starts() const {
  const MutexLock lock(mutex_);
  return upload_starts_;
}

void FakeCoordinator::AwaitCalls(int count) {
  const MutexLock lock(mutex_);
  while (calls_ < count) changed_.Wait(mutex_);
}

int FakeCoordinator::calls() const {
  const MutexLock lock(mutex_);
  return calls_;
}

grpc::Status FakeCoordinator::Submit(grpc::ServerContext* context, const v1::SubmitRequest* request,
                                     v1::SubmitResponse* response) {
  Count();
  held_.Enter(context, "Submit");
  v1::Handoff handoff;
  bool lose = false;
  {
    const MutexLock lock(mutex_);
    submits_.push_back(*request);
    const auto known = by_key_.find(request->spec().idempotency_key());
    response->set_existing(known != by_key_.end());
    if (response->existing()) {
      handoff = handoffs_[known->second];
    } else {
      handoff.set_id(request->spec().id().empty() ? absl::StrCat("20261120-h", handoffs_.size() + 1)
                                                  : request->spec().id());
      handoff.set_status(v1::Handoff::QUEUED);
      handoff.set_agent(request->spec().agent());
      handoff.set_owner(CallerOf(*context));
      handoff.mutable_spec()->set_idempotency_key(request->spec().idempotency_key());
      by_key_[request->spec().idempotency_key()] = handoff.id();
    }
    lose = lose_ > 0;
    lose_ = std::max(0, lose_ - 1);
  }
  if (!response->existing()) Set(handoff);
  if (lose) return Unavailable("the answer was lost");
  *response->mutable_handoff() = handoff;
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::Find(const std::string& part, v1::Handoff* handoff) {
  Count();
  const MutexLock lock(mutex_);
  for (const auto& [id, each] : handoffs_) {
    if (!absl::StrContains(id, part)) continue;
    *handoff = each;
    return grpc::Status::OK;
  }
  return {grpc::StatusCode::NOT_FOUND, absl::StrCat("there is no handoff '", part, "'")};
}

grpc::Status FakeCoordinator::Get(grpc::ServerContext* context, const v1::GetRequest* request,
                                  v1::Handoff* response) {
  held_.Enter(context, "Get");
  return Find(request->id(), response);
}

grpc::Status FakeCoordinator::Send(grpc::ServerContext*, const v1::SendRequest* request,
                                   v1::Handoff* response) {
  const grpc::Status found = Find(request->id(), response);
  if (!found.ok()) return found;
  const MutexLock lock(mutex_);
  sends_.push_back(*request);
  v1::Handoff& handoff = handoffs_[response->id()];
  if (request->drop() == 0) {
    v1::Message& message = *handoff.add_messages();
    message.set_number(handoff.messages_size());
    message.set_text(request->text());
    message.set_state(v1::Message::PENDING);
  }
  *response = handoff;
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::GetDocument(grpc::ServerContext* context,
                                          const v1::GetDocumentRequest* request,
                                          v1::Document* response) {
  held_.Enter(context, "GetDocument");
  v1::Handoff handoff;
  const grpc::Status found = Find(request->id(), &handoff);
  if (!found.ok()) return found;
  const MutexLock lock(mutex_);
  response->set_markdown(document_.empty() ? Render(Describe(handoff)) : document_);
  response->set_edit_version(handoff.edits_size());
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::EditDocument(grpc::ServerContext* context,
                                           const v1::EditDocumentRequest* request,
                                           v1::Document* response) {
  v1::Handoff handoff;
  const grpc::Status found = Find(request->id(), &handoff);
  if (!found.ok()) return found;
  const auto changed = ChangedSections(*Parse(request->base()), *Parse(request->markdown()));
  CHECK(changed.ok());  // the command looks before it sends
  {
    const MutexLock lock(mutex_);
    edits_.push_back(*request);
  }
  if (request->version() != handoff.edits_size()) {
    return {grpc::StatusCode::ABORTED, "grace changed the section 'Resume Prompt' meanwhile."};
  }
  for (const SectionText& section : *changed) {
    v1::SectionEdit& edit = *handoff.add_edits();
    edit.set_version(handoff.edits_size());
    edit.set_section(section.section);
    edit.set_text(section.text);
    edit.set_author(CallerOf(*context));
  }
  Set(handoff);
  response->set_markdown(Render(Describe(handoff)));
  response->set_edit_version(handoff.edits_size());
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::Import(grpc::ServerContext* context, const v1::ImportRequest* request,
                                     v1::Handoff* response) {
  Count();
  held_.Enter(context, "Import");
  response->set_id(request->spec().id());
  response->set_status(v1::Handoff::INTERACTIVE);
  *response->mutable_spec() = request->spec();
  response->add_attempts()->set_number(1);
  response->add_edits()->set_section("Resume Prompt");
  const MutexLock lock(mutex_);
  imports_.push_back(*request);
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::Cancel(grpc::ServerContext*, const v1::CancelRequest* request,
                                     v1::Handoff* response) {
  return Find(request->id(), response);
}

grpc::Status FakeCoordinator::Delete(grpc::ServerContext*, const v1::DeleteRequest* request,
                                     v1::DeleteResponse*) {
  v1::Handoff handoff;
  const grpc::Status found = Find(request->id(), &handoff);
  const MutexLock lock(mutex_);
  deletes_.push_back(*request);
  if (!found.ok()) return request->purge() ? grpc::Status::OK : found;
  handoffs_[handoff.id()].set_deleted(true);
  if (request->purge()) handoffs_.erase(handoff.id());
  return grpc::Status::OK;
}

std::vector<v1::DeleteRequest> FakeCoordinator::deletes() const {
  const MutexLock lock(mutex_);
  return deletes_;
}

grpc::Status FakeCoordinator::List(grpc::ServerContext* context, const v1::ListRequest* request,
                                   v1::ListResponse* response) {
  Count();
  held_.Enter(context, "List");
  const MutexLock lock(mutex_);
  if (refuse_lists_ > 0) {
    --refuse_lists_;
    return Unavailable("it is away");
  }
  const size_t begin = request->page_token().empty() ? 0 : std::stoul(request->page_token());
  size_t at = 0;
  for (const auto& [id, handoff] : handoffs_) {
    if (!request->owner().empty() && handoff.owner() != request->owner()) continue;
    if (at++ < begin) continue;
    if (response->handoffs_size() == request->page_size()) {
      response->set_next_page_token(absl::StrCat(at - 1));
      break;
    }
    *response->add_handoffs() = handoff;
  }
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::GetPool(grpc::ServerContext* context, const v1::GetPoolRequest*,
                                      v1::PoolInfo* response) {
  Count();
  held_.Enter(context, "GetPool");
  const MutexLock lock(mutex_);
  if (refuse_pools_ > 0) {
    --refuse_pools_;
    return {grpc::StatusCode::UNAVAILABLE, "is starting"};
  }
  *response = pool_;
  response->set_revision(events_.size());
  response->set_writable(true);
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                                    grpc::ServerWriter<v1::Event>* writer) {
  Count();
  size_t next = request->from_revision();
  int breaks = 0;
  {
    const MutexLock lock(mutex_);
    breaks = watch_breaks_;
    if (refuse_watches_ > 0) {
      --refuse_watches_;
      return Unavailable("it is away");
    }
  }
  while (!context->IsCancelled()) {
    v1::Event event;
    {
      const MutexLock lock(mutex_);
      if (watch_breaks_ != breaks) return Unavailable("the stream broke");
      // A cancelled call is noticed at the next look.
      if (next >= events_.size() && !closing_) changed_.WaitFor(mutex_, absl::Milliseconds(20));
      if (closing_) break;
      if (next >= events_.size()) continue;
      event = events_[next++];
    }
    if (request->id().empty() || event.handoff_id() == request->id()) writer->Write(event);
  }
  return grpc::Status::OK;
}

bool FakeCoordinator::IsLive(const std::string& id, int attempt) {
  const v1::Handoff& handoff = handoffs_[id];
  if (attempt < 1 || attempt > handoff.attempts_size()) return false;
  const auto state = handoff.attempts(attempt - 1).state();
  return state == v1::Attempt::QUEUED || state == v1::Attempt::LEASED ||
         state == v1::Attempt::RUNNING || state == v1::Attempt::STOPPING;
}

grpc::Status FakeCoordinator::ReadLog(grpc::ServerContext* context,
                                      const v1::ReadLogRequest* request,
                                      grpc::ServerWriter<v1::LogChunk>* writer) {
  Count();
  uint64_t sent = 0;
  v1::LogChunk chunk;
  uint64_t offset = request->offset();
  int attempt = request->attempt();
  {
    const MutexLock lock(mutex_);
    if (attempt == 0) attempt = std::max(1, handoffs_[request->id()].attempts_size());
    const uint64_t size = logs_[{request->id(), attempt}].size();
    if (request->tail_bytes() > 0) offset = size - std::min<uint64_t>(size, request->tail_bytes());
    if (++log_streams_ % 2 == 0) offset -= std::min(offset, overlap_);
  }
  while (!context->IsCancelled()) {
    bool live = false;
    {
      const MutexLock lock(mutex_);
      if (closing_) break;
      live = IsLive(request->id(), attempt);
      const std::string& log = logs_[{request->id(), attempt}];
      chunk.set_data(offset < log.size() ? log.substr(offset, kChunk) : "");
      if (chunk.data().empty() && live && request->follow()) {
        changed_.WaitFor(mutex_, absl::Milliseconds(20));
        continue;
      }
      if (break_logs_ > 0 && sent >= break_logs_) return Unavailable("the stream broke");
    }
    chunk.set_offset(offset);
    chunk.set_attempt(attempt);
    chunk.set_end(chunk.data().empty() && !live);
    writer->Write(chunk);
    if (chunk.data().empty()) break;
    offset += chunk.data().size();
    sent += chunk.data().size();
  }
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::Put(grpc::ServerContext* context, Stream* stream) {
  Count();
  held_.Enter(context, "Put");
  v1::PutObjectRequest request;
  if (!stream->Read(&request)) return {grpc::StatusCode::INVALID_ARGUMENT, "no first message"};
  return Receive(stream, request.sha256(), request.size());
}

grpc::Status FakeCoordinator::Receive(Stream* stream, const std::string& sha256, uint64_t size) {
  v1::PutObjectRequest request;
  v1::PutObjectResponse response;
  {
    const MutexLock lock(mutex_);
    upload_starts_.push_back(objects_[sha256].size());
    response.set_offset(objects_[sha256].size());
    response.set_complete(response.offset() == size);
  }
  stream->Write(response);
  while (!response.complete() && stream->Read(&request)) {
    const MutexLock lock(mutex_);
    std::string& object = objects_[sha256];
    if (request.offset() != object.size()) return {grpc::StatusCode::OUT_OF_RANGE, "a gap"};
    object += request.data();
    if (break_upload_ > 0 && object.size() >= break_upload_) {
      break_upload_ = 0;
      return Unavailable("the upload broke");
    }
    response.set_offset(object.size());
    response.set_complete(object.size() == size);
  }
  stream->Write(response);
  return grpc::Status::OK;
}

std::vector<v1::ResumeRequest> FakeCoordinator::resumes() const {
  const MutexLock lock(mutex_);
  return resumes_;
}

grpc::Status FakeCoordinator::Resume(grpc::ServerContext*, const v1::ResumeRequest* request,
                                     v1::Handoff* response) {
  {
    const MutexLock lock(mutex_);
    resumes_.push_back(*request);
  }
  return Find(request->id(), response);
}

std::string FakeCoordinator::SetObject(const std::string& bytes) {
  const MutexLock lock(mutex_);
  return objects_.insert_or_assign(Sha256Hex(bytes), bytes).first->first;
}

void FakeCoordinator::LieAbout(const std::string& sha256, const std::string& instead) {
  const MutexLock lock(mutex_);
  objects_[sha256] = instead;
}

grpc::Status FakeCoordinator::Get(grpc::ServerContext* context, const v1::GetObjectRequest* request,
                                  grpc::ServerWriter<v1::GetObjectResponse>* writer) {
  Count();
  held_.Enter(context, "GetObject");
  const std::map<std::string, std::string> objects = this->objects();
  const auto found = objects.find(request->sha256());
  if (found == objects.end()) return {grpc::StatusCode::NOT_FOUND, "no such object"};
  const std::string& object = found->second;
  v1::GetObjectResponse response;
  response.set_size(object.size());
  for (uint64_t at = request->offset(); at < object.size(); at += response.data().size()) {
    response.set_offset(at);
    response.set_data(object.substr(at, 64 << 10));
    if (!writer->Write(response)) break;
  }
  return grpc::Status::OK;
}

}  // namespace handoff
