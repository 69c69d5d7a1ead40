#include "coordinator/service/control_service.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/file.h"
#include "common/handoff/names.h"
#include "common/rpc/proto_time.h"
#include "common/status.h"
#include "common/version.h"
#include "coordinator/service/answer.h"
#include "coordinator/service/convert.h"
#include "coordinator/service/documents.h"
#include "coordinator/service/equivalence.h"
#include "coordinator/service/event_follower.h"
#include "coordinator/service/imported_logs.h"
#include "coordinator/service/listed.h"
#include "coordinator/service/log_follower.h"
#include "coordinator/service/open_calls.h"
#include "coordinator/service/rights.h"
#include "coordinator/service/show.h"
#include "coordinator/service/validate.h"

namespace handoff {
namespace {

constexpr size_t kMaxPageBytes = 2 << 20;

using Unary = grpc::ServerUnaryReactor;

template <typename Stream, typename... Arguments>
Stream* StartFollowing(const Guest& guest, OpenCalls& calls, Arguments&&... arguments) {
  const auto stream = std::make_shared<Stream>(std::forward<Arguments>(arguments)...);
  stream->EndWith(guest.caller.serial, calls);
  stream->Subscribe();
  stream->Begin();
  return stream.get();
}

template <typename Message>
grpc::ServerWriteReactor<Message>* Refuse(const absl::Status& status) {
  return RefuseStream<grpc::ServerWriteReactor<Message>>(status);
}

}  // namespace

Unary* ControlService::Submit(Context* context, const v1::SubmitRequest* request,
                              v1::SubmitResponse* response) {
  auto submit = ToSubmit(context, *request);
  if (!submit.ok()) return Answer(context, submit.status());
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(*std::move(submit),
                     AnswerWith(context, reactor, [response](const core::Submit::Reply& reply) {
                       *response->mutable_handoff() = ToProto(reply.handoff, Detail::kFull);
                       response->set_existing(reply.existing);
                       return absl::OkStatus();
                     }));
  return reactor;
}

absl::StatusOr<core::Submit> ControlService::ToSubmit(Context* context,
                                                      const v1::SubmitRequest& request) const {
  v1::HandoffSpec spec = request.spec();
  ASSIGN_OR_RETURN(const Guest guest, EnterAsOwner(context, core::Method::kSubmit, spec));
  Normalise(spec);
  RETURN_IF_ERROR(Validate(spec));
  RETURN_IF_ERROR(ValidateNotify(spec, parts_.notify_keys));
  RETURN_IF_ERROR(CheckObjects(spec));
  core::Submit submit = ToCore(spec, guest.subject, parts_.clock.Now());
  submit.duplicates = DuplicatesOf(request);
  const Eyes eyes = EyesOf(guest);
  submit.sees_others = eyes.others;
  submit.sees_private = eyes.others_private;
  return submit;
}

absl::StatusOr<Guest> ControlService::EnterAsOwner(Context* context, core::Method method,
                                                   const v1::HandoffSpec& spec) const {
  ASSIGN_OR_RETURN(Guest guest, parts_.door.Enter(*context, method));
  RETURN_IF_ERROR(CheckPriority(guest, spec.priority()));
  RETURN_IF_ERROR(CheckRepository(guest, spec.repository().url()));
  return guest;
}

absl::Status ControlService::CheckObjects(const v1::HandoffSpec& spec) const {
  const v1::Repository& repository = spec.repository();
  if (!repository.pack_sha256().empty()) {
    RETURN_IF_ERROR(CheckObject("pack", repository.pack_sha256(), repository.pack_bytes()));
  }
  for (const v1::Attachment& file : spec.attachments()) {
    RETURN_IF_ERROR(CheckObject("attached file", file.sha256(), file.bytes()));
  }
  return absl::OkStatus();
}

absl::Status ControlService::CheckObject(absl::string_view what, const std::string& sha256,
                                         uint64_t bytes) const {
  const auto size = parts_.objects.Size(sha256);
  if (absl::IsNotFound(size.status())) {
    return absl::FailedPreconditionError(absl::StrCat("the coordinator does not have the ", what,
                                                      " ", sha256, "; upload it and submit again"));
  }
  RETURN_IF_ERROR(size.status());
  if (*size == bytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the ", what, " ", sha256, " is said to have ",
                                                 bytes, " bytes and has ", *size));
}

Unary* ControlService::Get(Context* context, const v1::GetRequest* request, v1::Handoff* response) {
  const auto found = FindFor(*context, core::Method::kGet, request->id(), parts_);
  if (!found.ok()) return Answer(context, found.status());
  *response = handoff::Show(found->handoff, Detail::kFull, parts_);
  if (found->guest.purpose == core::CredentialPurpose::kWorker)
    ShowEnvironment(found->handoff, *response);
  return Answer(context, absl::OkStatus());
}

Unary* ControlService::List(Context* context, const v1::ListRequest* request,
                            v1::ListResponse* response) {
  return Answer(context, ListPage(context, *request), response);
}

absl::StatusOr<v1::ListResponse> ControlService::ListPage(Context* context,
                                                          const v1::ListRequest& request) const {
  ASSIGN_OR_RETURN(const Guest guest,
                   parts_.door.Enter(*context, core::Method::kList, Validate(request)));
  ListFilter filter = ToCore(request, parts_.clock.Now());
  filter.eyes = EyesOf(guest);
  while (true) {
    ASSIGN_OR_RETURN(const handoff::ListPage page, parts_.reader.List(filter));
    v1::ListResponse response = Show(page, request, guest);
    const size_t bytes = response.ByteSizeLong();
    if (bytes <= kMaxPageBytes || filter.limit == 1) return response;
    // Shorter, so that it fits into a message; the cursor must be that of the shorter page.
    filter.limit = std::max(1, static_cast<int>(page.handoffs.size() * kMaxPageBytes / bytes / 2));
  }
}

v1::ListResponse ControlService::Show(const handoff::ListPage& page, const v1::ListRequest& request,
                                      const Guest& guest) const {
  v1::ListResponse response;
  response.set_next_page_token(page.next_cursor);
  for (const core::Handoff& from : page.handoffs) {
    v1::Handoff handoff = handoff::Show(from, Detail::kList, parts_);
    // Running and stalled are one status in the store.
    const auto& wanted = request.statuses();
    if (!wanted.empty() &&
        std::find(wanted.begin(), wanted.end(), handoff.status()) == wanted.end()) {
      continue;
    }
    for (v1::Attempt& attempt : *handoff.mutable_attempts()) attempt.clear_facts();
    if (SightOf(guest, from, parts_) != core::Sight::kWhole) handoff = Listed(handoff);
    *response.add_handoffs() = std::move(handoff);
  }
  return response;
}

grpc::ServerWriteReactor<v1::Event>* ControlService::Watch(Context* context,
                                                           const v1::WatchRequest* request) {
  const auto guest = parts_.door.Enter(*context, core::Method::kWatch);
  if (!guest.ok()) return Refuse<v1::Event>(guest.status());
  std::string id;
  if (!request->id().empty()) {
    auto found = FindFor(*context, core::Method::kWatch, request->id(), parts_);
    if (!found.ok()) return Refuse<v1::Event>(found.status());
    id = found->id;
  }
  uint64_t after = request->from_revision();
  if (request->tail()) {
    const auto last = parts_.reader.LastRevision();
    if (!last.ok()) return Refuse<v1::Event>(last.status());
    after = *last;
  }
  return StartFollowing<EventFollower>(*guest, parts_.calls, after, std::move(id), EyesOf(*guest),
                                       parts_.reader, parts_.followers);
}

grpc::ServerWriteReactor<v1::LogChunk>* ControlService::ReadLog(Context* context,
                                                                const v1::ReadLogRequest* request) {
  const auto found = FindFor(*context, core::Method::kReadLog, request->id(), parts_,
                             IdRule::kPreferLive, Validate(*request));
  if (!found.ok()) return Refuse<v1::LogChunk>(found.status());
  v1::ReadLogRequest resolved = *request;
  resolved.set_id(found->id);
  return StartFollowing<LogFollower>(found->guest, parts_.calls, std::move(resolved), parts_.reader,
                                     parts_.logs, parts_.followers);
}

Unary* ControlService::Cancel(Context* context, const v1::CancelRequest* request,
                              v1::Handoff* response) {
  const auto found = FindFor(*context, core::Method::kCancel, request->id(), parts_,
                             IdRule::kOnlyOne, Validate(*request));
  if (!found.ok()) return Answer(context, found.status());
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(core::Cancel{found->id, request->reason(), found->guest.subject},
                     AnswerWith(reactor, [response](const core::Cancel::Reply& reply) {
                       *response = ToProto(reply.handoff, Detail::kFull);
                       return absl::OkStatus();
                     }));
  return reactor;
}

absl::StatusOr<core::Resume> ControlService::ToResume(Context* context,
                                                      const v1::ResumeRequest& request) const {
  ASSIGN_OR_RETURN(const Found found, FindFor(*context, core::Method::kResume, request.id(), parts_,
                                              IdRule::kOnlyOne, Validate(request)));
  ASSIGN_OR_RETURN(std::string spec, ChangedSpec(found.handoff, request));
  core::Resume resume;
  resume.id = found.id;
  resume.on_worker = WorkerAskedFor(found.handoff, request);
  resume.fresh_session = request.fresh_session();
  resume.agent = request.agent();
  resume.model = request.model();
  resume.spec = std::move(spec);
  resume.now = request.now();
  resume.from_attempt = request.from_attempt();
  resume.actor = found.guest.subject;
  return resume;
}

Unary* ControlService::Resume(Context* context, const v1::ResumeRequest* request,
                              v1::Handoff* response) {
  auto resume = ToResume(context, *request);
  if (!resume.ok()) return Answer(context, resume.status());
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(*std::move(resume),
                     AnswerWith(context, reactor, [response](const core::Resume::Reply& reply) {
                       *response = ToProto(reply.handoff, Detail::kFull);
                       return absl::OkStatus();
                     }));
  return reactor;
}

Unary* ControlService::Send(Context* context, const v1::SendRequest* request,
                            v1::Handoff* response) {
  const auto found = FindFor(*context, core::Method::kSend, request->id(), parts_, IdRule::kOnlyOne,
                             Validate(*request));
  if (!found.ok()) return Answer(context, found.status());
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(
      core::Send{found->id, request->text(), request->now(), request->drop(), found->guest.subject},
      AnswerWith(context, reactor, [response](const core::Send::Reply& reply) {
        *response = ToProto(reply.handoff, Detail::kFull);
        return absl::OkStatus();
      }));
  return reactor;
}

Unary* ControlService::TakeOver(Context* context, const v1::TakeOverRequest* request,
                                v1::Handoff* response) {
  const auto found = FindFor(*context, core::Method::kTakeOver, request->id(), parts_,
                             IdRule::kOnlyOne, Validate(*request));
  if (!found.ok()) return Answer(context, found.status());
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(
      core::TakeOver{found->id, found->guest.subject, request->on_host(), request->stop()},
      AnswerWith(reactor, [response](const core::TakeOver::Reply& reply) {
        *response = ToProto(reply.handoff, Detail::kFull);
        return absl::OkStatus();
      }));
  return reactor;
}

absl::StatusOr<core::Return> ControlService::ToReturn(Context* context,
                                                      const v1::ReturnRequest& request) const {
  ASSIGN_OR_RETURN(const Found found, FindFor(*context, core::Method::kReturn, request.id(), parts_,
                                              IdRule::kOnlyOne, Validate(request)));
  std::vector<std::string> missing;
  core::PackSizes sizes;
  for (const v1::Checkpoint::Pack& pack : request.checkpoint().packs()) {
    const absl::StatusOr<uint64_t> held = parts_.objects.Size(pack.sha256());
    if (!held.ok() && !absl::IsNotFound(held.status())) return held.status();
    if (held.ok()) {
      sizes[pack.sha256()] = *held;
    } else {
      missing.push_back(pack.sha256());
    }
  }
  if (!missing.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the coordinator does not have these packs of the checkpoint: ",
                     absl::StrJoin(missing, ", "), ". Nothing was returned: upload them first"));
  }
  core::Return back = ToCore(request, found.handoff, found.guest.subject);
  back.sizes = std::move(sizes);
  return back;
}

Unary* ControlService::Return(Context* context, const v1::ReturnRequest* request,
                              v1::Handoff* response) {
  auto back = ToReturn(context, *request);
  if (!back.ok()) return Answer(context, back.status());
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(*std::move(back),
                     AnswerWith(reactor, [response](const core::Return::Reply& reply) {
                       *response = ToProto(reply.handoff, Detail::kFull);
                       return absl::OkStatus();
                     }));
  return reactor;
}

Unary* ControlService::Why(Context* context, const v1::WhyRequest* request,
                           v1::WhyResponse* response) {
  const auto found = FindFor(*context, core::Method::kWhy, request->id(), parts_);
  if (!found.ok()) return Answer(context, found.status());
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(core::Why{found->id},
                     AnswerWith(reactor, [response](const core::Why::Reply& reply) {
                       *response = ToProto(reply);
                       return absl::OkStatus();
                     }));
  return reactor;
}

Unary* ControlService::GetDocument(Context* context, const v1::GetDocumentRequest* request,
                                   v1::Document* response) {
  const auto found = FindFor(*context, core::Method::kGetDocument, request->id(), parts_);
  if (!found.ok()) return Answer(context, found.status());
  return Answer(context, RenderDocument(found->id, parts_), response);
}

Unary* ControlService::Import(Context* context, const v1::ImportRequest* request,
                              v1::Handoff* response) {
  const auto guest = EnterAsOwner(context, core::Method::kImport, request->spec());
  if (!guest.ok()) return Answer(context, guest.status());
  auto import = ToImport(*request, guest->subject, parts_.clock.Now());
  if (!import.ok()) return Answer(context, import.status());
  const absl::Status notify = ValidateNotify(request->spec(), parts_.notify_keys);
  if (!notify.ok()) return Answer(context, notify);
  absl::Status arrived = CheckObjects(request->spec());
  if (arrived.ok()) arrived = CheckImportedLogs(*request, parts_.objects);
  if (!arrived.ok()) return Answer(context, arrived);
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(*std::move(import), [this, context, reactor, request, response](auto reply) {
    SendRetryAfter(reply.status(), *context);
    if (!reply.ok()) return reactor->Finish(ToGrpc(FromEngine(reply.status())));
    *response = ToProto(reply->handoff, Detail::kFull);
    parts_.purger.Later([this, reactor, request, id = reply->handoff.id] {
      reactor->Finish(ToGrpc(StoreImportedLogs(id, *request, parts_.objects, parts_.logs)));
    });
  });
  return reactor;
}

Unary* ControlService::EditDocument(Context* context, const v1::EditDocumentRequest* request,
                                    v1::Document* response) {
  const auto found =
      FindFor(*context, core::Method::kEditDocument, request->id(), parts_, IdRule::kOnlyOne);
  if (!found.ok()) return Answer(context, found.status());
  auto edit = ToEdit(*request, found->id, found->guest.subject);
  if (!edit.ok()) return Answer(context, edit.status());
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(*std::move(edit), [this, reactor, response](auto reply) {
    if (!reply.ok()) return reactor->Finish(ToGrpc(FromEngine(reply.status())));
    // As it is stored now: to read and render it would hold up the engine.
    parts_.purger.Later([this, reactor, response, id = reply->handoff.id] {
      auto document = RenderDocument(id, parts_);
      if (document.ok()) *response = *std::move(document);
      reactor->Finish(ToGrpc(document.status()));
    });
  });
  return reactor;
}

Unary* ControlService::ListWorkers(Context* context, const v1::ListWorkersRequest* request,
                                   v1::ListWorkersResponse* response) {
  const absl::Status named =
      request->name().empty() ? absl::OkStatus() : ValidateWorkerName(request->name());
  const auto guest = parts_.door.Enter(*context, core::Method::kListWorkers, named);
  if (!guest.ok()) return Answer(context, guest.status());
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(core::ListWorkers{request->name()},
                     AnswerWith(reactor, [eyes = EyesOf(*guest), request,
                                          response](const core::ListWorkers::Reply& reply) {
                       *response = ToProto(reply, request->page_token(), eyes);
                       return absl::OkStatus();
                     }));
  return reactor;
}

Unary* ControlService::DrainWorker(Context* context, const v1::DrainWorkerRequest* request,
                                   v1::Worker* response) {
  const auto guest = parts_.door.Enter(*context, core::Method::kDrainWorker, Validate(*request));
  if (!guest.ok()) return Answer(context, guest.status());
  Unary* const reactor = context->DefaultReactor();
  core::Drain drain{request->name(), request->reason(), request->undrain(), guest->subject};
  drain.caller = guest->caller;
  parts_.engine.Post(
      std::move(drain),
      AnswerWith(reactor, [eyes = EyesOf(*guest), response](const core::Drain::Reply& reply) {
        *response = ToProto(reply.worker, eyes);
        return absl::OkStatus();
      }));
  return reactor;
}

Unary* ControlService::RemoveWorker(Context* context, const v1::RemoveWorkerRequest* request,
                                    v1::RemoveWorkerResponse*) {
  const auto guest = parts_.door.Enter(*context, core::Method::kRemoveWorker, Validate(*request));
  if (!guest.ok()) return Answer(context, guest.status());
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(
      core::RemoveWorker{request->name(), guest->subject, guest->caller},
      AnswerWith(reactor, [](const core::RemoveWorker::Reply&) { return absl::OkStatus(); }));
  return reactor;
}

Unary* ControlService::GetPool(Context* context, const v1::GetPoolRequest*,
                               v1::PoolInfo* response) {
  const auto guest = parts_.door.Enter(*context, core::Method::kGetPool);
  if (!guest.ok()) return Answer(context, guest.status());
  if (const absl::Status described = Describe(*response); !described.ok()) {
    return Answer(context, described);
  }
  Unary* const reactor = context->DefaultReactor();
  parts_.engine.Post(core::Counts{},
                     AnswerWith(reactor, [response](const core::Counts::Reply& counts) {
                       response->set_workers(static_cast<int>(counts.workers));
                       response->set_workers_reachable(static_cast<int>(counts.reachable));
                       response->set_queued(counts.queued);
                       response->set_live(counts.live);
                       return absl::OkStatus();
                     }));
  return reactor;
}

absl::Status ControlService::Describe(v1::PoolInfo& pool) const {
  ASSIGN_OR_RETURN(const std::string pool_id, parts_.reader.PoolId());
  ASSIGN_OR_RETURN(const uint64_t revision, parts_.reader.LastRevision());
  ASSIGN_OR_RETURN(const uint64_t free, FreeDiskBytes(parts_.data_dir));
  pool.set_pool_id(pool_id);
  pool.set_version(kVersion);
  pool.set_revision(revision);
  *pool.mutable_now() = ToProto(parts_.clock.Now());
  *pool.mutable_started_at() = ToProto(parts_.started_at);
  pool.set_disk_free_bytes(free);
  pool.set_writable(free >= parts_.reserve_bytes);
  return absl::OkStatus();
}

}  // namespace handoff
